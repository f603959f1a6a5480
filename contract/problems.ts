import {
  errorsOf,
  PROBLEMS,
  type ProblemCode,
  type ProblemError,
  type ProblemStatus,
  type ProblemView,
} from "./problem.ts";

/**
 * Problems as values: what a function answers in place of its result when a caller asked for what cannot be had, or when
 * nobody can tell right now. Every problem of the platform is made here, so that one code says one thing everywhere.
 * What is thrown instead is a fault of ours, which becomes a 500.
 */
export class Problem {
  readonly code: ProblemCode;
  /** A sentence for the caller's developer. */
  readonly detail: string;
  readonly extras: ProblemExtras;

  constructor(code: ProblemCode, detail: string, extras: ProblemExtras = {}) {
    this.code = code;
    this.detail = detail;
    this.extras = extras;
  }

  get status(): ProblemStatus {
    return PROBLEMS[this.code].status;
  }
}

export interface ProblemExtras {
  errors?: ProblemError[];
  /** Seconds until it is worth trying again, for `Retry-After`. */
  retryAfter?: number;
  /** Response headers that belong to this problem, by lower-case name. */
  headers?: Record<string, string>;
  /** What became of a batch that is answered so. Left out: nothing was accepted, unless the fault is ours (5xx). */
  accepted?: "nothing" | "unknown";
  /** Members of the document beside those of every problem (RFC 9457, 3.2). */
  members?: Record<string, unknown>;
}

/** A value, or why there is none. */
export type Result<T> = T | Problem;

export function isProblem(value: unknown): value is Problem {
  return value instanceof Problem;
}

/** All values, or the first problem among them. */
export function allOf<T>(results: readonly Result<T>[]): Result<T[]> {
  const values: T[] = [];
  for (const result of results) {
    if (isProblem(result)) return result;
    values.push(result);
  }
  return values;
}

/** The problem as it stands in an answer, or inside an item of one. */
export function problemView({ code, detail, extras }: Problem): ProblemView & { status: ProblemStatus } {
  const { status, title } = PROBLEMS[code];
  const { errors, retryAfter, members } = extras;
  return {
    type: `/problems/${code}`,
    title,
    status,
    detail,
    code,
    ...(errors === undefined ? {} : { errors }),
    // An item of a batch has no header of its own to say it.
    ...(retryAfter === undefined ? {} : { retryAfter: wholeSeconds(retryAfter) }),
    ...members,
  };
}

/** The headers of an answer that is a problem: every 429 and 503 has `Retry-After`, in whole seconds, at least 1. */
export function problemHeaders({ status, extras }: Problem): Record<string, string> {
  const { headers, retryAfter = 1 } = extras;
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

/** The same problem with the pointers of its errors under `prefix`; where it names no field, it points at `field` there. */
export function under(prefix: string, problem: Problem, field = ""): Problem {
  const errors = problem.extras.errors ?? [{ pointer: field, detail: problem.detail }];
  const moved = errors.map(({ pointer, detail }) => ({ pointer: prefix + pointer, detail }));
  return new Problem(problem.code, problem.detail, { ...problem.extras, errors: moved });
}

type SchemaError = Parameters<typeof errorsOf>[0];

/** What a caller sent is not of the shape that the call takes. */
export const invalid = {
  request: (detail: string, errors?: ProblemError[]) =>
    new Problem("invalid-request", detail, errors === undefined ? {} : { errors }),
  /** One faulty field. */
  field: (pointer: string, detail: string) => invalid.request("The request is not valid.", [{ pointer, detail }]),
  /** What a schema found; `prefix` is the pointer of what was parsed. */
  schema: (error: SchemaError, prefix = "", detail = "The request is not valid.") =>
    invalid.request(detail, errorsOf(error, prefix)),
  cursor: () =>
    invalid.request("The cursor is not one of this list's.", [
      { pointer: "/cursor", detail: "is not a cursor of this list" },
    ]),
};

/** There is no such thing, in this namespace or at all. Names are a caller's own text: cut, so that an answer stays small. */
export const notFound = {
  path: () => new Problem("not-found", "There is nothing at this path."),
  job: (id: string) => new Problem("job-not-found", `There is no job "${cut(id)}".`),
  queue: (name: string) => new Problem("queue-not-found", `There is no queue "${cut(name)}".`),
  schedule: (name: string) => new Problem("schedule-not-found", `There is no schedule "${cut(name)}".`),
  subscription: (name: string) => new Problem("subscription-not-found", `There is no subscription "${cut(name)}".`),
  namespace: (name: string) => new Problem("namespace-not-found", `There is no namespace "${cut(name)}".`),
  operation: (id: string) => new Problem("operation-not-found", `There is no operation "${cut(id)}".`),
  lease: () => new Problem("lease-not-found", "No such lease was ever given."),
  key: () => new Problem("key-not-found", "The namespace has no such key."),
};

function cut(name: string): string {
  return name.slice(0, 80);
}

/** Who asks is not known, or may not. */
export const access = {
  unauthorized: (detail: string, extras: ProblemExtras = {}) => new Problem("unauthorized", detail, extras),
  forbidden: (detail: string) => new Problem("forbidden", detail),
  /** `seconds`: when there is room in the budget again. */
  rateLimited: (detail: string, seconds: number) => new Problem("rate-limited", detail, { retryAfter: seconds }),
};

/** Right now it cannot be done, or nobody can tell. Trying again is right. */
export const unavailable = {
  /** `extras.retryAfter` in seconds. */
  because: (detail: string, extras: ProblemExtras = {}) => new Problem("unavailable", detail, extras),
  part: () => unavailable.because("A part of the service did not answer."),
  database: () => unavailable.because("The database did not answer."),
  queueChanging: () => unavailable.because("The queue is being changed."),
  contended: (what: string) => unavailable.because(`The ${what} is being changed by others.`),
};

/** The request is well-formed, and what it is about does not allow it. */
export const conflict = {
  state: (detail: string) => new Problem("invalid-state", detail),
  of: (code: ProblemCode, detail: string, errors?: ProblemError[]) =>
    new Problem(code, detail, errors === undefined ? {} : { errors }),
  /** `If-Match` names no version that `what` has; `current` is null where there is no such thing. */
  version: (what: string, current: number | null) =>
    new Problem(
      "version-mismatch",
      current === null
        ? `There is no such ${what} that If-Match could match: leave the header out to create it.`
        : `The ${what} is at version ${current}: read it again, and send If-Match: "${current}" to change it as it is then.`,
    ),
};

/** More bytes than there is room for. */
export const tooLarge = {
  body: (bytes: number) => new Problem("body-too-large", `The body may be ${bytes} bytes at most.`),
  payload: (bytes: number) => new Problem("payload-too-large", `The payload may be ${bytes} bytes at most.`),
  result: (bytes: number) => new Problem("result-too-large", `The result may be ${bytes} bytes at most.`),
  checkpoint: (bytes: number) => new Problem("checkpoint-too-large", `The checkpoint may be ${bytes} bytes at most.`),
};
