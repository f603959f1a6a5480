import * as z from "zod";

/**
 * A spawned job that its shard refused for good, on its way to the table of dead letters: nobody waits for its answer any
 * more, so this is all that is left of it. `payload` is the beginning of its JSON text.
 */
export const SpawnLetter = z.object({
  v: z.literal(1),
  kind: z.literal("spawn"),
  /** The id that the job would have had. */
  id: z.string(),
  parent: z.string(),
  namespace: z.string(),
  queue: z.string(),
  reason: z.string(),
  /** Epoch ms. */
  refusedAt: z.int(),
  orderingKey: z.string().nullable(),
  idempotencyKey: z.string().nullable(),
  dedupKey: z.string().nullable(),
  payload: z.string(),
});
export type SpawnLetter = z.infer<typeof SpawnLetter>;
