import * as z from "zod";
import { LANES } from "../domain/queue.ts";

/**
 * What a Queue carries: a hint that a shard has something to do, never the work itself. It may be lost,
 * repeated, late or out of order. `work` wakes an executor, `history` the projector, and `events` whoever delivers to subscriptions.
 */
export const Doorbell = z.discriminatedUnion("kind", [
  z.object({ v: z.literal(1), kind: z.literal("work"), shard: z.string().min(1).max(64), lane: z.enum(LANES) }),
  z.object({ v: z.literal(1), kind: z.literal("history"), shard: z.string().min(1).max(64) }),
  z.object({ v: z.literal(1), kind: z.literal("events"), shard: z.string().min(1).max(64) }),
]);
export type Doorbell = z.infer<typeof Doorbell>;
