import { utf8Bytes } from "../../../contract/primitives.ts";
import type { NewJob, SubmitReply, SubmitRequest, Submitted } from "../../../contract/rpc.ts";
import { dueAt } from "../../../domain/due.ts";
import { rankOf } from "../../../domain/rank.ts";
import { holdKey, replacePending, resolveDuplicate } from "../flow/dedup.ts";
import type { DedupKey } from "../flow/dedup-store.ts";
import { gateBitOfNew } from "../flow/gates.ts";
import { lineOf, parkedBit, promoteNext, standsBehind } from "../flow/ordering-keys.ts";
import { IDEMPOTENCY } from "../jobs/idempotency-store.ts";
import { BLOCKS, toJob } from "../jobs/job-row.ts";
import { JOBS } from "../jobs/job-store.ts";
import { LARGE_CHARACTERS, noteIfLarge } from "../jobs/large-payloads.ts";
import { METRICS } from "../jobs/metrics.ts";
import type { NewRow } from "../jobs/state-store.ts";
import { accept } from "../jobs/transition.ts";
import { SEQUENCE } from "../kernel/sequence.ts";
import type { Step } from "../kernel/step.ts";
import { NAMESPACES } from "../namespaces/namespace-store.ts";
import { FROZEN_RETRY_MS } from "../queues/configure.ts";
import type { KnownQueue } from "../queues/known-queue.ts";
import { QUEUES, supersedes, takeSettings } from "../queues/queue-store.ts";
import { ANY_RESERVATION, RESERVATIONS } from "../reservations/reservation-store.ts";
import { keysOf } from "../reservations/reserved-keys.ts";
import { type Admission, admissionOf, type Full, type Origin } from "./admission.ts";
import { submitDeferred } from "./deferred.ts";
import { dedupKeyOfNew, gateOfNew, idempotencyKeyOfNew, lineOfNew, slotOfNew, specOf } from "./new-job.ts";
import type { DecidedJob, SubmitOutcome } from "./submit-outcome.ts";

/**
 * The call of gateways: accepts jobs, all or none where it is atomic. Jobs that were accepted without this shard are taken
 * whatever becomes of them.
 */
export function submitJobs(step: Step, request: SubmitRequest): Exclude<SubmitReply, { type: "moved" }> {
  if (request.deferred) return submitDeferred(step, request, acceptDecided);
  if (!request.atomic) return submit(step, request);
  const outcome = step.attempt(
    (trial) => submit(trial, request),
    (made) => made.type !== "submitted" || !made.results.some(isRefusal),
  );
  if (outcome.type !== "submitted" || !outcome.results.some(isRefusal)) return outcome;
  return {
    type: "submitted",
    results: outcome.results.map((result) => (isRefusal(result) ? result : { type: "refused" })),
  };
}

/** Accepts jobs: each job and its idempotency record in one step, so that neither can be without the other. */
export function submit(step: Step, request: SubmitRequest): SubmitOutcome {
  const queues: KnownQueue[] = [];
  for (const settings of request.queues) {
    const queue = takeSettings(step, settings);
    if (supersedes(queue, settings)) return { type: "settings", settings: queue.settings };
    if (queue.frozenUntil > step.now) return { type: "busy", retryAfterMs: FROZEN_RETRY_MS };
    queues.push(queue);
  }
  const intake = new Intake(step, gateOf(step, request));
  const answers = request.jobs.map((job) => {
    const queue = queues[job.queue];
    if (queue === undefined) throw new Error(`job ${job.id} names no queue of its request`);
    return intake.take(queue, job);
  });
  intake.write();
  return { type: "submitted", results: answers.map((answer) => answer()) };
}

/** Who says whether there is room for a request's jobs; null: they have been let in already. */
function gateOf(step: Step, { exempt }: Pick<SubmitRequest, "exempt">): Gate | null {
  return exempt === "admitted" ? null : { admission: admissionOf(step), origin: exempt ?? "new" };
}

const REFUSALS = ["mismatch", "duplicate", "expired", "full", "undecided"] as const;

export function isRefusal(result: { type: Submitted["type"] }): boolean {
  return REFUSALS.some((type) => type === result.type);
}

/** Accepts what a transaction had prepared. Nothing of it is refused any more. */
export function acceptDecided(step: Step, jobs: DecidedJob[]): Submitted[] {
  const intake = new Intake(step, null);
  const answers = jobs.map(({ queue, job, ...decided }) => intake.take(queue, job, decided));
  intake.write();
  return answers.map((answer) => answer());
}

type Decided = Pick<DecidedJob, "seq" | "forced">;

interface Gate {
  admission: Admission;
  origin: Origin;
}

/** Takes the jobs of one request, and writes them in a few statements. What became of each is known after `write`. */
class Intake {
  #step: Step;
  /** Null: these jobs are never refused for want of room. */
  #gate: Gate | null;
  #rows: NewRow[] = [];
  /** Ordering keys that a job of this request stands behind already. */
  #lines = new Set<string>();
  /** Jobs that have been taken. One may come twice: a call that is sent again can meet itself in one step. */
  #taken = new Set<string>();
  /** Of these the ones that were not there before. */
  #written = new Set<string>();

  constructor(step: Step, gate: Gate | null) {
    this.#step = step;
    this.#gate = gate;
  }

  /** `decided` is of a job that was prepared. When it is `forced`, it is accepted whatever its keys say by now. */
  take(queue: KnownQueue, job: NewJob, decided: Decided | null = null): () => Submitted {
    if (decided?.forced) return this.#force(queue, job, decided);
    if (this.#step.get(ANY_RESERVATION).any && isReserved(this.#step, queue, job)) return () => ({ type: "undecided" });
    return (
      this.#replay(queue, job) ?? this.#duplicate(queue, job) ?? this.#accept(queue, job, { next: false, decided })
    );
  }

  #force(queue: KnownQueue, job: NewJob, decided: Decided): () => Submitted {
    const { id, dedup } = job;
    if (dedup === null) return this.#accept(queue, job, { next: false, decided });
    const key = dedupKeyOfNew(queue, job);
    this.#writeHolder(key);
    const next = resolveDuplicate(this.#step, key, { id, dedup }).verdict === "acceptNext";
    return this.#accept(queue, job, { next, decided });
  }

  /** Writes a new job. `next`: it runs after the job that holds its deduplication key. */
  #accept(
    queue: KnownQueue,
    job: NewJob,
    { next, decided }: { next: boolean; decided: Decided | null },
  ): () => Submitted {
    const { now } = this.#step;
    if (this.#taken.has(job.id)) return () => sentAgain(this.#step, job.id) ?? lost(job.id);
    if (decided === null && this.#isPast(job)) return () => sentAgain(this.#step, job.id) ?? { type: "expired" };
    if (decided === null && this.#step.get(NAMESPACES).isLate(queue.settings.namespace, job.id)) {
      return () => ({ type: "refused" });
    }
    const incoming = { priority: job.priority, bytes: utf8Bytes(job.payload) };
    const full = this.#gate?.admission.refusal(queue, incoming, this.#gate.origin) ?? null;
    // The very same submission, whose answer was lost, has its place already.
    if (full !== null) return () => sentAgain(this.#step, job.id) ?? full;
    this.#taken.add(job.id);
    this.#gate?.admission.took(queue, incoming);
    this.#remember(queue, job, job.id);
    if (job.dedup !== null) holdKey(this.#step, dedupKeyOfNew(queue, job), { id: job.id, dedup: job.dedup, next });
    const runAt = runAtOf(job, now);
    const state = runAt > now ? "scheduled" : "queued";
    const seq = decided?.seq ?? this.#step.get(SEQUENCE).next(now);
    this.#rows.push({
      id: job.id,
      queue: queue.ref,
      partition: job.partition,
      slot: slotOfNew(queue, job),
      seq,
      rank: rankOf(seq, job.priority, queue.settings.priorityAgingMs),
      state,
      blocked: this.#blocks(queue, job, state) | (next ? BLOCKS.after : 0),
      priority: job.priority,
      ordering_key: job.orderingKey,
      concurrency_key: job.concurrencyKey,
      dedup_key: job.dedup?.key ?? null,
      due_at: dueAt({ state, runAt, expiresAt: job.expiresAt, leaseEndsAt: null, attemptEndsAt: null }),
      timeout_ms: job.timeoutMs ?? queue.settings.timeoutMs,
      created_at: job.createdAt ?? now,
      run_at: runAt,
      expires_at: job.expiresAt,
      spec: specOf(queue.settings, job, now),
      payload: job.payload,
    });
    return () =>
      this.#written.has(job.id)
        ? { type: "accepted", state, createdAt: now, runAt }
        : (sentAgain(this.#step, job.id) ?? lost(job.id));
  }

  write(): void {
    const rows = this.#rows.splice(0);
    if (rows.length === 0) return;
    for (const { payload } of rows) if (payload.length > LARGE_CHARACTERS) noteIfLarge(this.#step, payload);
    for (const id of accept(this.#step, rows)) this.#written.add(id);
    if (rows.some(({ id }) => !this.#written.has(id))) this.#openLines(rows);
    const metrics = this.#step.get(METRICS);
    this.#step.onCommit(() => {
      for (const { id, queue, created_at: at } of rows) {
        if (this.#written.has(id)) metrics.add(queue, { counter: "accepted", jobs: 1 }, at);
      }
    });
  }

  /** A job that was there before may have ended since, and stands in front of nobody then: who was put behind it is open. */
  #openLines(rows: readonly NewRow[]): void {
    const jobs = this.#step.get(JOBS);
    for (const row of rows) {
      const line = this.#written.has(row.id) ? null : lineOf(row);
      const first = line === null ? null : jobs.firstOfKey(line.queue, line.key);
      // Where the line begins with a job of this request, it has few others.
      if (line !== null && first !== null && this.#written.has(first.id))
        promoteNext(this.#step, line, jobs.openOfKey(line.queue, line.key));
    }
  }

  /** The answer to a job whose idempotency key is known; null when there is none yet. */
  #replay(queue: KnownQueue, job: NewJob): (() => Submitted) | null {
    if (job.idempotency === null) return null;
    const { now } = this.#step;
    const { key, hash } = job.idempotency;
    const known = this.#step.get(IDEMPOTENCY).find(idempotencyKeyOfNew(queue, job, key));
    if (known === null || known.expires_at <= now) return null;
    if (known.hash !== hash) return () => ({ type: "mismatch", id: known.job });
    // The very same submission, because its answer was lost, is answered as it was then, as long as its job is here.
    return () => (known.job === job.id ? sentAgain(this.#step, job.id) : null) ?? replay(this.#step, known.job);
  }

  /** The answer to a job whose deduplication key is taken; null when it is to be accepted and nothing is in its way. */
  #duplicate(queue: KnownQueue, job: NewJob): (() => Submitted) | null {
    const { id, dedup, payload } = job;
    if (dedup === null) return null;
    const key = dedupKeyOfNew(queue, job);
    this.#writeHolder(key);
    const repeat = sentAgain(this.#step, id);
    if (repeat !== null) return () => repeat;
    const resolution = resolveDuplicate(this.#step, key, { id, dedup });
    switch (resolution.verdict) {
      case "accept":
        return null;
      case "acceptNext":
        return this.#accept(queue, job, { next: true, decided: null });
      case "refuse":
        return () => ({ type: "duplicate", id: resolution.id });
      case "replace": {
        if (this.#isPast(job)) return () => ({ type: "expired" });
        const full = this.#growth(queue, resolution.row, payload);
        if (full !== null) return () => full;
        replacePending(this.#step, resolution.row, { id, dedup, payload, runAt: runAtOf(job, this.#step.now) });
        return this.#answer(queue, job, resolution.row.id);
      }
      case "answer":
        return this.#answer(queue, job, resolution.id);
    }
  }

  /** Why a waiting job may not get a payload that is larger than its own, or null when it may. */
  #growth(queue: KnownQueue, { id }: { id: string }, payload: string): Full | null {
    if (this.#gate === null) return null;
    const { namespace } = queue.settings;
    const bytes = utf8Bytes(payload) - (this.#step.get(JOBS).textBytes([id], { allAttempts: false }).get(id) ?? 0);
    const full = this.#gate.admission.refusalToGrow(namespace, bytes);
    if (full === null) this.#gate.admission.grew(namespace, bytes);
    return full;
  }

  /** An earlier job of this request may hold the key: it is found as if it had come in a request of its own. */
  #writeHolder(key: DedupKey): void {
    if (this.#rows.some((row) => row.queue === key.queue && row.dedup_key === key.key)) this.write();
  }

  /** An earlier job answers, and will again when the call comes a second time under its idempotency key. */
  #answer(queue: KnownQueue, job: NewJob, id: string): () => Submitted {
    this.#remember(queue, job, id);
    return () => replay(this.#step, id);
  }

  #isPast({ expiresAt }: NewJob): boolean {
    return expiresAt !== null && expiresAt <= this.#step.now;
  }

  /** Records the idempotency key of a call, in the step that writes the job that answers. */
  #remember(queue: KnownQueue, job: NewJob, answer: string): void {
    if (job.idempotency === null) return;
    const { now } = this.#step;
    const { key, hash } = job.idempotency;
    const expiresAt = now + queue.settings.idempotencyWindowMs;
    this.#step.get(IDEMPOTENCY).put(idempotencyKeyOfNew(queue, job, key), { hash, job: answer, expires_at: expiresAt });
    this.#step.wakeAt(expiresAt);
  }

  #blocks(queue: KnownQueue, job: NewJob, state: "scheduled" | "queued"): number {
    const line = job.orderingKey === null ? 0 : this.#lineBits(queue, job);
    const gate = state === "queued" ? gateOfNew(queue, job) : null;
    return line | (gate === null ? 0 : gateBitOfNew(this.#step, queue, gate));
  }

  /** Behind others of its ordering key, or the first of a line: that one carries it where its key is parked. */
  #lineBits(queue: KnownQueue, job: NewJob): number {
    const line = lineOfNew(queue, job);
    if (line === null) return 0;
    const text = `${line.queue}/${line.key}`;
    const behind = this.#lines.has(text) || standsBehind(this.#step, line);
    this.#lines.add(text);
    return behind ? BLOCKS.line : parkedBit(this.#step, line);
  }
}

function isReserved(step: Step, { ref }: KnownQueue, job: NewJob): boolean {
  return step.get(RESERVATIONS).reserves(ref, keysOf(job));
}

function runAtOf({ runAt, delayMs }: NewJob, now: number): number {
  return runAt ?? now + (delayMs ?? 0);
}

function lost(id: string): never {
  throw new Error(`${id} is there and is not`);
}

function replay(step: Step, id: string): Submitted {
  const row = step.get(JOBS).row(id);
  return { type: "replayed", id, job: row === null ? null : toJob(row, step.get(QUEUES).get(row.queue).settings) };
}

/** The same submission a second time, answered as the first was; null when its job has been forgotten since. */
function sentAgain(step: Step, id: string): Submitted | null {
  const row = step.get(JOBS).head(id) ?? step.get(JOBS).discarded(id);
  if (row === null) return null;
  return {
    type: "accepted",
    state: row.run_at > row.created_at ? "scheduled" : "queued",
    createdAt: row.created_at,
    runAt: row.run_at,
  };
}
