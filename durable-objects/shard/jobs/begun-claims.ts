import { Part } from "../kernel/part.ts";
import type { Step } from "../kernel/step.ts";

/** Claims that are remembered. A worker has one or a few at a time. */
const MAX_CLAIMS = 10_000;

/**
 * Claims of which some job was begun, by the nonce that their jobs share: their workers say which jobs they have begun, so the
 * others have not. Memory alone: after a restart a job whose worker is lost spends an attempt, as those do of workers that
 * never say it.
 */
export const BEGUN_CLAIMS = new Part("begun claims", () => new Set<string>());

/** The worker of the claim with this nonce has begun a job of it. */
export function noteBegun(step: Step, nonce: string | null): void {
  const claims = step.get(BEGUN_CLAIMS);
  if (nonce === null || claims.has(nonce)) return;
  step.onCommit(() => {
    claims.add(nonce);
    if (claims.size <= MAX_CLAIMS) return;
    const [oldest] = claims;
    if (oldest !== undefined) claims.delete(oldest);
  });
}
