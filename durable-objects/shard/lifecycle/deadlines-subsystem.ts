import type { AuditViolation } from "../../../contract/rpc.ts";
import { type AuditView, comesTooLate, OVERDUE_MS } from "../kernel/audit-rules.ts";
import type { Subsystem } from "../kernel/subsystem.ts";
import { applyDeadlines, nextDeadline } from "./deadlines.ts";

/** The deadlines of jobs: run-ats, backoffs, ends of leases and attempts, expiries. */
export const deadlines: Subsystem = {
  name: "deadlines",
  nextAt: nextDeadline,
  tick: applyDeadlines,
  ticksBeforeClaims: true,
  audit: { moment: deadlinesHaveAlarm },
};

function deadlinesHaveAlarm(view: AuditView): AuditViolation[] {
  const { alarmAt, now } = view;
  const dueAt = nextDeadline(view, now);
  if (dueAt === null) return [];
  if (alarmAt === null) return [{ rule: "deadline-has-alarm", detail: "something is due and no alarm is set" }];
  const late = dueAt < now - OVERDUE_MS || comesTooLate(view, dueAt);
  return late ? [{ rule: "deadline-has-alarm", detail: `due at ${dueAt}, alarm at ${alarmAt}, now ${now}` }] : [];
}
