import { JobFailedError, JobPendingError } from "./error.ts";
import type { Job, SubmitRequest } from "./generated/types.ts";
import type { Jobs } from "./jobs.ts";
import type { QueueDefinition } from "./queue-definition.ts";
import type { WaitOptions } from "./read-options.ts";
import { ValidationError, validated } from "./standard-schema.ts";

/** What is said of a job beside its queue and its payload. Durations are in seconds, times in RFC 3339. */
export interface SubmitOptions extends Omit<SubmitRequest, "queue" | "payload"> {
  /** Ends the call when it is aborted; a job that was accepted by then goes on. */
  signal?: AbortSignal;
}

/** A queue of known payloads and results, for those who submit to it. */
export class TypedQueue<Payload, Result, PayloadInput = Payload> {
  /** The name of the queue. */
  readonly name: string;
  readonly #jobs: Jobs;
  readonly #definition: QueueDefinition<Payload, Result, PayloadInput, unknown>;

  /** @internal */
  constructor(jobs: Jobs, definition: QueueDefinition<Payload, Result, PayloadInput, unknown>) {
    this.name = definition.name;
    this.#jobs = jobs;
    this.#definition = definition;
  }

  /**
   * Submits a job at once. To wait for its acceptance, `await` what this returns; to wait for its result, call
   * `result()` on it. What JSON does not hold of the payload (a Date, a Map) arrives as JSON writes it.
   *
   * Both throw a `DureError` when it was not accepted, and a `ValidationError` for a payload that the queue's validator refuses.
   */
  submit(payload: PayloadInput, options: SubmitOptions = {}): Submission<Result> {
    const accepted = this.#submit(payload, options);
    return Object.assign(accepted, {
      result: async (wait: WaitOptions = {}) => this.result((await accepted).id, wait),
    });
  }

  /** The result of a job that was submitted earlier, as `Submission.result` gives it. */
  async result(id: string, options: WaitOptions = {}): Promise<Result> {
    const job = await this.#jobs.wait(id, options);
    if (job.state === "failed" || job.state === "cancelled") throw new JobFailedError(job);
    if (job.state !== "succeeded") throw new JobPendingError(job, options.timeoutSeconds ?? 0);
    const what = `the result of the job ${id} does not fit the queue ${this.name}`;
    if (job.resultTruncated) throw new ValidationError(what, [{ message: "it was too large to be kept whole" }]);
    return validated(this.#definition.result, job.result, what);
  }

  async #submit(payload: PayloadInput, { signal, ...rest }: SubmitOptions): Promise<Job> {
    await validated(this.#definition.payload, payload, `the payload does not fit the queue ${this.name}`);
    return this.#jobs.submit({ ...rest, queue: this.name, payload }, signal === undefined ? {} : { signal });
  }
}

/** A job on its way: a promise of the job as it was durably accepted, and a way to its result. */
export interface Submission<Result> extends Promise<Job> {
  /**
   * The result, when the job has succeeded. Throws a `JobFailedError` with the last error when it has failed or was cancelled, a
   * `JobPendingError` when it is not final after `timeoutSeconds` (left out: waits for ever), and a `ValidationError` for a
   * result that the queue's validator refuses.
   */
  result(options?: WaitOptions): Promise<Result>;
}
