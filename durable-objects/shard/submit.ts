import type { NewJob, SubmitRequest, Submitted } from "../../contract/rpc.ts";
import { dueAt } from "../../domain/due.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import { LARGE_CHARACTERS } from "./claim.ts";
import { takeSettings } from "./configure.ts";
import { standingOf } from "./counts.ts";
import type { NewRow } from "./job-store.ts";
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
  const intake = new Intake(turn);
  const answers = request.jobs.map((job) => {
    const queue = queues[job.queue];
    if (queue === undefined) throw new Error(`job ${job.id} names no queue of its request`);
    return intake.take(queue, job);
  });
  intake.write();
  const results = answers.map((answer) => answer());
  if (request.atomic && results.some(isRefusal)) throw new Refused(results);
  return { type: "submitted", results };
}

/** The answer of an atomic step that was undone, or null when `error` is something else. */
export function refusedResults(error: unknown): Submitted[] | null {
  if (!(error instanceof Refused)) return null;
  return error.results.map((result) => (isRefusal(result) ? result : { type: "refused" }));
}

function isRefusal(result: Submitted): boolean {
  return result.type === "mismatch" || result.type === "expired";
}

/** Takes the jobs of one request, and writes them in a few statements. What became of each is known after `write`. */
class Intake {
  #turn: Turn;
  #rows: NewRow[] = [];
  /** Ordering keys that a job of this request stands behind already. */
  #lines = new Set<string>();
  /** Keys of this request that are not written yet: the second job with one is a replay of the first. */
  #written = new Set<string>();

  constructor(turn: Turn) {
    this.#turn = turn;
  }

  take(queue: KnownQueue, job: NewJob): () => Submitted {
    const { now, stores } = this.#turn;
    const seen = this.#seen(queue, job);
    if (seen !== null) return seen;
    if (job.expiresAt !== null && job.expiresAt <= now) return () => ({ type: "expired" });
    this.#remember(queue, job);
    const runAt = job.runAt ?? now + (job.delayMs ?? 0);
    const state = runAt > now ? "scheduled" : "queued";
    this.#rows.push({
      id: job.id,
      queue: queue.ref,
      partition: job.partition,
      seq: stores.meta.sequence(),
      state,
      blocked: this.#isBlocked(queue, job) ? 1 : 0,
      priority: job.priority,
      orderingKey: job.orderingKey,
      dueAt: dueAt({ state, runAt, expiresAt: job.expiresAt, leaseEndsAt: null, attemptEndsAt: null }),
      timeoutMs: job.timeoutMs ?? queue.settings.timeoutMs,
      createdAt: now,
      runAt,
      expiresAt: job.expiresAt,
      spec: specOf(queue.settings, job),
      payload: job.payload,
    });
    return () =>
      this.#written.has(job.id)
        ? { type: "accepted", state, createdAt: now, runAt }
        : (sentAgain(this.#turn, job.id) ?? lost(job.id));
  }

  write(): void {
    const { jobs, metrics, meta } = this.#turn.stores;
    if (this.#rows.some(({ payload }) => payload.length > LARGE_CHARACTERS)) meta.noteLarge();
    this.#written = jobs.insert(this.#rows);
    for (const row of this.#rows) {
      if (!this.#written.has(row.id)) continue;
      this.#turn.wake(row.dueAt);
      this.#turn.moved(row.queue, null, standingOf(row));
      this.#turn.onCommit(() => metrics.add(row.queue, "accepted", 1, row.createdAt));
    }
  }

  /** The answer to a job whose idempotency key is known; null when there is none yet. */
  #seen(queue: KnownQueue, job: NewJob): (() => Submitted) | null {
    if (job.idempotency === null) return null;
    const { now, stores } = this.#turn;
    const { key, hash } = job.idempotency;
    const known = stores.keys.find(queue.ref, job.orderingKey, key);
    if (known === null || known.expires_at <= now) return null;
    if (known.hash !== hash) return () => ({ type: "mismatch", id: known.job });
    // The very same submission, because its answer was lost, is answered as it was then, as long as its job is here.
    return () => (known.job === job.id ? sentAgain(this.#turn, job.id) : null) ?? replay(this.#turn, known.job);
  }

  /** Records the job's idempotency key, in the step that writes the job. */
  #remember(queue: KnownQueue, job: NewJob): void {
    if (job.idempotency === null) return;
    const { now, stores } = this.#turn;
    const { key, hash } = job.idempotency;
    const expiresAt = now + queue.settings.idempotencyWindowMs;
    stores.keys.put(queue.ref, job.orderingKey, key, { hash, job: job.id, expires_at: expiresAt });
    this.#turn.wake(expiresAt);
  }

  #isBlocked(queue: KnownQueue, { orderingKey }: NewJob): boolean {
    if (orderingKey === null) return false;
    const line = `${queue.ref}/${orderingKey}`;
    if (this.#lines.has(line)) return true;
    this.#lines.add(line);
    return this.#turn.stores.jobs.firstOfKey(queue.ref, orderingKey) !== null;
  }
}

function lost(id: string): never {
  throw new Error(`${id} is there and is not`);
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

/** The same submission a second time, answered as the first was; null when its job has been forgotten since. */
function sentAgain(turn: Turn, id: string): Submitted | null {
  const row = turn.stores.jobs.head(id);
  if (row === null) return null;
  return {
    type: "accepted",
    state: row.run_at > row.created_at ? "scheduled" : "queued",
    createdAt: row.created_at,
    runAt: row.run_at,
  };
}
