import { comesTooLate } from "../kernel/audit-rules.ts";
import type { QueueSubsystem } from "../queues/queue-change.ts";
import { nextFormerAt, noteFormer, tickFormer } from "./former-queues.ts";
import { FORMER_QUEUES } from "./former-store.ts";

/** Queues that were deleted: their jobs end, and the rows of those whose names others have go, in their time. */
export const formerQueues: QueueSubsystem = {
  name: "former queues",
  memory: [FORMER_QUEUES],
  queues: { onSettings: noteFormer },
  nextAt: nextFormerAt,
  tick: tickFormer,
  audit: {
    moment(view) {
      const nextAt = nextFormerAt(view, view.now);
      if (nextAt === null || !comesTooLate(view, nextAt)) return [];
      const detail = `a deleted queue is to be looked at at ${nextAt}, alarm at ${view.alarmAt}`;
      return [{ rule: "former-queue-has-alarm", detail }];
    },
  },
};
