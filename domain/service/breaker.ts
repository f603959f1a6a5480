/**
 * The circuit breaker of a service (Nygard, Release It!, 2007). Closed, everything passes; when too much fails it opens, and
 * nothing passes for a while; then it is half open, and lets a few probes pass, whose outcomes close it or open it again.
 *
 * The state is plain JSON. Requests are begun and reported in bulk, by isolates that may be gone before they report: so probes are
 * given under a lease, and belong to a round. Each time that the breaker becomes half open is a round of its own, and
 * the outcome of a probe counts in its own round alone.
 */
import type { BreakerSettings } from "./settings.ts";
import { type CountWindow, sumsOf, withCounts } from "./window.ts";

export type Breaker =
  /** `window` counts what succeeded and what failed. */
  | { state: "closed"; round: number; window: CountWindow }
  /** Until then, in epoch ms, nothing passes. */
  | { state: "open"; round: number; until: number }
  | { state: "halfOpen"; round: number; probes: readonly ProbeGrant[]; succeeded: number };

/** Probes that a holder was given and whose outcome is not known. Those that get none come back when the lease ends (epoch ms). */
export interface ProbeGrant {
  /** `NOBODY`: they are spent. */
  holder: string;
  count: number;
  until: number;
}

/** What became of probes of a round. */
export interface ProbeOutcomes extends Outcomes {
  round: number;
  holder: string;
  /** Probes that the holder gives back without having sent them. */
  unused: number;
  /** Probes that were sent and told nothing: whoever asked did not wait, or did not send all of it. */
  spent: number;
}

/** Requests that ended: how many of them succeeded, and how many failed. */
export interface Outcomes {
  succeeded: number;
  failed: number;
}

/** Has what no holder has any more. No holder's name is empty. */
const NOBODY = "";

/** A service that nothing is known of. */
export const CLOSED: Breaker = { state: "closed", round: 0, window: [] };

/**
 * The breaker as it is at `now` (epoch ms): one whose rest is over is half open, and probes whose lease has ended are
 * forgotten. The same object where nothing changes. A clock that stepped back makes no rest longer than it was to be.
 */
export function breakerAt(breaker: Breaker, settings: BreakerSettings, now: number): Breaker {
  switch (breaker.state) {
    case "closed":
      return breaker;
    case "open": {
      if (breaker.until <= now) return { state: "halfOpen", round: breaker.round + 1, probes: [], succeeded: 0 };
      const latest = now + settings.openForMs;
      return breaker.until <= latest ? breaker : { ...breaker, until: latest };
    }
    case "halfOpen": {
      const latest = now + settings.openForMs;
      const probes = breaker.probes.filter(
        ({ holder, until }) => until > now && (holder !== NOBODY || until <= latest),
      );
      return probes.length === breaker.probes.length ? breaker : { ...breaker, probes };
    }
  }
}

/**
 * How many requests may begin at `now`: without end where the breaker is closed, none where it is open. Half open, probes
 * that are under way and those that succeeded leave so much fewer: as many as are needed to close it, and no more.
 */
export function breakerRoom(breaker: Breaker, settings: BreakerSettings, now: number): number {
  const current = breakerAt(breaker, settings, now);
  if (current.state === "closed") return Number.POSITIVE_INFINITY;
  if (current.state === "open") return 0;
  return Math.max(0, settings.halfOpenProbes - current.succeeded - underWay(current.probes));
}

/** The breaker once it has given probes. Only one that is half open gives any. */
export function withProbes(breaker: Breaker, grant: ProbeGrant): Breaker {
  if (breaker.state !== "halfOpen" || grant.count <= 0) return breaker;
  return { ...breaker, probes: [...breaker.probes, grant] };
}

/**
 * The breaker once outcomes of its probes are known; those of another round change nothing. One failure opens it again, as many
 * successes as it lets probes pass close it. A holder whose lease has ended has no probes to give back. One that was sent and told nothing
 * is spent: the next in its place is sent after a rest, as after one that failed. So callers who never wait have no more sent than may be.
 */
export function withProbeOutcomes(
  breaker: Breaker,
  settings: BreakerSettings,
  { round, holder, succeeded, failed, unused, spent, now }: ProbeOutcomes & { now: number },
): Breaker {
  if (breaker.state !== "halfOpen" || breaker.round !== round) return breaker;
  if (failed > 0) return opened(breaker, settings, now);
  const passed = breaker.succeeded + succeeded;
  if (passed >= settings.halfOpenProbes) return { state: "closed", round, window: [] };
  const probes = without(breaker.probes, holder, succeeded + unused + spent);
  if (spent > 0) probes.push({ holder: NOBODY, count: spent, until: now + settings.openForMs });
  return { ...breaker, succeeded: passed, probes };
}

/**
 * The breaker once outcomes are known of requests that were no probes. They count while it is closed alone: what ends
 * later was begun before it opened, and says nothing new.
 */
export function withOutcomes(
  breaker: Breaker,
  settings: BreakerSettings,
  { succeeded, failed, now }: Outcomes & { now: number },
): Breaker {
  if (breaker.state !== "closed" || succeeded + failed === 0) return breaker;
  const { windowMs, minRequests, failureRate } = settings;
  const window = withCounts(breaker.window, windowMs, { counts: [succeeded, failed], now });
  const [good, bad] = sumsOf(window, windowMs, now);
  const total = good + bad;
  const opens = bad > 0 && total >= minRequests && bad / total >= failureRate;
  return opens ? opened(breaker, settings, now) : { ...breaker, window };
}

function opened({ round }: Breaker, { openForMs }: BreakerSettings, now: number): Breaker {
  return { state: "open", round, until: now + openForMs };
}

function underWay(probes: readonly ProbeGrant[]): number {
  return probes.reduce((sum, { count }) => sum + count, 0);
}

function without(probes: readonly ProbeGrant[], holder: string, ended: number): ProbeGrant[] {
  let left = ended;
  const kept: ProbeGrant[] = [];
  for (const grant of probes) {
    const taken = grant.holder === holder ? Math.min(grant.count, left) : 0;
    left -= taken;
    if (grant.count > taken) kept.push({ ...grant, count: grant.count - taken });
  }
  return kept;
}
