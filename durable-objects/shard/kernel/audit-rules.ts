import type { AuditViolation } from "../../../contract/rpc.ts";
import type { Parts } from "./part.ts";

/** A deadline may lie this far in the past before it counts as forgotten: alarms are late by up to a minute. */
export const OVERDUE_MS = 60_000;
/** Offenders named for each rule at most. */
export const MAX_NAMED = 5;

/** What an audit looks at, and when. */
export interface AuditView extends Parts {
  /** The shard's own name. */
  readonly name: string;
  /** What the alarm is set to, epoch milliseconds; null when none is set. */
  readonly alarmAt: number | null;
  readonly now: number;
}

/**
 * A rule that one row of a table breaks or keeps, as SQL decides it. `where` is true of a row that breaks it: `r` is the row,
 * and `?1` is now (epoch milliseconds). It may ask for other rows where an index finds each: what it costs must not grow with
 * what the shard has.
 */
export interface RowRule {
  rule: string;
  /** What is wrong with an offender, to be said behind its name. */
  detail: string;
  where: string;
}

/** Rules over the rows of one table, which is walked along its primary key. */
export interface RowRules {
  table: string;
  /** The columns of the primary key, in its order: numbers, and texts that Dure has made itself. */
  key: readonly string[];
  /** What an offender is called: SQL over the row `r`. */
  named: string;
  /** A look at one row takes as long as at so many plain ones. Left out: 1. */
  weight?: number;
  rules: readonly RowRule[];
}

/** What one step of a walk came to. */
export interface AuditPage {
  /** Rows that were looked at, each as often as it weighs. */
  rows: number;
  done: boolean;
  violations: AuditViolation[];
}

/**
 * A walk that remembers something between its steps: it is lost with the object, and then begun anew. A row may change before
 * the walk comes to it and after, so what it has counted follows each change of a row that it has passed.
 */
export interface AuditWalk {
  /** Looks at the next rows, `limit` at most. */
  next(view: AuditView, limit: number): AuditPage;
  /** Nobody goes on with it: it follows no change any more. */
  end(): void;
}

/** What a subsystem has to say of its rows, its memory, and the alarm. */
export interface Audit {
  /** What holds for each row of a table. */
  rows?: readonly RowRules[];
  /** What holds for many rows together, or for rows and memory. */
  walks?: readonly { name: string; begin(shard: Parts): AuditWalk }[];
  /** What holds at any moment, and costs the same however much the shard has: it is looked at in every step. */
  moment?(view: AuditView): AuditViolation[];
}

/** Whether no alarm is set that would come soon enough for what is to be done at `at` (epoch milliseconds). */
export function comesTooLate({ alarmAt, now }: Pick<AuditView, "alarmAt" | "now">, at: number): boolean {
  return alarmAt === null || alarmAt > Math.max(at, now) + OVERDUE_MS;
}
