import type { AuditViolation } from "../../../contract/rpc.ts";
import { comesTooLate, MAX_NAMED, OVERDUE_MS } from "../kernel/audit-rules.ts";
import type { Step } from "../kernel/step.ts";
import type { AuditView, Subsystem } from "../kernel/subsystem.ts";
import { fireDue } from "./fire.ts";
import { SCHEDULE_MIGRATIONS } from "./schedule-schema.ts";
import { SCHEDULES } from "./schedule-store.ts";

/** Schedules: each instant that is due makes its job, in the step that moves the schedule on. */
export const schedules: Subsystem = {
  name: "schedules",
  schema: SCHEDULE_MIGRATIONS,
  tables: [
    {
      table: "schedules",
      scope: "shard",
      why: "where a schedule does not run, its row belongs to no slot: the gateway moves it",
    },
    {
      table: "schedule_settings",
      scope: "shard",
      why: "they go with the schedule's row, and come with the gateway's push",
    },
    { table: "fires", scope: "slot" },
  ],
  memory: [SCHEDULES],
  nextAt: (parts) => parts.get(SCHEDULES).nextDueAt(),
  tick: (step: Step) => {
    fireDue(step);
    return false;
  },
  ticksBeforeClaims: true,
  audit: schedulesGoOn,
};

/** A schedule that is not paused has a next instant, the clock looks at it in time, and an alarm makes it look. */
function schedulesGoOn(view: AuditView): AuditViolation[] {
  const { alarmAt, now } = view;
  const stuck = view
    .get(SCHEDULES)
    .stuck(now - OVERDUE_MS, MAX_NAMED)
    .map(({ namespace, name, next_at, due_at }) => ({
      rule: "schedule-goes-on",
      detail: `schedule ${namespace}/${name}: next instant ${next_at}, due at ${due_at}, now ${now}`,
    }));
  const dueAt = view.get(SCHEDULES).nextDueAt();
  if (dueAt === null || !comesTooLate(view, dueAt)) return stuck;
  return [...stuck, { rule: "schedule-has-alarm", detail: `a schedule is due at ${dueAt}, alarm at ${alarmAt}` }];
}
