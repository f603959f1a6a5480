import type { ReleaseRequest, ReportRequest } from "./generated/types.ts";

/** Thrown by `release` to end the handler. */
export class Released extends Error {}

/** The report that gives a job back. */
export function releaseReport(lease: string, release: ReleaseRequest): ReportRequest {
  return { lease, ok: null, ...release };
}
