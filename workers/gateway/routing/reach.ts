import { type Problem, type Result, unavailable } from "../../../contract/problems.ts";
import { log, reasonOf } from "../log.ts";

/**
 * What an object answers, or a 503 problem when none can be had. `object` names it in the log. A call that may run twice is made
 * once more where the object was not reached: `call` takes a new stub each time, because a stub is broken once it threw.
 */
export async function reach<R>(
  object: string,
  { idempotent }: { idempotent: boolean },
  call: () => Promise<R>,
): Promise<Result<R>> {
  try {
    return await call();
  } catch (error) {
    if (!idempotent || !isRetryable(error)) return away(object, error);
  }
  try {
    return await call();
  } catch (error) {
    return away(object, error);
  }
}

/** The object has not answered. */
export function away(object: string, error: unknown): Problem {
  log("error", "object-unavailable", { object, reason: reasonOf(error), overloaded: flag(error, "overloaded") });
  return unavailable.part();
}

/** An overloaded object is never asked again at once; one that never got the call may be. */
function isRetryable(error: unknown): boolean {
  return flag(error, "retryable") && !flag(error, "overloaded");
}

function flag(error: unknown, name: "retryable" | "overloaded"): boolean {
  return (
    typeof error === "object" && error !== null && name in error && (error as Record<string, unknown>)[name] === true
  );
}
