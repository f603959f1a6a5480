import { incarnationOf, type Lane, type QueueSettings } from "../../../domain/queue.ts";
import { isPushed } from "../../../domain/target.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import { Part, type PartContext } from "../kernel/part.ts";
import type { RowName } from "../kernel/probe.ts";
import { QUARANTINE, type Rows, readableSettings } from "../kernel/quarantine.ts";
import type { Step } from "../kernel/step.ts";
import { NAMESPACES } from "../namespaces/namespace-store.ts";
import type { KnownQueue } from "./known-queue.ts";
import { QUEUE_LISTENERS } from "./queue-change.ts";
import { isStandIn, type QueueName, standInFor } from "./unreadable-queue.ts";

interface QueueRow extends SqlRow {
  ref: number;
  version: number;
  settings: string;
  frozen_until: number;
  partitioned_at: number;
}

/** A queue that a shard has not known to be deleted, and that was: its name is another's. */
interface Ended {
  queue: KnownQueue;
  before: QueueSettings;
}

/** The queue of some settings. `before` is null where it was unknown, and the settings themselves where they are not newer. */
interface Learned {
  queue: KnownQueue;
  before: QueueSettings | null;
  /** The earlier queue of the name, where these settings tell that it was deleted. */
  ended: Ended | null;
}

/** The queues that a shard has seen, with the newest settings of each: as the rows have them, and as the step sees them. */
export class QueueStore {
  readonly #sql: Sql;
  /** The store that a step's view lies over; null in the shard's own store. */
  readonly #below: QueueStore | null;
  /** Null while nothing was learned here: most steps learn nothing of any queue. */
  #known: {
    byRef: Map<number, KnownQueue>;
    byName: Map<string, KnownQueue>;
    /** The refs of each namespace. */
    byNamespace: Map<string, Set<number>>;
  } | null = null;
  /** Forgotten in this step, by ref and by name. */
  #gone: Set<number | string> | null = null;

  constructor(sql: Sql, below: QueueStore | null = null) {
    this.#sql = sql;
    this.#below = below;
  }

  /** Reads the store from the rows. A queue whose settings cannot be read is set aside, and is paused. */
  static load(shard: PartContext): QueueStore {
    const { sql } = shard;
    const store = new QueueStore(sql);
    const query =
      "SELECT ref, namespace, name, incarnation, version, settings, frozen_until, partitioned_at FROM queues";
    for (const row of sql.all<QueueRow & QueueName>(query)) {
      const make = () => JSON.parse(row.settings) as QueueSettings;
      store.#remember({
        ref: row.ref,
        settings: readableSettings(shard, settingsRow(row), make) ?? standInFor(row),
        frozenUntil: row.frozen_until,
        partitionedAt: row.partitioned_at,
      });
    }
    return store;
  }

  /** Takes over what a step has learned, when it has committed. */
  join(view: QueueStore): void {
    for (const queue of view.#known?.byRef.values() ?? []) this.#remember(queue);
    for (const gone of view.#gone ?? []) this.#drop(gone);
  }

  /** The queue that has this name now, or had it last: a deleted one, too. */
  find(namespace: string, name: string): KnownQueue | null {
    const key = `${namespace}/${name}`;
    if (this.#gone?.has(key)) return null;
    const own = this.#known?.byName.get(key) ?? null;
    const below = this.#below?.find(namespace, name) ?? null;
    if (own === null || below === null) return own ?? below;
    return below.settings.version > own.settings.version ? below : own;
  }

  /** Deleted queues whose names others have by now, with what may be left of them. */
  superseded(namespace: string, name: string): KnownQueue[] {
    const latest = this.find(namespace, name);
    return this.of(namespace).filter((queue) => queue.settings.name === name && queue.ref !== latest?.ref);
  }

  /** Throws when a row names a queue that was never seen: rows are only written under a known queue. */
  get(ref: number): KnownQueue {
    const known = this.#known?.byRef.get(ref);
    if (known !== undefined) return known;
    if (this.#below === null) throw new Error(`no queue with ref ${ref}`);
    return this.#below.get(ref);
  }

  /** The queues of one namespace, deleted ones too, whose jobs may still be here. Looks at no other namespace's. */
  of(namespace: string): KnownQueue[] {
    const refs = this.#known?.byNamespace.get(namespace) ?? new Set<number>();
    const below = this.#below?.of(namespace) ?? [];
    const others = below.filter(({ ref }) => !refs.has(ref) && !(this.#gone?.has(ref) ?? false));
    return [...others, ...[...refs].map((ref) => this.get(ref))];
  }

  /** The settings of a queue, or null when it was never seen. */
  settingsOf(ref: number): QueueSettings | null {
    return this.#known?.byRef.get(ref)?.settings ?? this.#below?.settingsOf(ref) ?? null;
  }

  all(): KnownQueue[] {
    const own = this.#known?.byRef ?? new Map<number, KnownQueue>();
    const below = (this.#below?.all() ?? []).filter(({ ref }) => this.#gone === null || !this.#gone.has(ref));
    if (own.size === 0) return below;
    const refs = new Set(below.map(({ ref }) => ref));
    const added = [...own.values()].filter(({ ref }) => !refs.has(ref));
    return [...below.map((queue) => own.get(queue.ref) ?? queue), ...added];
  }

  /** The next refs behind `after` of queues that the rows know, at most `limit`, ascending. */
  refsAfter(after: number, limit: number): number[] {
    const query = "SELECT ref FROM queues WHERE ref > ? ORDER BY ref LIMIT +?";
    return this.#sql.all<{ ref: number }>(query, after, limit).map(({ ref }) => ref);
  }

  /** Takes `settings` when they are newer than what is known. 1 or 2 rows; 1 more where a queue takes another's name. */
  learn(settings: QueueSettings, now: number): Learned {
    const latest = this.find(settings.namespace, settings.name);
    if (latest !== null && latest.settings.version >= settings.version) {
      return { queue: latest, before: latest.settings, ended: null };
    }
    const known = latest !== null && isSameQueue(latest.settings, settings) ? latest : null;
    const ended = latest !== null && known === null ? this.#end(latest) : null;
    // Of one that could not be read nobody knows whether it was: the row says when it was last.
    const repartitioned =
      known !== null && !isStandIn(known.settings) && known.settings.partitions !== settings.partitions;
    const partitionedAt = repartitioned ? now : (known?.partitionedAt ?? 0);
    const row = this.#sql.all<QueueRow>(
      `INSERT INTO queues (namespace, name, incarnation, version, settings, partitioned_at) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (namespace, name, incarnation) DO UPDATE SET version = excluded.version, settings = excluded.settings,
         frozen_until = 0, partitioned_at = excluded.partitioned_at
       RETURNING ref, version, settings, frozen_until, partitioned_at`,
      settings.namespace,
      settings.name,
      incarnationOf(settings),
      settings.version,
      JSON.stringify(settings),
      partitionedAt,
    )[0];
    if (row === undefined) throw new Error("an upsert returned no row");
    const queue = { ref: row.ref, settings, frozenUntil: 0, partitionedAt };
    this.#remember(queue);
    return { queue, before: known?.settings ?? null, ended };
  }

  /** The queue of a name that another has by now: it was deleted, whether the shard was told of that or not. */
  #end(queue: KnownQueue): Ended | null {
    const before = queue.settings;
    if (before.deleted) return null;
    const settings = { ...before, deleted: true };
    this.#sql.run("UPDATE queues SET settings = ? WHERE ref = ?", JSON.stringify(settings), queue.ref);
    const ended = { ...queue, settings };
    this.#remember(ended);
    return { queue: ended, before };
  }

  /** Forgets a queue of which no row is left, and which nobody learns of again in this step. 2 rows. */
  forget(ref: number): void {
    const { namespace, name } = this.get(ref).settings;
    const isLatest = this.find(namespace, name)?.ref === ref;
    this.#sql.run("DELETE FROM queues WHERE ref = ?", ref);
    this.#gone ??= new Set();
    this.#gone.add(ref);
    if (isLatest) this.#gone.add(`${namespace}/${name}`);
  }

  /** Until `until` (epoch milliseconds) the queue takes no new jobs. 1 row. */
  freeze(ref: number, until: number): void {
    this.#sql.run("UPDATE queues SET frozen_until = ? WHERE ref = ?", until, ref);
    this.#remember({ ...this.get(ref), frozenUntil: until });
  }

  #drop(gone: number | string): void {
    if (typeof gone === "string") {
      this.#known?.byName.delete(gone);
      return;
    }
    const namespace = this.#known?.byRef.get(gone)?.settings.namespace;
    this.#known?.byRef.delete(gone);
    if (namespace !== undefined) this.#known?.byNamespace.get(namespace)?.delete(gone);
  }

  #remember(queue: KnownQueue): void {
    this.#known ??= { byRef: new Map(), byName: new Map(), byNamespace: new Map() };
    const { namespace, name } = queue.settings;
    const latest = this.#known.byName.get(`${namespace}/${name}`)?.settings.version ?? queue.settings.version;
    this.#known.byRef.set(queue.ref, queue);
    if (queue.settings.version >= latest) this.#known.byName.set(`${namespace}/${name}`, queue);
    const refs = this.#known.byNamespace.get(namespace) ?? new Set();
    this.#known.byNamespace.set(namespace, refs.add(queue.ref));
  }
}

/** Queues as rows that are walked over: each to come to its jobs. */
export const EACH_QUEUE = {
  kind: "queues",
  keyOf: ({ ref }) => String(ref),
  nests: true,
} as const satisfies Rows<{ ref: number }>;

const SETTINGS = "settings of queue";

/** The settings of a queue as a row that is set aside. A claim that comes over the queue proves nothing of them. */
export function settingsRow({ ref }: { ref: number }): RowName {
  return { kind: SETTINGS, key: String(ref) };
}

export const QUEUES = new Part(
  "queues",
  (shard) => QueueStore.load(shard),
  (base, step) => {
    const view = new QueueStore(step.sql, base);
    step.onCommit(() => base.join(view));
    return view;
  },
);

/** What those are woken by who wait for work of a queue. */
export function queueKey({ namespace, name }: Pick<QueueSettings, "namespace" | "name">): string {
  return `queue:${namespace}/${name}`;
}

/** What those are woken by who wait for work of a lane. */
export function laneKey(lane: Lane): string {
  return `lane:${lane}`;
}

/** Wakes those who wait for work of the queue, `most` of them at most, and those who wait for its lane. */
export function wakeForQueue(step: Step, { namespace, name, target, lane }: QueueSettings, most?: number): void {
  step.wake(queueKey({ namespace, name }), most);
  if (isPushed(target)) step.wake(laneKey(lane));
}

/**
 * Takes settings that are newer than the known ones, wherever they come from; answers the queue as it is known then. Of a
 * namespace that is being deleted nothing is taken, and its queue is answered as a deleted one.
 */
export function takeSettings(step: Step, settings: QueueSettings): KnownQueue {
  if (step.get(NAMESPACES).isGone(settings.namespace)) return goneQueue(step, settings);
  const { queue, before, ended } = step.get(QUEUES).learn(settings, step.now);
  if (queue.settings !== settings || before === settings) return queue;
  step.get(QUARANTINE).releaseWith(step, settingsRow(queue));
  for (const listener of step.get(QUEUE_LISTENERS)) {
    if (ended !== null) listener.onSettings?.(step, ended.queue, ended.before);
    listener.onSettings?.(step, queue, before);
  }
  // What was paused may go on, and a limit may be higher.
  wakeForQueue(step, settings);
  return queue;
}

/** No row names it: whoever is given it writes none. */
const NO_QUEUE = -1;

function goneQueue(step: Step, settings: QueueSettings): KnownQueue {
  const known = step.get(QUEUES).find(settings.namespace, settings.name);
  const version = Math.max(settings.version, known?.settings.version ?? 0);
  const gone = { ...settings, version, deleted: true };
  return { ref: known?.ref ?? NO_QUEUE, settings: gone, frozenUntil: 0, partitionedAt: 0 };
}

/** Whether both are settings of one queue, and not of one and of another that has its name since. */
export function isSameQueue(a: QueueSettings, b: QueueSettings): boolean {
  return incarnationOf(a) === incarnationOf(b);
}

/** Whether what is known of the queue goes before `settings`, by which jobs came: it is newer, or the queue is gone. */
export function supersedes(queue: KnownQueue, settings: QueueSettings): boolean {
  return queue.settings.version > settings.version || (queue.settings.deleted && !settings.deleted);
}
