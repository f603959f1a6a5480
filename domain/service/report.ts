/** What became of requests to one instance, gathered until somebody is told of it. Plain JSON. */
import type { InstanceOutcomes } from "./ejection.ts";
import type { Timings } from "./peak-ewma.ts";

/** What became of the requests to one instance that ended since the last report. */
export interface InstanceReport extends InstanceOutcomes {
  url: string;
  /** Of the answers whose time was taken: how many, the sum and the longest, in milliseconds. */
  timed: Timings;
}

/** What became of one request. `ms`: how long its answer took to begin; null: there was none whose time says anything. */
export interface RequestOutcome {
  ok: boolean;
  ms: number | null;
}

/** Nothing yet of this instance. */
export function emptyReport(url: string): InstanceReport {
  return { url, succeeded: 0, failed: 0, failedSinceSuccess: 0, timed: { count: 0, sumMs: 0, maxMs: 0 } };
}

/** The report with one more outcome. */
export function withOutcome(report: InstanceReport, { ok, ms }: RequestOutcome): InstanceReport {
  const { url, succeeded, failed, failedSinceSuccess, timed } = report;
  return {
    url,
    succeeded: succeeded + (ok ? 1 : 0),
    failed: failed + (ok ? 0 : 1),
    failedSinceSuccess: ok ? 0 : failedSinceSuccess + 1,
    timed: ms === null ? timed : withTime(timed, ms),
  };
}

/** Both reports as one, where `later` follows `earlier`, as after a report that did not come through. */
export function joinedReports(earlier: InstanceReport, later: InstanceReport): InstanceReport {
  const since = later.succeeded > 0 ? later.failedSinceSuccess : earlier.failedSinceSuccess + later.failed;
  return {
    url: later.url,
    succeeded: earlier.succeeded + later.succeeded,
    failed: earlier.failed + later.failed,
    failedSinceSuccess: since,
    timed: {
      count: earlier.timed.count + later.timed.count,
      sumMs: earlier.timed.sumMs + later.timed.sumMs,
      maxMs: Math.max(earlier.timed.maxMs, later.timed.maxMs),
    },
  };
}

function withTime(timed: Timings, ms: number): Timings {
  return { count: timed.count + 1, sumMs: timed.sumMs + ms, maxMs: Math.max(timed.maxMs, ms) };
}
