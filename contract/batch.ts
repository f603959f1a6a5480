import { z } from "zod";
import { ShownStateName, SubmitBody } from "./job.ts";
import { MAX_BATCH_JOBS } from "./limits.ts";
import { ProblemView } from "./problem.ts";

/** A batch as its sender writes it, and as it is documented. */
export const BatchBody = z.strictObject({
  atomic: z.boolean().default(false),
  jobs: z.array(SubmitBody).min(1).max(MAX_BATCH_JOBS),
});
/** `atomic` may be left out. */
export type BatchBody = z.input<typeof BatchBody>;

/**
 * What the gateway parses first. Each job is then parsed alone with `SubmitBody`, because in a batch that is not
 * atomic a bad item costs only itself.
 */
export const BatchEnvelope = z.strictObject({
  atomic: z.boolean().default(false),
  jobs: z.array(z.unknown()).min(1).max(MAX_BATCH_JOBS),
});
export type BatchEnvelope = z.output<typeof BatchEnvelope>;

export const BatchItemView = z.union([
  z.strictObject({ id: z.string(), state: ShownStateName, replayed: z.boolean() }),
  z.strictObject({ problem: ProblemView }),
]);
export type BatchItemView = z.infer<typeof BatchItemView>;

/** In the order of the jobs sent. `accepted` counts the new ones, not the replayed. */
export const BatchView = z.strictObject({
  id: z.string(),
  atomic: z.boolean(),
  accepted: z.int(),
  items: z.array(BatchItemView),
});
export type BatchView = z.infer<typeof BatchView>;
