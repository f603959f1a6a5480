/** Jobs on their way to targets inside the account: what another Worker is called with, what it answers, and what a Queue is sent. */

/** What `process` of a Worker that is a target is called with. A value cannot hold every number that a text can, so it has both. */
export interface TargetJob {
  id: string;
  namespace: string;
  queue: string;
  /** 1 for the first run. A job may run more than once: its id tells. */
  attempt: number;
  /** Counts the times that the job was given to anybody, with those that spent no attempt. */
  delivery: number;
  payload: unknown;
  /** JSON text, as its sender wrote it. */
  payloadText: string;
  /** What an earlier attempt left to go on from; null without one. */
  checkpoint: unknown;
  checkpointText: string | null;
  /** W3C Trace Context, of the trace that the job belongs to. */
  traceparent: string;
  /** RFC 3339: an answer that comes later does not count. */
  deadline: string;
}

/** The member of an answer of `process` that makes it a failure and no result. */
export const FAILURE_MEMBER = "dure-failure";

/** How a Worker says that the attempt has failed, without throwing. Other members, and those of other types, are not looked at. */
export interface TargetFailure {
  /** For programs. Left out: `worker-error`. */
  code?: string;
  /** For people. */
  message?: string;
  /** False: no further attempt mends it. Left out: another may. */
  retryable?: boolean;
  /** In seconds: the next attempt is no sooner. */
  retryAfter?: number;
}

/** What a Worker that is a target has to have. */
export interface JobProcessor {
  process(job: TargetJob): Promise<unknown>;
}

/** The text of a message to a Queue, with the job's payload in it as its sender wrote it. */
export function queueMessage(job: {
  id: string;
  namespace: string;
  queue: string;
  attempt: number;
  delivery: number;
  traceparent: string;
  payloadText: string;
}): string {
  const { payloadText, ...head } = job;
  return `${JSON.stringify(head).slice(0, -1)},"payload":${payloadText}}`;
}
