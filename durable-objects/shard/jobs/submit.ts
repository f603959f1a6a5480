import type { NewJob, SubmitRequest, Submitted } from "../../../contract/rpc.ts";
import { dueAt } from "../../../domain/due.ts";
import { dedupScope, idempotencyScope } from "../../../domain/key-scope.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { rankOf } from "../../../domain/rank.ts";
import { LARGE_CHARACTERS } from "../claiming/claim.ts";
import { parkedBit } from "../claiming/ordering.ts";
import { standingOf } from "../counts.ts";
import { holdKey, layOver, meet } from "../dedup/dedup.ts";
import type { DedupKey } from "../dedup/dedup-store.ts";
import { takeSettings } from "../queues/configure.ts";
import type { KnownQueue } from "../queues/queue-store.ts";
import { BLOCKS, toJob } from "../rows.ts";
import { acceptedJob } from "../subscriptions/stored-event.ts";
import { keysOf } from "../transactions/transaction-keys.ts";
import type { Turn } from "../turn.ts";
import { Admission } from "./admission.ts";
import type { NewRow } from "./job-store.ts";
import { specOf } from "./spec.ts";

export type SubmitOutcome =
  | { type: "submitted"; results: Submitted[] }
  | { type: "settings"; settings: QueueSettings }
  | { type: "busy"; retryAfterMs: number };

/** How long a caller waits before it asks again after a queue that is held for a change. */
export const HELD_RETRY_MS = 50;

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
  const intake = new Intake(turn, request.exempt === true ? null : new Admission(turn));
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

const REFUSALS = ["mismatch", "duplicate", "expired", "full", "undecided"] as const;

export function isRefusal(result: { type: Submitted["type"] }): boolean {
  return REFUSALS.some((type) => type === result.type);
}

/** A job of a transaction that commits: its place was taken when it was prepared. `forced`: see `Intake.take`. */
export interface DecidedJob {
  queue: KnownQueue;
  job: NewJob;
  seq: number;
  forced: boolean;
}

/** Accepts what a transaction had prepared. Nothing of it is refused any more. */
export function acceptDecided(turn: Turn, jobs: DecidedJob[]): Submitted[] {
  const intake = new Intake(turn, null);
  const answers = jobs.map(({ queue, job, ...decided }) => intake.take(queue, job, decided));
  intake.write();
  return answers.map((answer) => answer());
}

type Decided = Pick<DecidedJob, "seq" | "forced">;

/** Takes the jobs of one request, and writes them in a few statements. What became of each is known after `write`. */
class Intake {
  #turn: Turn;
  /** Null: these jobs are never refused for want of room. */
  #admission: Admission | null;
  #rows: NewRow[] = [];
  /** Ordering keys that a job of this request stands behind already. */
  #lines = new Set<string>();
  /** Jobs of this request that were not there before. */
  #written = new Set<string>();

  constructor(turn: Turn, admission: Admission | null) {
    this.#turn = turn;
    this.#admission = admission;
  }

  /** `decided` is of a job that was prepared. When it is `forced`, it is accepted whatever its keys say by now. */
  take(queue: KnownQueue, sent: NewJob, decided: Decided | null = null): () => Submitted {
    // A gateway of an earlier version does not send what was added since.
    const job = { ...sent, concurrencyKey: sent.concurrencyKey ?? null, dedup: sent.dedup ?? null };
    if (decided?.forced) return this.#force(queue, job, decided);
    const { transactions } = this.#turn.stores;
    if (transactions.any && transactions.reserves(queue.ref, keysOf(job))) return () => ({ type: "undecided" });
    return this.#seen(queue, job) ?? this.#met(queue, job) ?? this.#accept(queue, job, { next: false, decided });
  }

  #force(queue: KnownQueue, job: NewJob, decided: Decided): () => Submitted {
    const { id, dedup } = job;
    if (dedup === null) return this.#accept(queue, job, { next: false, decided });
    const key = keyOf(queue, job);
    this.#writeHolder(key);
    const next = meet(this.#turn, key, { id, dedup }).verdict === "acceptNext";
    return this.#accept(queue, job, { next, decided });
  }

  /** Writes a new job. `next`: it runs after the job that holds its deduplication key. */
  #accept(
    queue: KnownQueue,
    job: NewJob,
    { next, decided }: { next: boolean; decided: Decided | null },
  ): () => Submitted {
    const { now, stores } = this.#turn;
    if (decided === null && this.#isPast(job)) return () => sentAgain(this.#turn, job.id) ?? { type: "expired" };
    const full = this.#admission?.refusal(queue, job.priority) ?? null;
    // The very same submission, whose answer was lost, has its place already.
    if (full !== null) return () => sentAgain(this.#turn, job.id) ?? full;
    this.#admission?.took(queue);
    this.#remember(queue, job, job.id);
    if (job.dedup !== null) holdKey(this.#turn, keyOf(queue, job), { id: job.id, dedup: job.dedup, next });
    const runAt = runAtOf(job, now);
    const state = runAt > now ? "scheduled" : "queued";
    const seq = decided?.seq ?? stores.meta.sequence(now);
    this.#rows.push({
      id: job.id,
      queue: queue.ref,
      partition: job.partition,
      seq,
      rank: rankOf(seq, job.priority, queue.settings.priorityAgingMs),
      state,
      blocked: this.#blocks(queue, job, state) | (next ? BLOCKS.after : 0),
      priority: job.priority,
      orderingKey: job.orderingKey,
      concurrencyKey: job.concurrencyKey,
      dedupKey: job.dedup?.key ?? null,
      dueAt: dueAt({ state, runAt, expiresAt: job.expiresAt, leaseEndsAt: null, attemptEndsAt: null }),
      timeoutMs: job.timeoutMs ?? queue.settings.timeoutMs,
      createdAt: job.createdAt ?? now,
      runAt,
      expiresAt: job.expiresAt,
      spec: specOf(queue.settings, job, now),
      payload: job.payload,
    });
    return () =>
      this.#written.has(job.id)
        ? { type: "accepted", state, createdAt: now, runAt }
        : (sentAgain(this.#turn, job.id) ?? lost(job.id));
  }

  write(): void {
    const { jobs, metrics, meta } = this.#turn.stores;
    const rows = this.#rows.splice(0);
    if (rows.some(({ payload }) => payload.length > LARGE_CHARACTERS)) meta.noteLarge();
    for (const id of jobs.insert(rows)) this.#written.add(id);
    for (const row of rows) {
      if (!this.#written.has(row.id)) continue;
      this.#turn.wake(row.dueAt);
      this.#turn.moved(row.queue, null, standingOf(row));
      this.#turn.touchGate(row.queue, row.concurrencyKey);
      this.#turn.tell("job.accepted", row.queue, (queue) => [acceptedJob(row, queue)]);
      this.#turn.onCommit(() => metrics.add(row.queue, "accepted", 1, row.createdAt));
    }
  }

  /** The answer to a job whose idempotency key is known; null when there is none yet. */
  #seen(queue: KnownQueue, job: NewJob): (() => Submitted) | null {
    if (job.idempotency === null) return null;
    const { now, stores } = this.#turn;
    const { key, hash } = job.idempotency;
    const known = stores.keys.find(queue.ref, idempotencyScopeOf(job), key);
    if (known === null || known.expires_at <= now) return null;
    if (known.hash !== hash) return () => ({ type: "mismatch", id: known.job });
    // The very same submission, because its answer was lost, is answered as it was then, as long as its job is here.
    return () => (known.job === job.id ? sentAgain(this.#turn, job.id) : null) ?? replay(this.#turn, known.job);
  }

  /** The answer to a job whose deduplication key is held; null when it is to be accepted and nothing is in its way. */
  #met(queue: KnownQueue, job: NewJob): (() => Submitted) | null {
    const { id, dedup, payload } = job;
    if (dedup === null) return null;
    const key = keyOf(queue, job);
    this.#writeHolder(key);
    const again = sentAgain(this.#turn, id);
    if (again !== null) return () => again;
    const meeting = meet(this.#turn, key, { id, dedup });
    switch (meeting.verdict) {
      case "accept":
        return null;
      case "acceptNext":
        return this.#accept(queue, job, { next: true, decided: null });
      case "refuse":
        return () => ({ type: "duplicate", id: meeting.id });
      case "replace":
        if (this.#isPast(job)) return () => ({ type: "expired" });
        layOver(this.#turn, meeting.row, { id, dedup, payload, runAt: runAtOf(job, this.#turn.now) });
        return this.#answer(queue, job, meeting.row.id);
      case "answer":
        return this.#answer(queue, job, meeting.id);
    }
  }

  /** An earlier job of this request may hold the key: it is met as if it had come in a request of its own. */
  #writeHolder(key: DedupKey): void {
    if (this.#rows.some((row) => row.queue === key.queue && row.dedupKey === key.key)) this.write();
  }

  /** An earlier job answers, and will again when the call comes a second time under its idempotency key. */
  #answer(queue: KnownQueue, job: NewJob, id: string): () => Submitted {
    this.#remember(queue, job, id);
    return () => replay(this.#turn, id);
  }

  #isPast({ expiresAt }: NewJob): boolean {
    return expiresAt !== null && expiresAt <= this.#turn.now;
  }

  /** Records the idempotency key of a call, in the step that writes the job that answers. */
  #remember(queue: KnownQueue, job: NewJob, answer: string): void {
    if (job.idempotency === null) return;
    const { now, stores } = this.#turn;
    const { key, hash } = job.idempotency;
    const expiresAt = now + queue.settings.idempotencyWindowMs;
    stores.keys.put(queue.ref, idempotencyScopeOf(job), key, { hash, job: answer, expires_at: expiresAt });
    this.#turn.wake(expiresAt);
  }

  #blocks(queue: KnownQueue, job: NewJob, state: "scheduled" | "queued"): number {
    const line = this.#standsInLine(queue, job) ? BLOCKS.line : this.#parked(queue, job);
    return line | (state === "queued" ? this.#turn.gateBitOfNew(queue.ref, job.concurrencyKey) : 0);
  }

  /** The first of a line carries it where its key stands still. */
  #parked({ ref }: KnownQueue, { orderingKey }: NewJob): number {
    return orderingKey === null ? 0 : parkedBit(this.#turn, { queue: ref, key: orderingKey });
  }

  #standsInLine(queue: KnownQueue, { orderingKey }: NewJob): boolean {
    if (orderingKey === null) return false;
    const line = `${queue.ref}/${orderingKey}`;
    if (this.#lines.has(line)) return true;
    this.#lines.add(line);
    const { jobs, transactions } = this.#turn.stores;
    // Behind a job that may yet be accepted, too: it came first.
    return jobs.firstOfKey(queue.ref, orderingKey) !== null || transactions.standsInLine(queue.ref, orderingKey);
  }
}

function runAtOf({ runAt, delayMs }: NewJob, now: number): number {
  return runAt ?? now + (delayMs ?? 0);
}

function keyOf({ ref }: KnownQueue, job: NewJob): DedupKey {
  if (job.dedup === null) throw new Error(`${job.id} has no deduplication key`);
  return { queue: ref, scope: dedupScope(job), key: job.dedup.key };
}

function idempotencyScopeOf({ orderingKey, concurrencyKey, dedup }: NewJob): string {
  return idempotencyScope({ orderingKey, concurrencyKey, dedupKey: dedup?.key ?? null });
}

function lost(id: string): never {
  throw new Error(`${id} is there and is not`);
}

function replay(turn: Turn, id: string): Submitted {
  const row = turn.stores.jobs.row(id);
  return { type: "replayed", id, job: row === null ? null : toJob(row, turn.stores.queues.get(row.queue).settings) };
}

/** The same submission a second time, answered as the first was; null when its job has been forgotten since. */
function sentAgain(turn: Turn, id: string): Submitted | null {
  const row = turn.stores.jobs.head(id) ?? turn.stores.discarded.find(id);
  if (row === null) return null;
  return {
    type: "accepted",
    state: row.run_at > row.created_at ? "scheduled" : "queued",
    createdAt: row.created_at,
    runAt: row.run_at,
  };
}
