import { z } from "zod";
import { MAX_PROGRESS_MESSAGE_BYTES } from "./limits.ts";
import { within } from "./progress-patch.ts";
import { Timestamp } from "./time.ts";

/** What a worker says of a job while it runs: how far it is, and where the next attempt may go on. */

/** What is left out stays as it was. */
export const ProgressBody = z.strictObject({
  percent: z.number().min(0).max(100).optional(),
  message: z
    .string()
    .max(MAX_PROGRESS_MESSAGE_BYTES)
    .refine((text) => within(text, MAX_PROGRESS_MESSAGE_BYTES) && text.isWellFormed() && !text.includes("\0"), {
      error: `must be at most ${MAX_PROGRESS_MESSAGE_BYTES} bytes of UTF-8, without NUL or lone surrogates`,
    })
    .optional(),
});
export type ProgressBody = z.infer<typeof ProgressBody>;

/** `at` is when the worker last said something, a checkpoint too. */
export const ProgressView = z.strictObject({
  percent: z.number().nullable(),
  message: z.string().nullable(),
  at: Timestamp,
});
export type ProgressView = z.infer<typeof ProgressView>;
