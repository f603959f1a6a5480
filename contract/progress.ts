import * as z from "zod";
import { STARTED_AT } from "./examples.ts";
import { described, field } from "./field.ts";
import { longerThan } from "./json-text.ts";
import { MAX_PROGRESS_MESSAGE_BYTES } from "./limits.ts";
import { formatBytes, says } from "./sentence.ts";
import { Timestamp } from "./time.ts";

/** What a worker says of a job while it runs: how far it is, and where the next attempt may go on. */

const LONGEST = formatBytes(MAX_PROGRESS_MESSAGE_BYTES);

/** What is left out stays as it was. */
export const ProgressBody = described(
  z.strictObject({
    percent: field(z.number().min(0).max(100).optional(), "How far the job is, in percent: 0 to 100.", 41.5),
    message: field(
      z
        .string(says(`is a text of at most ${LONGEST} in UTF-8, without NUL and lone surrogates`))
        .max(MAX_PROGRESS_MESSAGE_BYTES)
        .refine((text) => !longerThan(text, MAX_PROGRESS_MESSAGE_BYTES) && text.isWellFormed() && !text.includes("\0"))
        .optional(),
      `What the worker is at, for people: at most ${LONGEST}.`,
      "frame 830 of 2000",
    ),
  }),
  "How far the job is. What is left out stays as it was.",
);
export type ProgressBody = z.infer<typeof ProgressBody>;

export const ProgressView = described(
  z.strictObject({
    percent: field(
      z.number().nullable(),
      "How far the job is, in percent: 0 to 100. Null when no worker has said.",
      41.5,
    ),
    message: field(
      z.string().nullable(),
      "What the worker is at, for people. Null when no worker has said.",
      "frame 830 of 2000",
    ),
    at: field(Timestamp, "When a worker last said something, a checkpoint too.", STARTED_AT),
  }),
  "How far the job is, in the words of its workers.",
);
export type ProgressView = z.infer<typeof ProgressView>;
