/** What events have to tell: triggers in the shard's own database note every change that is committed. */
import { type EventType, eventId, type LifecycleEvent } from "../../domain/subscription.ts";
import type { Random } from "../simulation/random.ts";
import { CALL, type Harness, MINUTE, RowHarness, SECOND } from "./shard-harness.ts";

interface Change {
  id: string;
  version: number;
  before: string;
  after: string;
}

/** Told by the rows alone, in words of their own: what an event of this change is called; null when nobody is told. */
const NAMES: Record<string, EventType> = {
  "none>queued": "job.accepted",
  "none>scheduled": "job.accepted",
  "queued>running": "job.started",
  "running>scheduled": "job.retrying",
  "running>queued": "job.retrying",
  "running>succeeded": "job.succeeded",
  "running>failed": "job.failed",
  "queued>failed": "job.failed",
  "scheduled>failed": "job.failed",
  "queued>cancelled": "job.cancelled",
  "scheduled>cancelled": "job.cancelled",
  "running>cancelled": "job.cancelled",
  "failed>queued": "job.redriven",
  "failed>scheduled": "job.redriven",
  "cancelled>queued": "job.redriven",
  "cancelled>scheduled": "job.redriven",
};

/** A shard whose changes of jobs are noted. */
export function watched(): Harness {
  const h = new RowHarness();
  h.sql.run("CREATE TABLE seen (n INTEGER PRIMARY KEY, id TEXT, version INTEGER, before TEXT, after TEXT)");
  h.sql.run(`CREATE TRIGGER made AFTER INSERT ON jobs BEGIN
    INSERT INTO seen (id, version, before, after) VALUES (NEW.id, NEW.version, 'none', NEW.state); END`);
  h.sql.run(`CREATE TRIGGER moved AFTER UPDATE ON jobs WHEN NEW.state <> OLD.state BEGIN
    INSERT INTO seen (id, version, before, after) VALUES (NEW.id, NEW.version, OLD.state, NEW.state); END`);
  return h;
}

/** Something happens to the jobs of the shard, or to the shard. */
export function liveOn(h: Harness, random: Random, held: { leases: string[]; ids: string[] }): void {
  const { leases, ids } = held;
  const lease = leases.length === 0 ? "" : random.pick(leases);
  const id = ids.length === 0 ? "" : random.pick(ids);
  const acts: (() => unknown)[] = [
    () => {
      const tags = random.chance(0.3) ? ["red"] : [];
      const orderingKey = random.chance(0.4) ? random.pick(["a", "b"]) : null;
      const delayMs = random.chance(0.3) ? random.int(1, 5) * SECOND : null;
      const expiresAt = random.chance(0.2) ? h.now + random.int(1, 20) * SECOND : null;
      const retry = random.chance(0.3) ? { maxAttempts: 1 } : null;
      const jobs = h.jobs(random.int(1, 6), { tags, orderingKey, delayMs, expiresAt, retry });
      ids.push(...jobs.map((job) => job.id));
      const other = h.job({ idempotency: { key: "k", hash: String(random.int(1, 2)) } });
      ids.push(other.id);
      h.send([...jobs, other], { atomic: random.chance(0.3) });
    },
    () => leases.push(...h.take(random.int(1, 5)).map((item) => item.lease)),
    () => lease !== "" && h.succeed(lease),
    () => lease !== "" && h.succeed(lease),
    () => lease !== "" && h.fail(lease, { retryable: random.chance(0.7) }, random.pick([null, 0])),
    () => id !== "" && h.cancel(id),
    () => id !== "" && h.retry(id),
    () => h.advance(random.pick([1, SECOND, 10 * SECOND, MINUTE])),
    () => h.restart(),
    () => h.core.purge({ ...CALL, namespace: "default", queue: "q", limit: 3 }),
  ];
  const weights = [0, 0, 1, 1, 2, 3, 4, 5, 6, 6, 7, 7, 8, 9];
  acts[random.pick(weights)]?.();
}

/** Each event once, where it came first. */
export function firstDeliveries(events: LifecycleEvent[]): Map<string, string[]> {
  const seen = new Set<string>();
  const byJob = new Map<string, string[]>();
  for (const { type, job } of events) {
    if (seen.has(eventId(job))) continue;
    seen.add(eventId(job));
    byJob.set(job.id, [...(byJob.get(job.id) ?? []), `${job.version} ${type} ${job.state}`]);
  }
  return byJob;
}

/** The events that the committed changes of some jobs make, by job. */
export function committed(h: Harness, wanted: (id: string) => boolean): Map<string, string[]> {
  const byJob = new Map<string, string[]>();
  for (const { id, version, before, after } of h.sql.all<Change & { [column: string]: string | number }>(
    "SELECT id, version, before, after FROM seen ORDER BY n",
  )) {
    const type = NAMES[`${before}>${after}`];
    if (type === undefined || !wanted(id)) continue;
    byJob.set(id, [...(byJob.get(id) ?? []), `${version} ${type} ${after}`]);
  }
  return byJob;
}
