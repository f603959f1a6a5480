import type { ClaimedJobView, ClaimInput, ExtendBody, ExtendView, ReportInput, ReportsView } from "../contract/pull.ts";
import type { Clock } from "./clock.ts";

/** A claim in the same call as reports. */
export type NextClaim = ClaimInput & { queue: string };

/**
 * What those who run jobs need of Dure, whatever carries it: HTTP for a worker anywhere, a service binding for another
 * Worker. Each call is one try; what goes wrong is thrown as a `DureError`, an aborted `signal` included.
 */
export interface WorkPort {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  claim(queue: string, claim: ClaimInput, signal: AbortSignal): Promise<ClaimedJobView[]>;
  report(reports: ReportInput[], options: { claim?: NextClaim; signal: AbortSignal }): Promise<ReportsView>;
  extend(lease: string, body: ExtendBody, signal: AbortSignal): Promise<ExtendView>;
}
