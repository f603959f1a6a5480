import type { NewJob, SubmitRequest, Submitted } from "../../contract/rpc.ts";
import { dueAt } from "../../domain/due.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import { takeSettings } from "./configure.ts";
import type { KnownQueue } from "./queue-store.ts";
import { toJob } from "./rows.ts";
import type { Turn } from "./turn.ts";

export type SubmitOutcome =
  | { type: "submitted"; results: Submitted[] }
  | { type: "settings"; settings: QueueSettings }
  | { type: "busy"; retryAfterMs: number };

/** How long a caller waits before it asks again after a queue that is held for a change. */
const HELD_RETRY_MS = 50;

/** Thrown inside an atomic step to undo what it wrote; never leaves this file. */
class Refused {
  readonly results: Submitted[];
  constructor(results: Submitted[]) {
    this.results = results;
  }
}

/** Accepts jobs: each job and its idempotency record in one step, so that neither can be without the other. */
export function submit(turn: Turn, request: SubmitRequest): SubmitOutcome {
  const queues: KnownQueue[] = [];
  for (const settings of request.queues) {
    const queue = takeSettings(turn, settings);
    if (queue.settings.version > settings.version) return { type: "settings", settings: queue.settings };
    if (queue.heldUntil > turn.now) return { type: "busy", retryAfterMs: HELD_RETRY_MS };
    queues.push(queue);
  }
  const results = request.jobs.map((job) => {
    const queue = queues[job.queue];
    if (queue === undefined) throw new Error(`job ${job.id} names no queue of its request`);
    return accept(turn, queue, job);
  });
  if (request.atomic && results.some((result) => result.type === "mismatch")) throw new Refused(results);
  return { type: "submitted", results };
}

/** The answer of an atomic step that was undone, or null when `error` is something else. */
export function refusedResults(error: unknown): Submitted[] | null {
  if (!(error instanceof Refused)) return null;
  return error.results.map((result) => (result.type === "mismatch" ? result : { type: "refused" }));
}

function accept(turn: Turn, queue: KnownQueue, job: NewJob): Submitted {
  const { keys, meta, jobs, metrics } = turn.stores;
  if (job.idempotency !== null) {
    const seen = keys.find(queue.ref, job.orderingKey, job.idempotency.key);
    // The record of this very submission, sent again after its answer was lost, falls through to `sentAgain`.
    if (seen !== null && seen.expires_at > turn.now && seen.job !== job.id) {
      return seen.hash === job.idempotency.hash ? replay(turn, seen.job) : { type: "mismatch", id: seen.job };
    }
  }
  const runAt = job.runAt ?? turn.now + (job.delayMs ?? 0);
  const state = runAt > turn.now ? "scheduled" : "queued";
  const due = dueAt({ state, runAt, expiresAt: job.expiresAt, leaseEndsAt: null, attemptEndsAt: null });
  const blocked = job.orderingKey !== null && jobs.firstOfKey(queue.ref, job.orderingKey) !== null ? 1 : 0;
  const inserted = jobs.insert({
    id: job.id,
    queue: queue.ref,
    partition: job.partition,
    seq: meta.sequence(),
    state,
    blocked,
    priority: job.priority,
    orderingKey: job.orderingKey,
    dueAt: due,
    timeoutMs: job.timeoutMs ?? queue.settings.timeoutMs,
    createdAt: turn.now,
    runAt,
    expiresAt: job.expiresAt,
    spec: specOf(queue.settings, job),
    payload: job.payload,
  });
  if (!inserted) return sentAgain(turn, job.id);
  if (job.idempotency !== null) {
    keys.put(queue.ref, job.orderingKey, job.idempotency.key, {
      hash: job.idempotency.hash,
      job: job.id,
      expires_at: turn.now + queue.settings.idempotencyWindowMs,
    });
    turn.wake(turn.now + queue.settings.idempotencyWindowMs);
  }
  turn.wake(due);
  turn.moved(queue.ref, null, state === "scheduled" ? "scheduled" : blocked === 1 ? "blocked" : "ready");
  turn.onCommit(() => metrics.add(queue.ref, "accepted", 1, turn.now));
  return { type: "accepted", state, createdAt: turn.now, runAt };
}

const plainSpecs = new WeakMap<QueueSettings, string>();

/** Most jobs bring no retry, tags or key of their own: their text is made once for each version of the settings. */
function specOf(settings: QueueSettings, job: NewJob): string {
  const plain = job.retry === null && job.tags.length === 0 && job.idempotency === null;
  const known = plain ? plainSpecs.get(settings) : undefined;
  if (known !== undefined) return known;
  const retry = { ...settings.retry, ...job.retry };
  const text = JSON.stringify({ retry, tags: job.tags, idempotencyKey: job.idempotency?.key ?? null });
  if (plain) plainSpecs.set(settings, text);
  return text;
}

function replay(turn: Turn, id: string): Submitted {
  const row = turn.stores.jobs.row(id);
  return { type: "replayed", id, job: row === null ? null : toJob(row, turn.stores.queues.get(row.queue).settings) };
}

/** The same submission a second time, because the answer to the first was lost: answered as the first was. */
function sentAgain(turn: Turn, id: string): Submitted {
  const row = turn.stores.jobs.head(id);
  if (row === null) throw new Error(`${id} is there and is not`);
  return {
    type: "accepted",
    state: row.run_at > row.created_at ? "scheduled" : "queued",
    createdAt: row.created_at,
    runAt: row.run_at,
  };
}
