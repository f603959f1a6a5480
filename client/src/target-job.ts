/** Jobs as Workers see them that Dure calls, or whose Queue it fills: targets of type `worker` and `queue`. */

/** What `process` of a Worker that is a target is called with. A value cannot hold every number that a text can, so it has both. */
export interface TargetJob {
  /** Tells that it is the same job, which may come more than once. */
  id: string;
  namespace: string;
  queue: string;
  /** 1 for the first run. */
  attempt: number;
  /** Counts the times that the job was given to anybody, with those that spent no attempt. */
  delivery: number;
  payload: unknown;
  /** JSON text, as its sender wrote it. */
  payloadText: string;
  /** What an earlier attempt left to go on from; null without one. */
  checkpoint: unknown;
  /** The checkpoint as JSON text; null without one. */
  checkpointText: string | null;
  /** The trace that the job belongs to, as W3C Trace Context writes it. */
  traceparent: string;
  /** An answer that comes after this moment (RFC 3339) does not count. */
  deadline: string;
}

/** What `process` answers as the member `dure-failure` of an object, where the attempt has failed: as good as throwing, and it can say more. */
export interface TargetFailure {
  /** For programs: printable ASCII of at most 128 characters. Left out: `worker-error`. */
  code?: string;
  /** For people: at most 500 characters of it are kept. */
  message?: string;
  /** False: no further attempt mends it. Left out: another may. */
  retryable?: boolean;
  /** In seconds, at most a day: the next attempt is no sooner. */
  retryAfter?: number;
}

/** A message of a Queue that is a target: the text of the message is this as JSON. */
export interface QueuedJob {
  /** Tells that it is the same job, which may come more than once. */
  id: string;
  namespace: string;
  queue: string;
  /** 1 for the first run. */
  attempt: number;
  /** Counts the times that the job was given to anybody, with those that spent no attempt. */
  delivery: number;
  /** The trace that the job belongs to, as W3C Trace Context writes it. */
  traceparent: string;
  /** In the text it stands as its sender wrote it, to the digit. */
  payload: unknown;
}
