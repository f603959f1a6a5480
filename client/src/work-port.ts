import type { Clock } from "./clock.ts";
import type {
  ClaimedJob,
  ClaimRequest,
  Extended,
  ExtendRequest,
  Reported,
  ReportRequest,
  ReportsRequest,
} from "./generated/types.ts";

/** A claim in the same call as reports. */
export type NextClaim = NonNullable<ReportsRequest["claim"]>;

/**
 * What those who run jobs need of Dure, whatever carries it: HTTP for a worker anywhere, a service binding for another
 * Worker. Each call is one try; what goes wrong is thrown as a `DureError`, an aborted `signal` included.
 */
export interface WorkPort {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  claim(queue: string, claim: ClaimRequest, signal: AbortSignal): Promise<ClaimedJob[]>;
  report(reports: ReportRequest[], options: { claim?: NextClaim; signal: AbortSignal }): Promise<Reported>;
  extend(lease: string, body: ExtendRequest, signal: AbortSignal): Promise<Extended>;
}
