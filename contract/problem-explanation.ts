/**
 * Whether the same request may be sent again: `no`, it would be answered alike; `later`, it may be answered otherwise
 * by itself, after the `Retry-After` of the answer where there is one; `changed`, once what the remedy says is done.
 */
export const RETRIES = ["no", "later", "changed"] as const;
/** One of `RETRIES`. */
export type Retry = (typeof RETRIES)[number];

/** A problem as it is explained to people. */
export interface ProblemExplanation {
  status: number;
  title: string;
  /** What happened. */
  happened: string;
  /** What to do about it. */
  remedy: string;
  retry: Retry;
}
