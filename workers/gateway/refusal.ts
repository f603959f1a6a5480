import { PROBLEMS, type ProblemError, type ProblemStatus, type ProblemView } from "../../contract/problem.ts";

/** The contract's problems, and those of calls that this version cannot serve in full. */
const TABLE = {
  ...PROBLEMS,
  "batch-spans-shards": { status: 422, title: "An atomic batch must fit on one shard" },
  "batch-idempotency-unsupported": { status: 422, title: "A batch as a whole takes no idempotency key" },
  "queue-has-keys": { status: 409, title: "The queue still remembers idempotency keys" },
} as const satisfies Record<string, { status: number; title: string }>;

export type RefusalCode = keyof typeof TABLE;

export interface RefusalExtras {
  errors?: ProblemError[];
  /** Seconds, for `Retry-After`. */
  retryAfter?: number;
  headers?: Record<string, string>;
}

/**
 * Thrown by anything under a route to end the request with a problem. A refusal is the caller's to mend or to wait
 * for; anything else that is thrown is a fault of ours and becomes a 500.
 */
export class Refusal extends Error {
  readonly code: RefusalCode;
  readonly extras: RefusalExtras;

  constructor(code: RefusalCode, detail: string, extras: RefusalExtras = {}) {
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
  const { status, title } = TABLE[refusal.code];
  const body = { type: `/problems/${refusal.code}`, title, status, detail: refusal.message, code: refusal.code };
  return refusal.extras.errors === undefined ? body : { ...body, errors: refusal.extras.errors };
}

/** The headers of an answer that is a problem: every 429 and 503 has `Retry-After`, in whole seconds, at least 1. */
export function problemHeaders(refusal: Refusal): Record<string, string> {
  const { status } = TABLE[refusal.code];
  const { headers, retryAfter = 1 } = refusal.extras;
  const mayPass = status === 429 || status === 503;
  return {
    ...headers,
    "content-type": "application/problem+json",
    ...(mayPass ? { "retry-after": String(Math.max(1, Math.ceil(retryAfter))) } : {}),
  };
}
