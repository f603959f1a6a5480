import * as z from "zod";
import { MAX_DELAY_SECONDS, MAX_LEASE_SECONDS, MAX_PULL_TIMEOUT_SECONDS, MAX_RETRY_AFTER_SECONDS } from "./limits.ts";
import { inSeconds, says } from "./sentence.ts";

/** Times and durations of the API, and their conversion to the epoch milliseconds and milliseconds used inside. */

const RFC_3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,30}))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/;
const DAY_MS = 86_400_000;

const FIRST_MS = Date.parse("0000-01-01T00:00:00Z");
const LAST_MS = Date.parse("9999-12-31T23:59:59.999Z");

/**
 * The epoch milliseconds of an RFC 3339 date-time, or null when `text` is not one. Any offset; digits below a
 * millisecond are dropped. A leap second is taken where UTC can have one (23:59:60) and equals the second after it.
 */
export function parseTimestamp(text: string): number | null {
  const match = RFC_3339.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour, minute, second, fraction = "", sign, offsetHour = "0", offsetMinute = "0"] = match;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  // Date rolls 30 February over to March, and day 0 back: a date that does not exist lands in another month.
  if (date.getUTCMonth() !== Number(month) - 1) return null;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return null;
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * (sign === "-" ? -1 : 1);
  const whole = date.getTime() + ((Number(hour) * 60 + Number(minute) - offset) * 60 + Number(second)) * 1000;
  if (second === "60" && whole % DAY_MS !== 0) return null;
  const at = whole + Number(fraction.slice(0, 3).padEnd(3, "0"));
  // In UTC it has to have a year of four digits too, or it could not be written again.
  return at >= FIRST_MS && at <= LAST_MS ? at : null;
}

/** RFC 3339 in UTC with milliseconds and `Z`. `at` is epoch milliseconds of the years 0 to 9999. */
export function formatTimestamp(at: number): string {
  return new Date(at).toISOString();
}

/** Whole milliseconds. Something above zero never becomes zero: a timeout of 0.0001 s is 1 ms, not none. */
export function secondsToMs(seconds: number): number {
  return seconds > 0 ? Math.max(1, Math.round(seconds * 1000)) : 0;
}

export function msToSeconds(ms: number): number {
  return ms / 1000;
}

/** RFC 3339, any offset. Stays text: `parseTimestamp` converts it. */
export const Timestamp = z
  .string(says("is a date and time with an offset (RFC 3339), such as 2026-12-01T00:00:00Z"))
  .refine((text) => parseTimestamp(text) !== null)
  .meta({ format: "date-time" });

/** A wait: zero or more seconds, fractions allowed, at most a year. */
export const DelaySeconds = z.number(inSeconds).min(0).max(MAX_DELAY_SECONDS);

/** How long one attempt may take. The ceiling is a pull queue's; a push queue's lower one needs the queue. */
export const TimeoutSeconds = z.number(inSeconds).gt(0).max(MAX_PULL_TIMEOUT_SECONDS);

/** The time between two heartbeats. */
export const LeaseSeconds = z.number(inSeconds).min(1).max(MAX_LEASE_SECONDS);

/** A worker's wish when to be tried again. */
export const RetryAfterSeconds = z.number(inSeconds).min(0).max(MAX_RETRY_AFTER_SECONDS);
