import { z } from "zod";
import { JobErrorView } from "./error.ts";
import { Cursor, Limit, pageOf } from "./list.ts";
import { Key } from "./primitives.ts";
import { PARKED_STATES } from "./rpc.ts";
import { Timestamp } from "./time.ts";

/** Parked ordering keys: blocked by a failure (`onFailure: "block"`), or paused by hand. */

const MAX_ID_CHARACTERS = 64;

/** Keys are arbitrary text, so they travel in bodies and not in paths. */
export const OrderingKeyBody = z.strictObject({ key: Key });

/** `retry` runs the failed job again in its old place, `skip` leaves it as a dead letter, `discard` deletes it. */
export const UnblockBody = z.strictObject({
  key: Key,
  action: z.enum(["retry", "skip", "discard"]),
  /** The failed job that is meant: another one that blocks the key by now is left alone. */
  jobId: z.string().min(1).max(MAX_ID_CHARACTERS).optional(),
});
export type UnblockBody = z.infer<typeof UnblockBody>;

export const OrderingKeysQuery = z.strictObject({
  state: z.enum(PARKED_STATES).optional(),
  limit: Limit,
  cursor: Cursor.optional(),
});
export type OrderingKeysQuery = z.output<typeof OrderingKeysQuery>;

/** `state` is `open` when nothing holds the key. A paused key has a `jobId` when a failure blocks it as well. */
export const OrderingKeyView = z.strictObject({
  key: z.string(),
  state: z.enum([...PARKED_STATES, "open"]),
  /** The failed job that waits for a decision, and why it failed while its shard still has it. */
  jobId: z.string().nullable(),
  error: JobErrorView.nullable(),
  since: Timestamp.nullable(),
  /** Unfinished jobs of the key that do not run, counted up to 1000. */
  waiting: z.int(),
});
export type OrderingKeyView = z.infer<typeof OrderingKeyView>;

export const OrderingKeyListView = pageOf(OrderingKeyView);
