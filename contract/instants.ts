import type { Timing } from "../domain/schedule.ts";
import { cronInstants, type Instants, NONE } from "./cron.ts";

/**
 * The instants of a schedule: those of its cron expression, or every so many milliseconds from its anchor on; none before
 * its start, and none after its end. Never throws: see `cronInstants`.
 */
export function instantsOf({ cron, everyMs, timezone, anchorAt, startAt, endAt }: Timing): Instants {
  const all = everyMs === null ? cronOf(cron, timezone) : everyInstants(everyMs, anchorAt);
  const first = startAt ?? Number.NEGATIVE_INFINITY;
  const last = endAt ?? Number.POSITIVE_INFINITY;
  return {
    next: (after) => {
      const next = all.next(Math.max(after, first - 1));
      return next === null || next > last ? null : next;
    },
  };
}

function cronOf(cron: string | null, timezone: string): Instants {
  return cron === null ? NONE : cronInstants(cron, timezone);
}

/** The anchor itself is the first. */
function everyInstants(everyMs: number, anchorAt: number): Instants {
  return {
    next: (after) =>
      after < anchorAt ? anchorAt : anchorAt + (Math.floor((after - anchorAt) / everyMs) + 1) * everyMs,
  };
}

/** The next instants, the first of which is `first`: `count` of them, or as many as there are. */
export function nextInstants(timing: Timing, first: number, count: number): number[] {
  const instants = instantsOf(timing);
  const found = [first];
  while (found.length < count) {
    const next = instants.next(found.at(-1) ?? first);
    if (next === null) break;
    found.push(next);
  }
  return found;
}

/**
 * The last instant up to `now`; `since` is one of them. In some forty steps, however many instants lie between.
 */
export function lastUpTo(instants: Instants, since: number, now: number): number {
  let [found, until] = [since, now];
  while (found < until) {
    const middle = Math.floor((found + until) / 2);
    const next = instants.next(middle);
    if (next !== null && next <= now) found = next;
    else until = middle;
  }
  return found;
}
