/** `Sql` that dies at a chosen statement, and says something else where a mutant wants it to. */
import type { Sql, SqlRow, SqlValue } from "../../durable-objects/sql.ts";
import type { Mutant } from "./mutant.ts";

/** The process is gone: nothing after this is real. */
export class CrashSignal extends Error {}

/** `left` counts the statements until the crash; null: none is planned. */
export interface CrashPlan {
  left: number | null;
  crashed: boolean;
}

export function crashing(sql: Sql, plan: CrashPlan, mutant: Mutant): Sql {
  const rewritten = new Map<string, string>();

  function statement(query: string): string {
    if (plan.left !== null && plan.left-- <= 1) {
      plan.left = null;
      plan.crashed = true;
    }
    // Code that catches the error must not go on after its process died.
    if (plan.crashed) throw new CrashSignal("crashed at a statement");
    if (mutant.sql === undefined) return query;
    let text = rewritten.get(query);
    if (text === undefined) {
      text = mutant.sql(query);
      rewritten.set(query, text);
    }
    return text;
  }

  return {
    ...sql,
    all: <Row extends SqlRow>(query: string, ...params: SqlValue[]) => sql.all<Row>(statement(query), ...params),
    run: (query, ...params) => sql.run(statement(query), ...params),
  };
}

/** The statement by which the state of one job changes; its last parameter names the job. */
const SAVE = "UPDATE jobs SET state = ?";

/** Throws at each change of the state of the planted jobs. */
export function throwing(sql: Sql, planted: ReadonlySet<string>): Sql {
  return {
    ...sql,
    run(query, ...params) {
      if (planted.size > 0 && query.startsWith(SAVE) && planted.has(String(params.at(-1)))) throw new Error("planted");
      sql.run(query, ...params);
    },
  };
}
