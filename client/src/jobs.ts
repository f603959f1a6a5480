import { submitParts } from "./batch.ts";
import {
  cancelJob,
  explainJob,
  getJob,
  listJobs,
  patchJob,
  retryJob,
  runJobNow,
  submitJob,
} from "./generated/calls.ts";
import { MAX_WAIT_SECONDS } from "./generated/limits.ts";
import type {
  Batch,
  BatchRequest,
  Explanation,
  Job,
  JobList,
  JobListItem,
  JobPatch,
  SubmitRequest,
} from "./generated/types.ts";
import { JoinedSubmits } from "./joined-submits.ts";
import { type ChangeOptions, changing, type ListOptions, type ReadOptions, type WaitOptions } from "./read-options.ts";
import type { Transport } from "./transport.ts";

/** A server that does not hold the answer must not be asked in a tight loop. */
const QUICK_ANSWER_MS = 1000;

/** What can be done with jobs from the outside. */
export class Jobs {
  readonly #transport: Transport;
  readonly #joined: JoinedSubmits | null;

  /** @internal */
  constructor(transport: Transport, { joinSubmits = true }: { joinSubmits?: boolean | undefined } = {}) {
    this.#transport = transport;
    this.#joined = joinSubmits ? new JoinedSubmits(transport) : null;
  }

  /**
   * Resolves when the job is durably accepted, or with `waitSeconds` when it is final or the wait ended. Sent again
   * after a lost answer only when it has an `idempotencyKey`: without one a second sending would be a second job.
   *
   * Calls of one tick (a turn of the event loop, as in `Promise.all`) go as one batch, and each is answered as if it had been sent by
   * itself: with its own job, or its own problem. One with `waitSeconds`, a `signal` or `dedup` goes by itself, and every one does
   * where the client was made with `joinSubmits: false`.
   */
  async submit(job: SubmitRequest, options: { waitSeconds?: number; signal?: AbortSignal } = {}): Promise<Job> {
    const { waitSeconds = 0, signal } = options;
    // What an earlier job answers for is answered whole only by itself, and may be asked again only under an idempotency key.
    if (waitSeconds === 0 && signal === undefined && !job.dedup && this.#joined) return this.#joined.submit(job);
    return this.#transport.call(submitJob, {
      body: job,
      headers: preferWait(waitSeconds),
      waitSeconds,
      repeatable: job.idempotencyKey !== undefined,
      signal,
    });
  }

  /**
   * Several jobs. `idempotencyKey` replays the batch whole. Sent again after a lost answer only with it, or when every job
   * has its own.
   *
   * A batch that is larger than one request may be (1 MiB, 1000 jobs) goes as several, one after the other. The `id` of the
   * answer is then that of the first, and `items` has a problem for each job of a request that was refused. It throws when all were.
   * An atomic batch is one request: when it is larger, this throws a RangeError and sends nothing.
   */
  submitBatch(batch: BatchRequest, options: { idempotencyKey?: string; signal?: AbortSignal } = {}): Promise<Batch> {
    return submitParts(this.#transport, batch, options);
  }

  /** The job as it is. */
  async get(id: string, { signal, consistency }: ReadOptions = {}): Promise<Job> {
    const query = this.#withLevel({}, consistency);
    return this.#transport.call(getJob, { params: { id }, query, repeatable: true, signal });
  }

  /** The job when it is final; or as it is after `timeoutSeconds` (left out: it waits for ever). */
  async wait(id: string, options: WaitOptions = {}): Promise<Job> {
    const { clock } = this.#transport;
    const { signal, timeoutSeconds = Number.POSITIVE_INFINITY } = options;
    const until = clock.now() + timeoutSeconds * 1000;
    for (;;) {
      const startedAt = clock.now();
      const waitSeconds = Math.max(0, Math.min(MAX_WAIT_SECONDS, Math.ceil((until - startedAt) / 1000)));
      const headers = preferWait(waitSeconds);
      const input = { params: { id }, headers, waitSeconds, repeatable: true, signal };
      const job = await this.#transport.call(getJob, input);
      if (isFinal(job) || clock.now() >= until) return job;
      if (clock.now() - startedAt < QUICK_ANSWER_MS) await clock.sleep(QUICK_ANSWER_MS / 2, signal);
    }
  }

  /** One page, newest first. */
  async list(options: ListOptions = {}): Promise<JobList> {
    const { consistency, signal, include, ...filter } = options;
    const named = include === undefined ? filter : { ...filter, include: include.join(",") };
    const query = this.#withLevel(named, consistency);
    return this.#transport.call(listJobs, { query, repeatable: true, signal });
  }

  /** Every job of a list, page by page. */
  async *listAll(options: ListOptions = {}): AsyncGenerator<JobListItem, void> {
    let page = await this.list(options);
    yield* page.items;
    while (page.nextCursor !== null) {
      page = await this.list({ ...options, cursor: page.nextCursor });
      yield* page.items;
    }
  }

  /** Throws 409 `invalid-state` when the job is final, also when an earlier try of this call made it so. */
  async cancel(id: string): Promise<Job> {
    return this.#transport.call(cancelJob, { params: { id }, body: {}, repeatable: false });
  }

  /** Changes a job that is scheduled or queued. Null puts a member back to what it is when a submission leaves it out. */
  async patch(id: string, patch: JobPatch, options: ChangeOptions = {}): Promise<Job> {
    return this.#transport.call(patchJob, { params: { id }, body: patch, ...changing(options), repeatable: false });
  }

  /** Makes a scheduled job due now. It goes on waiting for its ordering key, its queue's limits and a queue that is paused. */
  async runNow(id: string): Promise<Job> {
    return this.#transport.call(runJobNow, { params: { id }, body: {}, repeatable: false });
  }

  /** Runs a failed or cancelled job again. */
  async retry(id: string): Promise<Job> {
    return this.#transport.call(retryJob, { params: { id }, body: {}, repeatable: false });
  }

  /** Why the job is not running. */
  async explain(id: string): Promise<Explanation> {
    return this.#transport.call(explainJob, { params: { id }, repeatable: true });
  }

  /** A session that has seen more than one call can say has to read strongly. */
  #withLevel<Q extends object>(query: Q, consistency: ReadOptions["consistency"]) {
    if (consistency === undefined) return query;
    return {
      ...query,
      consistency: consistency === "session" && this.#transport.session.overflows ? "strong" : consistency,
    };
  }
}

function isFinal(job: Job): boolean {
  return job.state === "succeeded" || job.state === "failed" || job.state === "cancelled";
}

function preferWait(seconds: number): Record<string, string> {
  return seconds > 0 ? { prefer: `wait=${Math.ceil(seconds)}` } : {};
}
