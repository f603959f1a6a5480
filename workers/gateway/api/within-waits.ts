import { isProblem, type Result } from "../../../contract/problems.ts";
import { secondsToMs } from "../../../contract/time.ts";
import type { Answered } from "../answered.ts";
import type { Context } from "../context.ts";
import type { AnyInput } from "./use-case.ts";

/** Runs a call, which counts among those that wait for as long as it may: nothing is done for one that would be too many. */
export async function withinWaits<View>(
  { services, caller, clock }: Context,
  input: AnyInput,
  run: () => Promise<Result<Answered<View>>>,
): Promise<Result<Answered<View>>> {
  const ms = longestWait(input);
  if (ms === 0) return run();
  const waits = services.waiting.begin(caller, { ms, now: clock() });
  if (isProblem(waits)) return waits;
  let goesOn = false;
  try {
    const answered = await run();
    if (isProblem(answered)) return answered;
    if (answered.later === undefined) return answered;
    goesOn = true;
    return {
      ...answered,
      over: waits.end,
      beat: () => waits.beat(clock()),
    };
  } finally {
    if (!goesOn) waits.end();
  }
}

/** For how many milliseconds the call may wait: for a job's end, or for jobs to claim. */
function longestWait({ waitMs, body }: AnyInput): number {
  return Math.max(waitMs, secondsToMs(waitOf(body)), secondsToMs(waitOf(memberOf(body, "claim"))));
}

function waitOf(value: unknown): number {
  const wait = memberOf(value, "wait");
  return typeof wait === "number" ? wait : 0;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}
