/**
 * Outlier ejection: an instance that fails several times in a row is taken out for a while, which is longer each time in a row
 * that it happens. Terms and defaults are Envoy's
 * (https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/outlier): five failures, 30 seconds, at most 300 seconds,
 * a tenth of the instances and at least one. The state is plain JSON.
 */
import type { OutlierSettings } from "./settings.ts";

/** What is known of one instance. */
export interface Ejection {
  /** Failures since the last success. */
  failuresInRow: number;
  /** How often it was ejected in a row; it falls by one each ten seconds in which it behaves. */
  times: number;
  /** Until then, in epoch ms, it is out. Null: it is in. */
  until: number | null;
  /** When it went out or came back last, in epoch ms; 0: never. */
  changedAt: number;
  /** Since when it is to behave until `times` falls again, in epoch ms. */
  calmSince: number;
}

/** An instance that nothing is known of. */
export const NOT_EJECTED: Ejection = { failuresInRow: 0, times: 0, until: null, changedAt: 0, calmSince: 0 };

/** The longest ejection, unless the first is longer already. */
const MAX_EJECTION_MS = 300_000;
/** An instance that behaves for so long is out for one `baseEjectionMs` less the next time. */
const FORGIVEN_MS = 10_000;

/** What became of requests to an instance since the report before. */
export interface InstanceOutcomes {
  succeeded: number;
  failed: number;
  /** Of those that failed, how many came after the last that succeeded. */
  failedSinceSuccess: number;
}

/** The instance once more of its outcomes are known, at `now` (epoch ms). It ejects nobody: `ejected` does. */
export function withInstanceOutcomes(ejection: Ejection, outcomes: InstanceOutcomes, now: number): Ejection {
  const { succeeded, failed, failedSinceSuccess } = outcomes;
  if (succeeded === 0) {
    return failed === 0 ? ejection : { ...ejection, failuresInRow: ejection.failuresInRow + failed };
  }
  const forgiven = failed === 0 && ejection.until === null && ejection.times > 0 && isPast(ejection.calmSince, now);
  const behaved = forgiven ? { ...ejection, times: ejection.times - 1, calmSince: now } : ejection;
  return { ...behaved, failuresInRow: failedSinceSuccess };
}

/** A clock that has stepped back makes nobody wait for it to come to the time again. */
function isPast(since: number, now: number): boolean {
  return Math.abs(now - since) >= FORGIVEN_MS;
}

/**
 * All instances of a service as they are at `now` (epoch ms): those whose time is over are in again, and those with too many
 * failures in a row are out, the worst first, as far as the percentage lets them be. One that it does not let out stays
 * with its failures, and goes when another comes back. The same object stands for an instance that does not change.
 */
export function ejected(all: readonly Ejection[], settings: OutlierSettings, now: number): Ejection[] {
  const current = all.map((one) => returned(one, settings, now));
  let room = mostEjected(all.length, settings) - current.filter(({ until }) => until !== null).length;
  const worst = current
    .map((one, index) => ({ one, index }))
    .filter(({ one }) => one.until === null && one.failuresInRow >= settings.consecutiveFailures)
    .sort((a, b) => b.one.failuresInRow - a.one.failuresInRow);
  for (const { one, index } of worst) {
    if (room <= 0) break;
    room--;
    const times = one.times + 1;
    current[index] = {
      failuresInRow: 0,
      times,
      until: now + lengthMs(times, settings),
      changedAt: now,
      calmSince: now,
    };
  }
  return current;
}

/** How many of `instances` may be out at once: the percentage of them, and one at least. */
export function mostEjected(instances: number, { maxEjectedPercent }: OutlierSettings): number {
  return Math.max(1, Math.floor((instances * maxEjectedPercent) / 100));
}

/** Where ejection is no longer asked for, nobody is out. */
export function readmitted(ejection: Ejection, now: number): Ejection {
  return ejection.until === null ? ejection : { ...ejection, until: null, changedAt: now, calmSince: now };
}

/** One whose time is over begins with no failure. A clock that stepped back makes no ejection longer than it was to be. */
function returned(ejection: Ejection, settings: OutlierSettings, now: number): Ejection {
  const { until, times } = ejection;
  if (until === null) return ejection;
  if (until <= now) return { failuresInRow: 0, times, until: null, changedAt: now, calmSince: now };
  const latest = now + lengthMs(times, settings);
  return until <= latest ? ejection : { ...ejection, until: latest };
}

function lengthMs(times: number, { baseEjectionMs }: OutlierSettings): number {
  return Math.min(baseEjectionMs * times, Math.max(baseEjectionMs, MAX_EJECTION_MS));
}
