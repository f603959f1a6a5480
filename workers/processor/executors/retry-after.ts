import { MAX_RETRY_AFTER_SECONDS } from "../../../contract/limits.ts";

/**
 * How long a `Retry-After` asks to wait, in milliseconds: seconds or an HTTP date (RFC 9110, 10.2.3), believed up to
 * 24 hours. Null when there is none or it cannot be read.
 */
export function retryAfterMs(header: string | null, now: number): number | null {
  const text = header?.trim() ?? "";
  if (text === "") return null;
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1000 : httpDate(text) - now;
  if (Number.isNaN(waitMs)) return null;
  return Math.min(Math.max(0, waitMs), MAX_RETRY_AFTER_SECONDS * 1000);
}

/** Every HTTP date has a clock time, which keeps "1.5" and other texts that `Date.parse` would take from being one. */
function httpDate(text: string): number {
  return /\d{2}:\d{2}:\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
}
