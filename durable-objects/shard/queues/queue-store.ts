import { completeSettings, type QueueSettings } from "../../../domain/queue.ts";
import type { Sql, SqlRow } from "../../sql.ts";

interface QueueRow extends SqlRow {
  ref: number;
  version: number;
  settings: string;
  held_until: number;
  partitioned_at: number;
}

/** A queue as this shard knows it. `ref` is what its rows carry. */
export interface KnownQueue {
  ref: number;
  settings: QueueSettings;
  /** New jobs are refused until then: a change of the queue is being decided. */
  heldUntil: number;
  /** When its number of partitions last changed here; 0 when it never did. */
  partitionedAt: number;
}

/**
 * The queues a shard has seen, newest settings of each. Every write goes to SQLite and to the copy in memory;
 * `reload` brings the copy back to the rows after a step that was rolled back.
 */
export class QueueStore {
  #sql: Sql;
  #byRef = new Map<number, KnownQueue>();
  #byName = new Map<string, KnownQueue>();

  constructor(sql: Sql) {
    this.#sql = sql;
    this.reload();
  }

  reload(): void {
    this.#byRef.clear();
    this.#byName.clear();
    for (const row of this.#sql.all<QueueRow>(
      "SELECT ref, version, settings, held_until, partitioned_at FROM queues",
    )) {
      this.#remember({
        ref: row.ref,
        settings: completeSettings(JSON.parse(row.settings)),
        heldUntil: row.held_until,
        partitionedAt: row.partitioned_at,
      });
    }
  }

  find(namespace: string, name: string): KnownQueue | null {
    return this.#byName.get(`${namespace}/${name}`) ?? null;
  }

  /** Throws when a row names a queue that was never seen: rows are only written under a known queue. */
  get(ref: number): KnownQueue {
    const known = this.#byRef.get(ref);
    if (known === undefined) throw new Error(`no queue with ref ${ref}`);
    return known;
  }

  all(): KnownQueue[] {
    return [...this.#byRef.values()];
  }

  /** Takes `settings` when they are newer than what is known. Returns the queue, and what it was before. */
  learn(settings: QueueSettings, now: number): { queue: KnownQueue; before: QueueSettings | null } {
    const known = this.find(settings.namespace, settings.name);
    if (known !== null && known.settings.version >= settings.version) return { queue: known, before: known.settings };
    const repartitioned = known !== null && known.settings.partitions !== settings.partitions;
    const partitionedAt = repartitioned ? now : (known?.partitionedAt ?? 0);
    const row = this.#sql.all<QueueRow>(
      `INSERT INTO queues (namespace, name, version, settings, partitioned_at) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (namespace, name) DO UPDATE SET version = excluded.version, settings = excluded.settings, held_until = 0,
         partitioned_at = excluded.partitioned_at
       RETURNING ref, version, settings, held_until, partitioned_at`,
      settings.namespace,
      settings.name,
      settings.version,
      JSON.stringify(settings),
      partitionedAt,
    )[0];
    if (row === undefined) throw new Error("an upsert returned no row");
    const queue = { ref: row.ref, settings, heldUntil: 0, partitionedAt };
    this.#remember(queue);
    return { queue, before: known?.settings ?? null };
  }

  /** Until `until` (epoch ms) the queue takes no new jobs. */
  hold(ref: number, until: number): void {
    this.#sql.run("UPDATE queues SET held_until = ? WHERE ref = ?", until, ref);
    this.#remember({ ...this.get(ref), heldUntil: until });
  }

  #remember(queue: KnownQueue): void {
    this.#byRef.set(queue.ref, queue);
    this.#byName.set(`${queue.settings.namespace}/${queue.settings.name}`, queue);
  }
}
