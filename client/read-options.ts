import type { Consistency, JobView } from "../contract/job.ts";

export interface ReadOptions {
  consistency?: Consistency;
  signal?: AbortSignal;
}

export interface ListOptions extends ReadOptions {
  queue?: string;
  state?: JobView["state"];
  tag?: string;
  orderingKey?: string;
  /** RFC 3339. */
  createdAfter?: string;
  createdBefore?: string;
  include?: ("payload" | "result" | "attempts")[];
  limit?: number;
  cursor?: string;
}
