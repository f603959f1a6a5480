import { backoffMs } from "./clock.ts";
import { DureError } from "./error.ts";

/** The request is wrong by itself: sending it again changes nothing. After any other failure the next would fare no better. */
export function isHopeless(error: unknown): error is DureError {
  return error instanceof DureError && (error.status === 400 || error.status === 413 || error.status === 422);
}

/** Whether a call may be made again after this: it was not done, or, where `isUncertain` is of no matter, may not have been. */
export function isTransient(error: unknown, repeatable = true): boolean {
  return error instanceof DureError && (error.status === 429 || (error.isUncertain && repeatable));
}

/** How long to wait after the `failures`th failure in a row: what the server asked for, and jitter on top. */
export function pauseMs(error: unknown, failures: number, random: number): number {
  const asked = error instanceof DureError ? (error.retryAfterMs ?? 0) : 0;
  return asked + backoffMs(failures, random);
}
