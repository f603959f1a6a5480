import type { InstanceReport } from "../../contract/rpc/service.ts";

/** More than any isolate can have done between two reports: what says more is not heeded. */
const MOST = 1_000_000;
/** A day: no answer takes longer. */
const LONGEST_MS = 86_400_000;

/** Whether `value` is a number of requests that can be. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= MOST;
}

/** A number of requests as it may be reckoned with; 0 in place of what can be none. */
export function countOf(value: unknown): number {
  return isCount(value) ? value : 0;
}

/** Whether the report can be true. One that cannot is left out whole. */
export function isSound({ succeeded, failed, failedSinceSuccess, timed }: InstanceReport): boolean {
  const { count, sumMs, maxMs } = timed;
  const counts = isCount(succeeded) && isCount(failed) && isCount(failedSinceSuccess) && isCount(count);
  if (!counts || failedSinceSuccess > failed || count > succeeded + failed) return false;
  if (count === 0) return true;
  return maxMs >= 0 && maxMs <= LONGEST_MS && sumMs >= maxMs && sumMs <= maxMs * count + 1;
}
