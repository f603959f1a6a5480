import { backoffMs } from "./clock.ts";
import { DureError } from "./error.ts";

/** How long to wait after the `failures`th failure in a row: what the server asked for, and jitter on top. */
export function pauseMs(error: unknown, failures: number, random: number): number {
  const asked = error instanceof DureError ? (error.retryAfterMs ?? 0) : 0;
  return asked + backoffMs(failures, random);
}
