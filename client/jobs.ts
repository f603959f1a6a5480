import type { BatchBody, BatchView } from "../contract/batch.ts";
import type { ExplainView, JobListItem, JobView, SubmitBody } from "../contract/job.ts";
import { MAX_WAIT_SECONDS } from "../contract/limits.ts";
import type { Page } from "../contract/list.ts";
import type { ListOptions, ReadOptions } from "./read-options.ts";
import type { Reply, Transport } from "./transport.ts";

/** A server that does not hold the answer must not be asked in a tight loop. */
const QUICK_ANSWER_MS = 1000;

/** What can be done with jobs from the outside. */
export class Jobs {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Resolves when the job is durably accepted, or with `waitSeconds` when it is final or the wait ended. Sent again
   * after a lost answer only when it has an `idempotencyKey`: without one a second sending would be a second job.
   */
  async submit(job: SubmitBody, options: { waitSeconds?: number; signal?: AbortSignal } = {}): Promise<JobView> {
    const { waitSeconds = 0, signal } = options;
    const reply = await this.#transport.call<JobView>({
      method: "POST",
      path: "/v1/jobs",
      body: job,
      headers: preferWait(waitSeconds),
      waitSeconds,
      repeatable: job.idempotencyKey !== undefined,
      signal,
    });
    return reply.data;
  }

  /** `idempotencyKey` replays the batch whole. Sent again after a lost answer only with it, or when every job has its own. */
  async submitBatch(
    batch: BatchBody,
    options: { idempotencyKey?: string; signal?: AbortSignal } = {},
  ): Promise<BatchView> {
    const { idempotencyKey, signal } = options;
    const reply = await this.#transport.call<BatchView>({
      method: "POST",
      path: "/v1/batches",
      body: batch,
      headers: idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey },
      repeatable: idempotencyKey !== undefined || batch.jobs.every((job) => job.idempotencyKey !== undefined),
      signal,
    });
    return reply.data;
  }

  async get(id: string, options: ReadOptions = {}): Promise<JobView> {
    return (await this.#read<JobView>(jobPath(id), options, {})).data;
  }

  /** The job when it is final; or as it is after `timeoutSeconds` (default: waits for ever). */
  async wait(id: string, options: { timeoutSeconds?: number; signal?: AbortSignal } = {}): Promise<JobView> {
    const { clock } = this.#transport;
    const until = clock.now() + (options.timeoutSeconds ?? Number.POSITIVE_INFINITY) * 1000;
    for (;;) {
      const startedAt = clock.now();
      const waitSeconds = Math.max(0, Math.min(MAX_WAIT_SECONDS, Math.ceil((until - startedAt) / 1000)));
      const { data: job } = await this.#transport.call<JobView>({
        method: "GET",
        path: jobPath(id),
        headers: preferWait(waitSeconds),
        waitSeconds,
        repeatable: true,
        signal: options.signal,
      });
      if (isFinal(job) || clock.now() >= until) return job;
      if (clock.now() - startedAt < QUICK_ANSWER_MS) await clock.sleep(QUICK_ANSWER_MS / 2, options.signal);
    }
  }

  /** One page, newest first. */
  async list(options: ListOptions = {}): Promise<Page<JobListItem>> {
    const { consistency, signal, include, ...filter } = options;
    return (await this.#read<Page<JobListItem>>("/v1/jobs", options, { ...filter, include: include?.join(",") })).data;
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
  cancel(id: string): Promise<JobView> {
    return this.#change(`${jobPath(id)}/cancel`);
  }

  /** Runs a failed or cancelled job again. */
  retry(id: string): Promise<JobView> {
    return this.#change(`${jobPath(id)}/retry`);
  }

  async explain(id: string): Promise<ExplainView> {
    return (await this.#read<ExplainView>(`${jobPath(id)}/explain`, {}, {})).data;
  }

  async #change(path: string): Promise<JobView> {
    return (await this.#transport.call<JobView>({ method: "POST", path, body: {}, repeatable: false })).data;
  }

  #read<T>(path: string, options: ReadOptions, query: Record<string, string | number | undefined>): Promise<Reply<T>> {
    const { consistency } = options;
    const { overflows } = this.#transport.session;
    return this.#transport.call<T>({
      method: "GET",
      path,
      query: { ...query, consistency: consistency === "session" && overflows ? "strong" : consistency },
      repeatable: true,
      signal: options.signal,
    });
  }
}

function isFinal(job: JobView): boolean {
  return job.state === "succeeded" || job.state === "failed" || job.state === "cancelled";
}

function jobPath(id: string): string {
  return `/v1/jobs/${encodeURIComponent(id)}`;
}

function preferWait(seconds: number): Record<string, string> {
  return seconds > 0 ? { prefer: `wait=${Math.ceil(seconds)}` } : {};
}
