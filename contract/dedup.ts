import * as z from "zod";
import { DEDUP_CONFLICTS } from "../domain/dedup.ts";
import { described, field } from "./field.ts";
import { DEFAULT_DEDUP_WINDOW_SECONDS, MAX_DEDUP_WINDOW_SECONDS, MAX_KEY_BYTES } from "./limits.ts";
import { Key } from "./primitives.ts";
import { formatNumber, says } from "./sentence.ts";
import { DelaySeconds } from "./time.ts";

const WINDOW_RULE = `is in seconds, from 1 to ${formatNumber(MAX_DEDUP_WINDOW_SECONDS)}, or the text \`forever\``;

/**
 * Deduplication of one call. While `key` is held by an earlier job of the queue (and ordering key), a new one with it is
 * - `return`: answered with the earlier job, whatever its state;
 * - `reject`: refused, 409;
 * - `replace`: replaces the earlier job as long as that waits: its payload and run-at are replaced, put off at most
 *   `maxDelay` seconds beyond its acceptance (debounce). Once it runs or has ended, the new job is accepted;
 * - `runAfter`: answered with the earlier job as long as that waits. When it runs already, the new job is accepted and
 *   starts after it, and further ones are answered with the new one.
 *
 * `window` is seconds from the acceptance of the job that holds the key, or "forever"; a job that waits holds its key
 * under `replace` and `runAfter` however long it waits. Where one runs and another waits for it, the one that waits is
 * the earlier job for every call, however long it waits. A redriven job waits for none.
 *
 * A key counts within its queue and the job's ordering key; without one, within its concurrency key. An idempotency key
 * counts within the same, and without either within the deduplication key; it is asked first, and a call that an
 * earlier job answered is answered by that one again.
 */
export const DedupBody = described(
  z
    .strictObject({
      key: field(Key, `The deduplication key: what the job is about. 1 to ${MAX_KEY_BYTES} bytes.`, "report-7"),
      window: field(
        z
          .union(
            [z.number(says(WINDOW_RULE)).min(1).max(MAX_DEDUP_WINDOW_SECONDS), z.literal("forever")],
            says(WINDOW_RULE),
          )
          .optional(),
        `How many seconds the job holds its key, from its acceptance on, or \`forever\`. Left out: ${formatNumber(DEFAULT_DEDUP_WINDOW_SECONDS)}.`,
        3600,
        "forever",
      ),
      onConflict: field(
        z.enum(DEDUP_CONFLICTS).optional(),
        "What becomes of the call while an earlier job holds the key. `return` answers with the earlier job; `reject` refuses with 409; `replace` gives the earlier job the new payload and run-at as long as it waits; `runAfter` answers with the earlier job while that waits, and runs the new one after it once that runs. Left out: `return`.",
        "replace",
      ),
      maxDelay: field(
        DelaySeconds.optional(),
        "With `replace` only: the job runs at most so many seconds after its first acceptance, however often it is put off. Left out: without bound.",
        60,
      ),
    })
    .refine((dedup) => dedup.maxDelay === undefined || dedup.onConflict === "replace", {
      path: ["maxDelay"],
      error: "goes with the onConflict `replace` only",
    }),
  "Deduplication of one call: what happens while an earlier job of the queue holds the same key.",
);
export type DedupBody = z.infer<typeof DedupBody>;
