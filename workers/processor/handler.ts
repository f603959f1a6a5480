import type { SentJob } from "../../contract/binding.ts";
import type { JsonText } from "../../contract/json-text.ts";
import type { ProgressUpdate } from "../../contract/progress-patch.ts";

/** What a handler is: the default export of a file in `handlers/`, whose name is in `contract/handlers.ts`. */

export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

export interface HandlerContext {
  jobId: string;
  /** 1 for the first run. A handler may run more than once for one job: its effects should bear that. */
  attempt: number;
  /** The trace that the job belongs to (W3C `traceparent`), as its submission named it; null when it named none. */
  traceparent: string | null;
  /** Aborts when the attempt's time is up, or when the job was cancelled: some five seconds after at most. */
  signal: AbortSignal;
  /** The payload as its sender wrote it: a value cannot hold every number that a text can. */
  payloadText: string;
  /** The last checkpoint of an earlier attempt, to go on from; null without one. */
  checkpoint: JsonValue;
  /** The same as it was given, null without one. */
  checkpointText: string | null;
  /**
   * Says how far the job is, and where the next attempt may go on. What is left out stays as it was. It resolves at once:
   * updates go out once a second at most, the last one wins, and what was said before a failure is stored with it. Throws a
   * RangeError for a checkpoint that is not JSON or is larger than 64 KiB. One given as a `JsonText` is kept as it is.
   */
  progress(update: ProgressUpdate): Promise<void>;
  /**
   * A job, as `POST /v1/jobs` takes one, that is accepted when this attempt succeeds, together with its success and only then:
   * never without it, never twice. Its payload may be given as text (`payloadText`). It is taken as it is now. Throws an `InvalidSpawn` for what is no job, and beyond 100 jobs
   * or 1 MiB of payloads; whether there is such a queue is seen when the success is recorded, and fails the attempt.
   */
  spawn(job: SentJob): void;
}

/**
 * Runs one job and returns its result. What it throws fails the attempt, and is tried again by the job's policy,
 * unless it is a `HandlerFailure` that says otherwise.
 */
export type Handler = (payload: JsonValue, context: HandlerContext) => HandlerResult | Promise<HandlerResult>;

/** A result is a value, or its text where a value cannot hold it. */
export type HandlerResult = JsonValue | JsonText;

/** A failure with a code of its own; `retryable: false` makes it final. */
export class HandlerFailure extends Error {
  readonly code: string;
  readonly retryable: boolean;

  constructor(code: string, message: string, options: { retryable: boolean }) {
    super(message);
    this.name = "HandlerFailure";
    this.code = code;
    this.retryable = options.retryable;
  }
}
