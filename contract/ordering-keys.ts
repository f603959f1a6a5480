import * as z from "zod";
import { JobErrorView } from "./error.ts";
import { EXAMPLE_JOB_ID, FINISHED_AT } from "./examples.ts";
import { described, field } from "./field.ts";
import { Cursor, Limit, pageOf } from "./list.ts";
import { Key } from "./primitives.ts";
import { PARKED_STATES } from "./rpc.ts";
import { query } from "./sentence.ts";
import { Timestamp } from "./time.ts";

/** Parked ordering keys: blocked by a failure (`onFailure: "block"`), or paused by hand. */

const MAX_ID_CHARACTERS = 64;

const key = field(
  Key,
  "The ordering key. Keys are arbitrary text, so they stand in bodies and not in paths.",
  "account-7",
);

export const OrderingKeyBody = described(z.strictObject({ key }), "Names an ordering key.");

export const UnblockBody = described(
  z.strictObject({
    key,
    action: field(
      z.enum(["retry", "skip", "discard"]),
      "What becomes of the failed job that blocks the key: `retry` runs it again in its old place, `skip` leaves it as a dead letter, `discard` deletes it. The key goes on in each case.",
      "retry",
    ),
    jobId: field(
      z.string().min(1).max(MAX_ID_CHARACTERS).optional(),
      "The failed job that is meant: another one that blocks the key by now is left alone, with 409. Left out: whichever it is.",
      EXAMPLE_JOB_ID,
    ),
  }),
  "A decision about the failed job that blocks an ordering key.",
);
export type UnblockBody = z.infer<typeof UnblockBody>;

const STATE_TEXT = "`blocked`: a failed job waits for a decision; `paused`: by hand";

export const OrderingKeysQuery = query({
  state: field(
    z.enum(PARKED_STATES).optional(),
    `Only keys that are parked so. ${STATE_TEXT}. Left out: both.`,
    "blocked",
  ),
  limit: Limit,
  cursor: Cursor.optional(),
});
export type OrderingKeysQuery = z.output<typeof OrderingKeysQuery>;

export const OrderingKeyView = described(
  z.strictObject({
    key: field(z.string(), "The ordering key.", "account-7"),
    state: field(
      z.enum([...PARKED_STATES, "open"]),
      `How the key stands. ${STATE_TEXT}, whether a failed job waits as well or not; \`open\`: nothing holds it.`,
      "blocked",
    ),
    jobId: field(
      z.string().nullable(),
      "The id of the failed job that waits for a decision. Null when none does.",
      EXAMPLE_JOB_ID,
    ),
    error: field(
      JobErrorView.nullable(),
      "Why that job failed. Null without one, and once its shard has forgotten it.",
    ),
    since: field(Timestamp.nullable(), "When the key was parked. Null when it is open.", FINISHED_AT),
    waiting: field(z.int(), "Unfinished jobs of the key that do not run, counted up to 1000.", 1),
  }),
  "An ordering key as it stands.",
);
export type OrderingKeyView = z.infer<typeof OrderingKeyView>;

export const OrderingKeyListView = pageOf(OrderingKeyView, "Parked ordering keys, the latest first");
