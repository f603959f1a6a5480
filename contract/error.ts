import { z } from "zod";
import { MAX_ERROR_CODE_BYTES, MAX_ERROR_MESSAGE_BYTES } from "./limits.ts";
import { plainText, utf8Bytes } from "./primitives.ts";

/** Why an attempt failed, as a worker reports it. `retryable: false` makes the failure final. */
export const JobErrorBody = z.strictObject({
  code: plainText(MAX_ERROR_CODE_BYTES),
  message: z
    .string()
    .max(MAX_ERROR_MESSAGE_BYTES)
    .refine((text) => text.length * 3 <= MAX_ERROR_MESSAGE_BYTES || utf8Bytes(text) <= MAX_ERROR_MESSAGE_BYTES, {
      error: `must be at most ${MAX_ERROR_MESSAGE_BYTES} bytes of UTF-8`,
    })
    .default(""),
  retryable: z.boolean().default(true),
});
/** As parsed: defaults are filled in. */
export type JobErrorBody = z.output<typeof JobErrorBody>;

export const JobErrorView = z.strictObject({ code: z.string(), message: z.string(), retryable: z.boolean() });
export type JobErrorView = z.infer<typeof JobErrorView>;
