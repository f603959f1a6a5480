import type { BatchView } from "./batch.ts";
import { MAX_PROXY_HEAD_BYTES } from "./limits.ts";
import { NAME_RULE } from "./primitives.ts";
import {
  errorsOf,
  PROBLEMS,
  type ProblemCode,
  type ProblemError,
  type ProblemStatus,
  type ProblemView,
} from "./problem.ts";
import { fieldSentence, formatBytes } from "./sentence.ts";

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
  /** Trying again never helps, though what has the same code may pass elsewhere. */
  permanent?: true;
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

/** The values among the results, in their order. */
export function valuesOf<T>(results: readonly Result<T>[]): T[] {
  return results.filter((result): result is T => !isProblem(result));
}

/**
 * The values of what goes on side by side, in its order; or the first problem, as soon as it is there: what goes on beside it
 * is not waited for.
 */
export function together<T extends readonly unknown[] | []>(
  works: {
    readonly [Index in keyof T]: Promise<Result<T[Index]>>;
  },
): Promise<Result<T>> {
  return new Promise((resolve, reject) => {
    for (const work of works) work.then((result) => isProblem(result) && resolve(result), reject);
    Promise.all(works).then((results) => resolve(allOf(results) as Result<T>), reject);
  });
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

/** Names the header in which a fault is. Its pointer is no place in a body. */
function faultOfHeader(name: string, detail: string): ProblemError {
  return { pointer: `/${name.toLowerCase()}`, header: name, detail };
}

type SchemaError = Parameters<typeof errorsOf>[0];

/** What a caller sent is not of the shape that the call takes. */
export const invalid = {
  request: (detail: string, errors?: ProblemError[]) =>
    new Problem("invalid-request", detail, errors === undefined ? {} : { errors }),
  /** One faulty field. */
  field: (pointer: string, detail: string) => invalid.request("The request is not valid.", [{ pointer, detail }]),
  /** The body as a whole is not what it has to be; `rule` is the end of a sentence. */
  body: (rule: string) => {
    const detail = fieldSentence("The body", rule);
    return invalid.request(detail, [{ pointer: "", detail }]);
  },
  /** A header that is not what it has to be; `rule` is the end of a sentence. */
  header: (name: string, rule: string) => {
    const detail = fieldSentence(`The header ${name}`, rule);
    return invalid.request(detail, [faultOfHeader(name, detail)]);
  },
  /** A name in the path that `what` cannot have. */
  name: (what: string) => invalid.field("", fieldSentence(`The ${what}'s name in the path`, NAME_RULE)),
  /** What a schema found; `prefix` is the pointer of what was parsed. */
  schema: (error: SchemaError, prefix = "", detail = "The request is not valid.") =>
    invalid.request(detail, errorsOf(error, prefix)),
  cursor: () =>
    invalid.request("The cursor is not one of this list's.", [
      { pointer: "/cursor", detail: "cursor is not one of this list's." },
    ]),
};

/** There is no such thing, in this namespace or at all. Names are a caller's own text: cut, so that an answer stays small. */
export const notFound = {
  path: () => new Problem("not-found", "There is nothing at this path."),
  job: (id: string) => new Problem("job-not-found", `There is no job "${cut(id)}".`),
  queue: (name: string) => new Problem("queue-not-found", `There is no queue "${cut(name)}".`),
  /** Of a job that is to run again; a queue that has the name by now is another. */
  queueOfJob: (name: string) =>
    new Problem(
      "queue-not-found",
      `The job's queue "${cut(name)}" was deleted, and the job with it: it cannot run again, also where a queue of that name was made since. Submit another job instead.`,
    ),
  schedule: (name: string) => new Problem("schedule-not-found", `There is no schedule "${cut(name)}".`),
  subscription: (name: string) => new Problem("subscription-not-found", `There is no subscription "${cut(name)}".`),
  service: (name: string) => new Problem("service-not-found", `There is no service "${cut(name)}".`),
  namespace: (name: string) => new Problem("namespace-not-found", `There is no namespace "${cut(name)}".`),
  /** The one that the header of a request names. */
  namespaceOfHeader: (name: string) => {
    const detail = `There is no namespace "${cut(name)}", which the header Dure-Namespace names.`;
    return new Problem("namespace-not-found", detail, { errors: [faultOfHeader("Dure-Namespace", detail)] });
  },
  operation: (id: string) => new Problem("operation-not-found", `There is no operation "${cut(id)}".`),
  lease: () =>
    new Problem(
      "lease-not-found",
      "No such lease is known: it was never given, or its job has ended and left its shard.",
    ),
  key: () => new Problem("key-not-found", "The namespace has no such key."),
};

function cut(name: string): string {
  return name.slice(0, 80);
}

/** An HTTP request that no call takes, or that we failed. */
export const http = {
  /** `allow`: the methods that the path takes, as `Allow` lists them. */
  method: (allow: string) => new Problem("method-not-allowed", `The path takes ${allow}.`, { headers: { allow } }),
  mediaType: () => {
    const detail = "Send the body with the header Content-Type: application/json.";
    return new Problem("unsupported-media-type", detail, { errors: [faultOfHeader("Content-Type", detail)] });
  },
  failed: (id: string) => new Problem("internal", `Please report request ${id}.`),
};

/** Who asks is not known, or may not. */
export const access = {
  unauthorized: (detail: string, extras: ProblemExtras = {}) => new Problem("unauthorized", detail, extras),
  forbidden: (detail: string) => new Problem("forbidden", detail),
  /** A header that only another key may send; `rule` is a sentence. */
  forbiddenHeader: (name: string, rule: string) =>
    new Problem("forbidden", rule, { errors: [faultOfHeader(name, rule)] }),
  /** `seconds`: when there is room in the budget again. */
  rateLimited: (detail: string, seconds: number) => new Problem("rate-limited", detail, { retryAfter: seconds }),
  tooManyBadKeys: () => access.rateLimited("Too many bad keys came from this address.", 60),
  tooManyWaiting: (detail: string, seconds: number) => new Problem("too-many-waiting", detail, { retryAfter: seconds }),
  /** A key was to give what it does not have itself. */
  beyondOwnKey: (pointer: string, detail: string) =>
    new Problem("beyond-own-key", "A key cannot give more than it has.", { errors: [{ pointer, detail }] }),
};

/** Right now it cannot be done, or nobody can tell. Trying again is right. */
export const unavailable = {
  /** `extras.retryAfter` in seconds. */
  because: (detail: string, extras: ProblemExtras = {}) => new Problem("unavailable", detail, extras),
  part: () => unavailable.because("A part of the service did not answer."),
  database: () => unavailable.because("The database did not answer."),
  /** Of a key that was to be revoked. */
  revocationNoted: () =>
    unavailable.because(
      "The database did not answer. The key is refused while that lasts, and the revocation is written down when it answers again: send this call again until it answers 204 or 404.",
    ),
  settings: () => unavailable.because("The queue's settings cannot be read right now."),
  queueChanging: () => unavailable.because("The queue is being changed."),
  contended: (what: string) => unavailable.because(`The ${what} is being changed by others.`),
  /** `seconds`: when the shard expects to answer. */
  busy: (seconds: number) => unavailable.because("The shard is busy.", { retryAfter: seconds }),
  /** Of one job of a submission: work on it has thrown. `fault` says what, as far as it may be told. */
  faulted: (fault: string) =>
    unavailable.because(`Work on the job has failed in Dure with ${fault}. It was not accepted.`, {
      retryAfter: 5,
      accepted: "nothing",
    }),
  slotMoving: () => unavailable.because("A slot is being moved."),
  jobMoving: () => unavailable.because("The job's slot is being moved."),
  scheduleMoving: () => unavailable.because("The schedule's place is being changed."),
  /** Of an atomic batch over several shards: it was given up. */
  aborted: () => unavailable.because("A shard did not answer in time: no job was accepted.", { accepted: "nothing" }),
  /** Of the same: nobody here knows yet. */
  undecided: () =>
    unavailable.because("The batch is not decided yet. Sent again with its Idempotency-Key it tells its outcome.", {
      retryAfter: 2,
    }),
};

/** Work on the job throws. `fault` says what, as far as it may be told. */
export function jobQuarantined({ fault, retryAfterMs }: { fault: string; retryAfterMs: number }): Problem {
  const detail = `Work on the job fails in Dure, last with ${fault}. Nothing was done; the job keeps its place, and is tried again by itself.`;
  return new Problem("job-quarantined", detail, { retryAfter: retryAfterMs / 1000 });
}

/** A request to a service through the proxy had no answer of an instance. */
export const serviceProblem = {
  /** Its breaker is open; `nextMs`: when a probe may be sent. */
  open: (name: string, nextMs: number) =>
    new Problem("service-open", `Too much of what the service "${cut(name)}" was asked has failed: it rests.`, {
      retryAfter: nextMs / 1000,
    }),
  full: (name: string) =>
    new Problem("service-full", `As many requests to the service "${cut(name)}" are under way as may be.`, {
      retryAfter: 1,
    }),
  noInstance: () => new Problem("service-unreachable", "The service has no instance."),
  /** `rule` is a clause. */
  refused: (rule: string) => new Problem("service-unreachable", `An instance may not be called: ${rule}.`),
  path: () => invalid.request("The path leads out of the service."),
  head: (bytes: number) =>
    new Problem(
      "head-too-large",
      `Path, query and headers have ${formatBytes(bytes)}; ${formatBytes(MAX_PROXY_HEAD_BYTES)} are passed on at most.`,
    ),
  /** The runtime sends none, and a request without it would be another one. */
  bodyOfGet: (method: string) =>
    invalid.request(`A body of ${method} cannot be passed on. Send it with another method.`),
  /** `attempts`: how often it was sent. */
  broken: (attempts: number) =>
    new Problem(
      "service-unreachable",
      `No answer came: the connection could not be made, or was lost${sentTimes(attempts)}.`,
    ),
  /** `rule` is a clause. */
  answer: (rule: string) => new Problem("service-unreachable", `The answer cannot be passed on: ${rule}.`),
  late: (attempts: number) =>
    new Problem("service-timeout", `No answer of the service began in time${sentTimes(attempts)}.`),
  unsent: () => invalid.request("The body did not come in time, or broke off."),
};

function sentTimes(attempts: number): string {
  return attempts > 1 ? `, though it was asked ${attempts} times` : "";
}

/** A key of the caller's own was used before, or is being used. */
export const idempotency = {
  jobMismatch: (id: string) => mismatch(`The idempotency key belongs to ${id}, which was sent with another body.`),
  operationMismatch: (id: string) => mismatch(`The idempotency key belongs to ${id}, which has another body.`),
  batchMismatch: () => mismatch("The idempotency key was used with another batch."),
  /** The call asked to be refused when an earlier job holds its deduplication key. */
  duplicate: (id: string) => new Problem("duplicate", `The deduplication key is held by ${id}.`),
  /** It is decided in a moment. */
  keyUndecided: () =>
    new Problem("idempotency-undecided", "A key of the job is held by an atomic batch that is being decided."),
  /** The batch may have been accepted or not, and nobody remembers. */
  batchUndecided: () => undecided("The batch was cut short, and how far it came is no longer known."),
  /** What placed the jobs may have changed since a first run whose end nobody knows. */
  partitioningChanged: (queue: string) =>
    undecided(
      `The batch was cut short, and the number of partitions of queue "${queue}" was changed since: how far it came cannot be told.`,
      { permanent: true },
    ),
};

function mismatch(detail: string): Problem {
  return new Problem("idempotency-mismatch", detail);
}

function undecided(detail: string, extras: ProblemExtras = {}): Problem {
  return new Problem("idempotency-undecided", detail, { ...extras, accepted: "unknown" });
}

/** There is no room. `seconds`: when there may be. */
export const full = {
  queue: (queue: string, seconds: number) =>
    new Problem("backlog-full", `Queue ${queue} is full for jobs of this priority. Try again in ${seconds} s.`, {
      retryAfter: seconds,
    }),
  namespace: (seconds: number) =>
    new Problem(
      "namespace-full",
      `The namespace has as much as it may have on the shard of the job. Try again in ${seconds} s.`,
      { retryAfter: seconds },
    ),
  shard: (seconds: number) =>
    new Problem("shard-full", `The shard of the job holds as much as it can. Try again in ${seconds} s.`, {
      retryAfter: seconds,
    }),
  /** Every job of a batch needs no more than to wait. */
  batch: (code: keyof typeof NO_ROOM, seconds: number) => new Problem(code, NO_ROOM[code], { retryAfter: seconds }),
  operations: (most: number) =>
    new Problem("too-many-operations", `${most} operations of the namespace are not done.`, { retryAfter: 10 }),
};

const NO_ROOM = {
  unavailable: "No shard could take a job.",
  "shard-full": "The shards of the jobs hold as much as they can.",
  "namespace-full": "The namespace has as much as it may have on the shards of the jobs.",
  "backlog-full": "As many jobs wait as their queues may have waiting.",
} as const;

/** A batch, or a job of one. */
export const batch = {
  refused: (errors: ProblemError[]) =>
    new Problem("batch-refused", "No job of the batch was accepted.", { errors: errors.slice(0, 50) }),
  /** Of an atomic batch: the job's own fault it was not. */
  otherRefused: () => new Problem("batch-refused", "Another job of the batch was refused."),
  /** No job was accepted; `view` says of each why. */
  withItems: (problem: Problem, view: BatchView) =>
    new Problem(problem.code, problem.detail, { ...problem.extras, members: { ...view } }),
};

/** What a worker reports counts no more. */
export const stale = {
  lease: () => new Problem("stale-lease", "The job has gone on without this lease; its report changes nothing."),
  cancelled: () => new Problem("stale-lease", "The job was cancelled while it ran; its report changes nothing."),
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
  body: (bytes: number) => new Problem("body-too-large", `The body may be ${formatBytes(bytes)} at most.`),
  payload: (bytes: number) => new Problem("payload-too-large", `The payload may be ${formatBytes(bytes)} at most.`),
  result: (bytes: number) => new Problem("result-too-large", `The result may be ${formatBytes(bytes)} at most.`),
  checkpoint: (bytes: number) =>
    new Problem("checkpoint-too-large", `The checkpoint may be ${formatBytes(bytes)} at most.`),
};
