import { isPushed, type Lane, type QueueSettings } from "../../../domain/queue.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import { Part } from "../kernel/part.ts";
import type { Step } from "../kernel/step.ts";
import { NAMESPACES } from "../namespaces/namespace-store.ts";
import type { KnownQueue } from "./known-queue.ts";
import { QUEUE_LISTENERS } from "./queue-change.ts";

interface QueueRow extends SqlRow {
  ref: number;
  version: number;
  settings: string;
  frozen_until: number;
  partitioned_at: number;
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

  /** Reads the store from the rows. */
  static load(sql: Sql): QueueStore {
    const store = new QueueStore(sql);
    for (const row of sql.all<QueueRow>("SELECT ref, version, settings, frozen_until, partitioned_at FROM queues")) {
      store.#remember({
        ref: row.ref,
        settings: JSON.parse(row.settings) as QueueSettings,
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

  find(namespace: string, name: string): KnownQueue | null {
    if (this.#gone?.has(`${namespace}/${name}`)) return null;
    return this.#known?.byName.get(`${namespace}/${name}`) ?? this.#below?.find(namespace, name) ?? null;
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

  /** Takes `settings` when they are newer than what is known. Returns the queue, and what it was before. 1 or 2 rows. */
  learn(settings: QueueSettings, now: number): { queue: KnownQueue; before: QueueSettings | null } {
    const known = this.find(settings.namespace, settings.name);
    if (known !== null && known.settings.version >= settings.version) return { queue: known, before: known.settings };
    const repartitioned = known !== null && known.settings.partitions !== settings.partitions;
    const partitionedAt = repartitioned ? now : (known?.partitionedAt ?? 0);
    const row = this.#sql.all<QueueRow>(
      `INSERT INTO queues (namespace, name, version, settings, partitioned_at) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (namespace, name) DO UPDATE SET version = excluded.version, settings = excluded.settings,
         frozen_until = 0, partitioned_at = excluded.partitioned_at
       RETURNING ref, version, settings, frozen_until, partitioned_at`,
      settings.namespace,
      settings.name,
      settings.version,
      JSON.stringify(settings),
      partitionedAt,
    )[0];
    if (row === undefined) throw new Error("an upsert returned no row");
    const queue = { ref: row.ref, settings, frozenUntil: 0, partitionedAt };
    this.#remember(queue);
    return { queue, before: known?.settings ?? null };
  }

  /** Forgets a queue of which no row is left, and which nobody learns of again in this step. 2 rows. */
  forget(ref: number): void {
    const { namespace, name } = this.get(ref).settings;
    this.#sql.run("DELETE FROM queues WHERE ref = ?", ref);
    this.#gone ??= new Set();
    this.#gone.add(ref).add(`${namespace}/${name}`);
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
    this.#known.byRef.set(queue.ref, queue);
    this.#known.byName.set(`${namespace}/${name}`, queue);
    const refs = this.#known.byNamespace.get(namespace) ?? new Set();
    this.#known.byNamespace.set(namespace, refs.add(queue.ref));
  }
}

export const QUEUES = new Part(
  "queues",
  ({ sql }) => QueueStore.load(sql),
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
  const { queue, before } = step.get(QUEUES).learn(settings, step.now);
  if (queue.settings !== settings || before === settings) return queue;
  for (const listener of step.get(QUEUE_LISTENERS)) listener.onSettings?.(step, queue, before);
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

/** Whether what is known of the queue goes before `settings`, by which jobs came: it is newer, or the queue is gone. */
export function supersedes(queue: KnownQueue, settings: QueueSettings): boolean {
  return queue.settings.version > settings.version || (queue.settings.deleted && !settings.deleted);
}
