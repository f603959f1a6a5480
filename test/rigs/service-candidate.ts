import type { Candidate } from "../../domain/service/candidates.ts";

/** A candidate of weight 1 that is idle and whose times nobody knows. */
export function candidate(url: string, more: Partial<Candidate> = {}): Candidate {
  return { url, weight: 1, ewmaMs: null, inFlight: 0, ...more };
}
