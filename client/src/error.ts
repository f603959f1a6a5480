import { PROBLEM_CODES } from "./generated/problem-codes.ts";
import type { Job, JobError, Problem } from "./generated/types.ts";

/** The codes of the problems that this version of the API answers with. */
export type ProblemCode = (typeof PROBLEM_CODES)[number];

/** `network`: there was no answer. `unknown`: there was one, of a code that this version of the client does not know. */
export type DureErrorCode = ProblemCode | "network" | "unknown";

const CODES: ReadonlySet<string> = new Set<DureErrorCode>([...PROBLEM_CODES, "network"]);

/**
 * Every call that does not succeed throws this. `problem` is the server's own words (RFC 9457). When there was no
 * answer at all, `code` is `network`, `status` 0, and `cause` says more.
 */
export class DureError extends Error {
  readonly problem: Problem;
  /** How many milliseconds the server asked to wait with `Retry-After`, or null. */
  readonly retryAfterMs: number | null;

  constructor(problem: Problem, options: { retryAfterMs?: number | null; cause?: unknown } = {}) {
    super(messageOf(problem), options.cause === undefined ? {} : { cause: options.cause });
    this.name = "DureError";
    this.problem = problem;
    this.retryAfterMs = options.retryAfterMs ?? null;
  }

  /** One of the codes that this version knows. The server's own word, of a newer version too, is `problem.code`. */
  get code(): DureErrorCode {
    const { code } = this.problem;
    return isKnown(code) ? code : "unknown";
  }

  /** The status of the HTTP answer; 0 when there was none. */
  get status(): number {
    return this.problem.status;
  }

  /** No answer, or one that says nothing about whether the request was done. */
  get isUncertain(): boolean {
    return this.status === 0 || this.status >= 500;
  }
}

/** What an uncaught error prints: the problem in a sentence, and the first fault that it names. */
function messageOf({ title, detail, errors }: Problem): string {
  const [first, ...more] = Array.isArray(errors) ? errors : [];
  const sentence = detail === "" ? title : detail;
  if (first === undefined) return sentence;
  const others = more.length === 0 ? "" : ` (and ${more.length} more)`;
  return `${sentence} ${first.pointer === "" ? "" : `${first.pointer}: `}${first.detail}${others}`;
}

function isKnown(code: string): code is DureErrorCode {
  return CODES.has(code);
}

/** Thrown by a handler: the job fails for good, whatever attempts are left. */
export class NonRetryable extends Error {
  readonly code: string;

  constructor(message: string, options: { code?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "NonRetryable";
    this.code = options.code ?? "non-retryable";
  }
}

/** Thrown in place of a result: the job has failed, or was cancelled. The message is that of its last error. */
export class JobFailedError extends Error {
  /** The job in its final state. */
  readonly job: Job;

  constructor(job: Job) {
    super(job.error?.message || `the job ${job.id} is ${job.state}`);
    this.name = "JobFailedError";
    this.job = job;
  }

  /** The error of the last attempt. Null when there was none: the job was cancelled before it could fail. */
  get error(): JobError | null {
    return this.job.error;
  }

  /** What the last attempt failed with, as the one who ran it named it; `cancelled` where it has not failed. */
  get code(): string {
    return this.job.error?.code ?? this.job.state;
  }
}

/** Thrown in place of a result: the time that was given is over, and the job is not final. It goes on. */
export class JobPendingError extends Error {
  /** The job as it was then. */
  readonly job: Job;

  constructor(job: Job, seconds: number) {
    super(`the job ${job.id} is ${job.state} after ${seconds} s`);
    this.name = "JobPendingError";
    this.job = job;
  }
}

/** The error of a request that got no answer. */
export function networkError(cause: unknown): DureError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new DureError(
    { type: "/problems/network", title: "No answer", status: 0, detail, code: "network" },
    { cause },
  );
}

/** The error of an answer that is not 2xx. A body that is no problem (a proxy's page) still gives one. */
export function answerError(status: number, body: string, retryAfter: string | null): DureError {
  const options = { retryAfterMs: parseRetryAfter(retryAfter) };
  const parsed = parseProblem(body);
  if (parsed !== null) return new DureError(parsed, options);
  return new DureError(
    { type: "/problems/unknown", title: `HTTP ${status}`, status, detail: "", code: "unknown" },
    options,
  );
}

function parseProblem(body: string): Problem | null {
  try {
    const { type = "", title = "", status, detail = "", code, ...rest } = JSON.parse(body) as Partial<Problem>;
    return typeof code === "string" && typeof status === "number"
      ? { type, title, status, detail, code, ...rest }
      : null;
  } catch {
    return null; // Not a JSON object: the caller makes a problem of the status.
  }
}

/** Seconds only: Dure never sends the date form. */
function parseRetryAfter(text: string | null): number | null {
  return text !== null && /^\d{1,7}$/.test(text) ? Number(text) * 1000 : null;
}
