import { slotsOfQueue } from "../../../domain/slots.ts";
import type { QueueSubsystem } from "../queues/queue-change.ts";
import { IDEMPOTENCY_MIGRATIONS } from "./idempotency-schema.ts";
import { IDEMPOTENCY } from "./idempotency-store.ts";

/** Keys swept in one step. */
const SWEEP_PER_STEP = 200;

/** Idempotency keys: which job answers for which key, and for how long. */
export const idempotency: QueueSubsystem = {
  name: "idempotency",
  schema: IDEMPOTENCY_MIGRATIONS,
  tables: [{ table: "idempotency", scope: "slot" }],
  memory: [IDEMPOTENCY],
  queues: {
    holdings: (parts, queue, now) => ({
      idempotencyKeys: parts.get(IDEMPOTENCY).count(queue.ref, slotsOfQueue(queue.settings), now),
    }),
  },
  nextAt: (parts) => parts.get(IDEMPOTENCY).nextExpiryAt(),
  tick: (step) => step.get(IDEMPOTENCY).sweep(step.now, SWEEP_PER_STEP) === SWEEP_PER_STEP,
};
