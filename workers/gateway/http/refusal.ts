import {
  PROBLEMS,
  type ProblemCode,
  type ProblemError,
  type ProblemStatus,
  type ProblemView,
} from "../../../contract/problem.ts";

export interface RefusalExtras {
  errors?: ProblemError[];
  /** Seconds, for `Retry-After`. */
  retryAfter?: number;
  headers?: Record<string, string>;
  /** What became of a batch that is answered so. Left out: nothing was accepted, unless the fault is ours (5xx). */
  accepted?: "nothing" | "unknown";
}

/**
 * Thrown by anything under a route to end the request with a problem. A refusal is the caller's to mend or to wait
 * for; anything else that is thrown is a fault of ours and becomes a 500.
 */
export class Refusal extends Error {
  readonly code: ProblemCode;
  readonly extras: RefusalExtras;

  constructor(code: ProblemCode, detail: string, extras: RefusalExtras = {}) {
    super(detail);
    this.name = "Refusal";
    this.code = code;
    this.extras = extras;
  }
}

/** The refusal of one faulty field. */
export function invalidField(pointer: string, detail: string): Refusal {
  return new Refusal("invalid-request", "The request is not valid.", { errors: [{ pointer, detail }] });
}

/** The problem as it stands in an answer, or inside an item of one. */
export function problemView(refusal: Refusal): ProblemView & { status: ProblemStatus } {
  const { status, title } = PROBLEMS[refusal.code];
  const body = { type: `/problems/${refusal.code}`, title, status, detail: refusal.message, code: refusal.code };
  const { errors, retryAfter } = refusal.extras;
  return {
    ...body,
    ...(errors === undefined ? {} : { errors }),
    // An item of a batch has no header of its own to say it.
    ...(retryAfter === undefined ? {} : { retryAfter: wholeSeconds(retryAfter) }),
  };
}

/** The headers of an answer that is a problem: every 429 and 503 has `Retry-After`, in whole seconds, at least 1. */
export function problemHeaders(refusal: Refusal): Record<string, string> {
  const { status } = PROBLEMS[refusal.code];
  const { headers, retryAfter = 1 } = refusal.extras;
  const mayPass = status === 429 || status === 503;
  return {
    ...headers,
    "content-type": "application/problem+json",
    ...(mayPass ? { "retry-after": String(wholeSeconds(retryAfter)) } : {}),
  };
}

function wholeSeconds(retryAfter: number): number {
  return Math.max(1, Math.ceil(retryAfter));
}
