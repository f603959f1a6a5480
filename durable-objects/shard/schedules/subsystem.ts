import type { AuditViolation } from "../../../contract/rpc.ts";
import { ENDS } from "../../../domain/schedule.ts";
import { type AuditView, comesTooLate, OVERDUE_MS, type RowRules } from "../kernel/audit-rules.ts";
import type { Step } from "../kernel/step.ts";
import type { Subsystem } from "../kernel/subsystem.ts";
import { fireDue, nextFireAt } from "./fire.ts";
import { SCHEDULE_MIGRATIONS } from "./schedule-schema.ts";
import { SCHEDULES } from "./schedule-store.ts";

const RULES: RowRules = {
  table: "schedules",
  key: ["ref"],
  named: "'schedule ' || r.namespace || '/' || r.name",
  rules: [
    {
      rule: "schedule-goes-on",
      detail: "is not paused and never ends, and has no next instant, or the clock should have looked at it long ago",
      where: `r.runs = 1 AND r.timing IS NOT NULL AND (r.due_at < ?1 - ${OVERDUE_MS}
        OR CASE WHEN r.next_at IS NULL THEN instr(r.timing, '${ENDS}') = 0 ELSE r.due_at IS NULL END)`,
    },
  ],
};

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
  nextAt: nextFireAt,
  tick: (step: Step) => {
    fireDue(step);
    return false;
  },
  ticksBeforeClaims: true,
  audit: { rows: [RULES], moment: schedulesHaveAlarm },
};

/** An alarm makes the clock look at the next schedule in time. */
function schedulesHaveAlarm(view: AuditView): AuditViolation[] {
  const dueAt = nextFireAt(view, view.now);
  if (dueAt === null || !comesTooLate(view, dueAt)) return [];
  return [{ rule: "schedule-has-alarm", detail: `a schedule is due at ${dueAt}, alarm at ${view.alarmAt}` }];
}
