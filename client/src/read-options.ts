import type { GetJobQuery, ListJobsQuery } from "./generated/types.ts";

/** How a job, or a list of them, is read. */
export interface ReadOptions {
  /** How fresh the answer has to be. Left out: `strong`. */
  consistency?: NonNullable<GetJobQuery["consistency"]>;
  /** Ends the call when it is aborted. */
  signal?: AbortSignal;
}

/** Which jobs a list has, and how it is read. Times are in RFC 3339. */
export interface ListOptions extends ReadOptions, Omit<ListJobsQuery, "consistency" | "include"> {
  /** Fields that a list leaves out when they are not asked for. */
  include?: ("payload" | "result" | "attempts")[];
}

/** Which page of a list: `limit` items at most, from where an earlier page's `nextCursor` says. */
export interface PageOptions {
  limit?: number;
  cursor?: string;
}

/** How long something is waited for. */
export interface WaitOptions {
  /** Seconds. Left out: for ever. */
  timeoutSeconds?: number;
  /** Ends the wait when it is aborted. */
  signal?: AbortSignal;
}

/** Of a change of settings. */
export interface ChangeOptions {
  /** Changes only what still has this `version`; another is refused (412, `version-mismatch`). Left out: whatever its version is. */
  ifVersion?: number;
}

/**
 * How a change of settings is sent. Made for one version it is not sent twice: the second would be refused for what the first did.
 *
 * @internal
 */
export function changing({ ifVersion }: ChangeOptions): { headers: Record<string, string>; repeatable: boolean } {
  if (ifVersion === undefined) return { headers: {}, repeatable: true };
  return { headers: { "if-match": `"${ifVersion}"` }, repeatable: false };
}
