import * as z from "zod";
import { described, field } from "./field.ts";
import { MAX_ERROR_CODE_BYTES, MAX_ERROR_MESSAGE_BYTES } from "./limits.ts";
import { plainText, utf8Bytes } from "./primitives.ts";
import { formatBytes, says } from "./sentence.ts";

const CODE = "What kind of failure it was, for programs: filters and statistics go by it.";
const RETRYABLE = "Whether another attempt may follow: false makes the failure final, whatever the retry policy says.";

/** What a worker says of an attempt, for people. It may be empty. */
export const ErrorMessage = z
  .string(says(`is a text of at most ${formatBytes(MAX_ERROR_MESSAGE_BYTES)} in UTF-8`))
  .max(MAX_ERROR_MESSAGE_BYTES)
  .refine((text) => text.length * 3 <= MAX_ERROR_MESSAGE_BYTES || utf8Bytes(text) <= MAX_ERROR_MESSAGE_BYTES);

/** Why an attempt failed, as a worker reports it. `retryable: false` makes the failure final. */
export const JobErrorBody = described(
  z.strictObject({
    code: field(plainText(MAX_ERROR_CODE_BYTES), `${CODE} At most ${formatBytes(MAX_ERROR_CODE_BYTES)}.`, "smtp"),
    message: field(
      ErrorMessage.default(""),
      `What happened, for people: at most ${formatBytes(MAX_ERROR_MESSAGE_BYTES)}. Left out: empty.`,
      "timeout after 30 s",
    ),
    retryable: field(z.boolean().default(true), `${RETRYABLE} Left out: true.`, true),
  }),
  "Why an attempt failed, in the words of the worker.",
);
/** As parsed: defaults are filled in. */
export type JobErrorBody = z.output<typeof JobErrorBody>;

export const JobErrorView = described(
  z.strictObject({
    code: field(
      z.string(),
      `${CODE} The worker's own, or one of Dure's such as \`timeout\`, \`lease-expired\`, \`released\` or \`invalid-spawn\`.`,
      "smtp",
    ),
    message: field(z.string(), "What happened, for people; it may be empty.", "timeout after 30 s"),
    retryable: field(z.boolean(), RETRYABLE, true),
  }),
  "Why an attempt failed.",
);
export type JobErrorView = z.infer<typeof JobErrorView>;
