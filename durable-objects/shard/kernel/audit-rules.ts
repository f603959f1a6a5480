import type { AuditViolation } from "../../../contract/rpc.ts";
import type { AuditView } from "./subsystem.ts";

/** A deadline may lie this far in the past before it counts as forgotten: alarms are late by up to a minute. */
export const OVERDUE_MS = 60_000;
/** Offenders named for each rule at most. */
export const MAX_NAMED = 5;

/** A rule that a query over the rows decides: it returns the offenders as `id`. */
export interface RowRule {
  rule: string;
  /** What is wrong with an offender, to be said behind its id. */
  detail: string;
  query: string;
}

/** The offenders of each rule. */
export function offenders({ sql }: AuditView, rules: readonly RowRule[]): AuditViolation[] {
  return rules.flatMap(({ rule, detail, query }) =>
    sql.all<{ id: string }>(`${query} LIMIT ${MAX_NAMED}`).map(({ id }) => ({ rule, detail: `${id} ${detail}` })),
  );
}

/** Whether no alarm is set that would come soon enough for what is to be done at `at` (epoch milliseconds). */
export function comesTooLate({ alarmAt, now }: AuditView, at: number): boolean {
  return alarmAt === null || alarmAt > Math.max(at, now) + OVERDUE_MS;
}
