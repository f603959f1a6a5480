import * as z from "zod";
import { LATER } from "./examples.ts";
import { described, field } from "./field.ts";
import {
  DEFAULT_PRIORITY,
  MAX_DELAY_SECONDS,
  MAX_PAYLOAD_BYTES,
  MAX_PRIORITY,
  MAX_TAG_BYTES,
  MAX_TAGS,
} from "./limits.ts";
import { Tag } from "./primitives.ts";
import { formatBytes } from "./sentence.ts";
import { anyJson } from "./text-members.ts";
import { Timestamp } from "./time.ts";

/**
 * What PATCH takes of a job: a JSON merge patch (RFC 7396) of what a submission may say of these members, but for the payload,
 * which is replaced whole, whatever it is. Null puts a member back to what it is when a submission leaves it out.
 */
export const JobPatch = described(
  z.strictObject({
    payload: field(
      anyJson().optional(),
      `Another input, in place of the whole payload: any JSON value, of at most ${formatBytes(MAX_PAYLOAD_BYTES)} as the text that is sent, which is kept as it is. Null is the payload null. Left out: it stays.`,
      { to: "b@c.example" },
    ),
    runAt: field(
      Timestamp.nullable().optional(),
      `When the job is due: at most ${MAX_DELAY_SECONDS / 86_400} days ahead; a time that is past, and null, mean at once. Of a job that waits for its next attempt it is the time of that. Left out: it stays.`,
      LATER,
    ),
    priority: field(
      z.int().min(0).max(MAX_PRIORITY).nullable().optional(),
      `From 0 to ${MAX_PRIORITY}; the higher goes first. Null: ${DEFAULT_PRIORITY}. Left out: it stays.`,
      9,
    ),
    tags: field(
      z.array(Tag).max(MAX_TAGS).nullable().optional(),
      `All of the words to find the job by: at most ${MAX_TAGS}, each of 1 to ${MAX_TAG_BYTES} bytes. Null: none. Left out: they stay.`,
      ["welcome"],
    ),
    expiresAt: field(
      Timestamp.nullable().optional(),
      "A job that has not started by then fails and never runs. It lies in the future. Null: the job waits without end. Left out: it stays.",
      "2026-12-02T00:00:00Z",
    ),
  }),
  "Changes of a job that waits. What is left out stays.",
  { payload: { to: "b@c.example" }, priority: 9 },
);
/** As it was read: `payload` is its text. */
export type JobPatch = z.output<typeof JobPatch>;
/** As it is sent. */
export type JobPatchInput = z.input<typeof JobPatch>;
