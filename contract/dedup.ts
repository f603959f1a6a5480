import { z } from "zod";
import { DEDUP_CONFLICTS } from "../domain/dedup.ts";
import { MAX_DEDUP_WINDOW_SECONDS } from "./limits.ts";
import { Key } from "./primitives.ts";
import { DelaySeconds } from "./time.ts";

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
export const DedupBody = z
  .strictObject({
    key: Key,
    window: z.union([z.number().min(1).max(MAX_DEDUP_WINDOW_SECONDS), z.literal("forever")]).optional(),
    onConflict: z.enum(DEDUP_CONFLICTS).optional(),
    maxDelay: DelaySeconds.optional(),
  })
  .refine((dedup) => dedup.maxDelay === undefined || dedup.onConflict === "replace", {
    path: ["maxDelay"],
    error: "maxDelay belongs to onConflict replace",
  });
export type DedupBody = z.infer<typeof DedupBody>;
