import type { AuditViolation } from "../../../contract/rpc.ts";
import { MAX_ECHO_MS, PROCESSOR_AWAY_MS } from "../../../domain/bell.ts";
import { LANES } from "../../../domain/queue.ts";
import { EXECUTORS } from "../flow/executors.ts";
import { type AuditView, OVERDUE_MS } from "../kernel/audit-rules.ts";
import type { QueueSubsystem } from "../queues/queue-change.ts";
import { BELLS } from "./bells.ts";
import { BELL_MIGRATIONS } from "./bells-schema.ts";
import { DEMAND } from "./demand.ts";
import { DEMAND_AUDIT } from "./demand-audit.ts";
import { demandOf, ringBells } from "./doorbells.ts";

/** Doorbells: derived from what waits after each step, never trusted to arrive. */
export const doorbells: QueueSubsystem = {
  name: "doorbells",
  schema: BELL_MIGRATIONS,
  tables: [{ table: "bells", scope: "shard", why: "a bell calls for whatever this shard has in a lane" }],
  memory: [EXECUTORS, DEMAND, BELLS],
  queues: {
    onSettings: (step, { ref }) => {
      const book = step.get(DEMAND);
      step.onCommit(() => book.touch(ref));
    },
  },
  afterStep: ringBells,
  audit: { moment: (view) => [...demandHasAlarm(view), ...processorComes(view)], walks: [DEMAND_AUDIT] },
};

/** Where the processor does not come nothing runs, whatever the rows say. Consumers are their owners' affair: `explain` tells them. */
function processorComes({ get, now }: AuditView): AuditViolation[] {
  return LANES.flatMap((lane) => {
    const since = get(EXECUTORS).awaySince(lane);
    if (since === null || now - since <= PROCESSOR_AWAY_MS) return [];
    // No age: what a pass finds is told once, and would be told anew with each second.
    const detail = `work waits in lane ${lane}, and no processor has come for it since ${new Date(since).toISOString()}`;
    return [{ rule: "work-has-executor", detail }];
  });
}

/** A bell may be lost: only the alarm rings it again. */
function demandHasAlarm(view: AuditView): AuditViolation[] {
  const { alarmAt, now } = view;
  if (alarmAt !== null && alarmAt <= now + MAX_ECHO_MS + OVERDUE_MS) return [];
  const unattended = [...demandOf(view, now)].filter(([line]) => !view.get(BELLS).isAwaited(line));
  return unattended.map(([line, { jobs }]) => ({
    rule: "waiting-has-alarm",
    detail: `${jobs} ${line === "events" ? "subscriptions" : "jobs"} wait in ${line}, and no alarm will ring for them again`,
  }));
}
