import type { Subsystem } from "../kernel/subsystem.ts";
import { BATCH_MIGRATIONS } from "./batch-schema.ts";
import { nextBatchExpiryAt, sweepBatches } from "./batch-store.ts";

/** Records forgotten in one step. */
const SWEEP_PER_STEP = 200;

/** The idempotency records of whole batches. */
export const batches: Subsystem = {
  name: "batches",
  schema: BATCH_MIGRATIONS,
  tables: [{ table: "batches", scope: "slot" }],
  nextAt: ({ sql }) => nextBatchExpiryAt(sql),
  tick: ({ sql, now }) => sweepBatches(sql, now, SWEEP_PER_STEP) === SWEEP_PER_STEP,
};
