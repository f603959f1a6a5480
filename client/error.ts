import type { ProblemView } from "../contract/problem.ts";

/**
 * Every call that does not succeed throws this. `problem` is the server's own words (RFC 9457). When there was no
 * answer at all, `code` is `network`, `status` 0, and `cause` says more.
 */
export class DureError extends Error {
  readonly problem: ProblemView;
  /** What the server asked for with `Retry-After`, or null. */
  readonly retryAfterMs: number | null;

  constructor(problem: ProblemView, options: { retryAfterMs?: number | null; cause?: unknown } = {}) {
    super(
      problem.detail === "" ? problem.title : problem.detail,
      options.cause === undefined ? {} : { cause: options.cause },
    );
    this.name = "DureError";
    this.problem = problem;
    this.retryAfterMs = options.retryAfterMs ?? null;
  }

  get code(): string {
    return this.problem.code;
  }

  get status(): number {
    return this.problem.status;
  }

  /** No answer, or one that says nothing about whether the request was done. */
  get isUncertain(): boolean {
    return this.status === 0 || this.status >= 500;
  }
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

function parseProblem(body: string): ProblemView | null {
  try {
    const { type = "", title = "", status, detail = "", code, ...rest } = JSON.parse(body) as Partial<ProblemView>;
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
