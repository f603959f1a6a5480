import * as z from "zod";
import { BACKOFFS, JITTERS } from "../domain/job/job.ts";
import { described, field } from "./field.ts";
import { DEFAULT_RETRY, MAX_ATTEMPTS, MAX_DELAY_SECONDS } from "./limits.ts";
import { formatNumber } from "./sentence.ts";
import { DelaySeconds } from "./time.ts";

/** How failed attempts are tried again: laid over a policy as `RetryBody`, complete as `RetryView`. */

const MAX_ATTEMPTS_TEXT =
  "The most attempts of a job, the first one included, counted from its acceptance or its last redrive";
const BACKOFF_TEXT =
  "How the wait grows from one failed attempt to the next: `exponential` doubles it, `linear` adds the first wait each time, `constant` leaves it.";
const DELAY_TEXT = "How many seconds to wait after the first failed attempt";
const MAX_DELAY_TEXT = "The longest wait between two attempts, in seconds, however much it grows";
const JITTER_TEXT =
  "What chance does to a wait, so that jobs do not come back all at once: `full` makes it any time from none to the whole wait, `half` any from half of it to all of it, `none` leaves it.";

/** What a field that is left out is. */
const leftOut = (value: string | number) =>
  `Left out: as in the policy that this is laid over; in a queue's own policy ${typeof value === "number" ? formatNumber(value) : `\`${value}\``}.`;

/** Laid over the queue's policy, or over the defaults when it is a queue's own: any field may be left out. */
export const RetryBody = described(
  z.strictObject({
    maxAttempts: field(
      z.int().min(1).max(MAX_ATTEMPTS).optional(),
      `${MAX_ATTEMPTS_TEXT}: 1 to ${MAX_ATTEMPTS}. ${leftOut(DEFAULT_RETRY.maxAttempts)}`,
      12,
    ),
    backoff: field(z.enum(BACKOFFS).optional(), `${BACKOFF_TEXT} ${leftOut(DEFAULT_RETRY.backoff)}`, "exponential"),
    delay: field(
      DelaySeconds.optional(),
      `${DELAY_TEXT}: at most ${formatNumber(MAX_DELAY_SECONDS)}, fractions allowed. ${leftOut(DEFAULT_RETRY.delay)}`,
      10,
    ),
    maxDelay: field(
      DelaySeconds.optional(),
      `${MAX_DELAY_TEXT}: at most ${formatNumber(MAX_DELAY_SECONDS)}. ${leftOut(DEFAULT_RETRY.maxDelay)}`,
      3600,
    ),
    jitter: field(z.enum(JITTERS).optional(), `${JITTER_TEXT} ${leftOut(DEFAULT_RETRY.jitter)}`, "half"),
  }),
  "How failed attempts are tried again, laid over another policy: what is left out stays as it is there.",
);
export type RetryBody = z.infer<typeof RetryBody>;

export const RetryView = described(
  z.strictObject({
    maxAttempts: field(z.int(), `${MAX_ATTEMPTS_TEXT}.`, 12),
    backoff: field(z.enum(BACKOFFS), BACKOFF_TEXT, "exponential"),
    delay: field(z.number(), `${DELAY_TEXT}.`, 10),
    maxDelay: field(z.number(), `${MAX_DELAY_TEXT}.`, 3600),
    jitter: field(z.enum(JITTERS), JITTER_TEXT, "half"),
  }),
  "How failed attempts are tried again.",
);
export type RetryView = z.infer<typeof RetryView>;
