/** `node:sqlite` behind the `Sql` of the shards: the same store runs here and in a Durable Object, within the same limits. */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Sql, SqlRow, SqlValue } from "../../durable-objects/sql.ts";
import { checkStatement } from "../../durable-objects/sql-limits.ts";

const TRANSACTION = ["BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"] as const;

/** An in-memory database of its own unless `path` names a file. */
export function openSql(path = ":memory:"): Sql & { close(): void } {
  const db = new DatabaseSync(path);
  return { ...nodeSql(db), close: () => db.close() };
}

/**
 * `Sql` over an open database. Statements are prepared once and kept. `transaction` inside another transaction is a
 * savepoint, as it is in a Durable Object.
 * `rowsWritten` counts rows of tables only, not index entries. Throws where there are more than `mostTexts` statements: one
 * that has a value in its text is kept once for each value, which takes tens of kilobytes a time.
 */
export function nodeSql(db: DatabaseSync, mostTexts = Number.POSITIVE_INFINITY): Sql {
  const statements = new Map<string, StatementSync>();
  let depth = 0;

  function prepared(query: string): StatementSync {
    let statement = statements.get(query);
    if (statement === undefined) {
      statement = db.prepare(query);
      if (statements.size >= mostTexts) throw new Error(`more than ${mostTexts} statements, one of them: ${query}`);
      statements.set(query, statement);
    }
    return statement;
  }

  return {
    all<Row extends SqlRow>(query: string, ...params: SqlValue[]): Row[] {
      checkStatement(query, params);
      return prepared(query).all(...params) as Row[];
    },
    run(query, ...params) {
      checkStatement(query, params);
      // A prepared statement silently ignores all but the first of several.
      if (params.length === 0 && holdsSeveral(query)) db.exec(query);
      else prepared(query).run(...params);
    },
    transaction(step) {
      const [begin, commit, rollback] = db.isTransaction ? savepoint(depth) : TRANSACTION;
      prepared(begin).run();
      depth += 1;
      try {
        const result = step();
        prepared(commit).run();
        return result;
      } catch (error) {
        if (db.isTransaction) db.exec(rollback);
        throw error;
      } finally {
        depth -= 1;
      }
    },
    rowsWritten: () => Number(prepared("SELECT total_changes() AS n").get()?.n),
    bytes: () =>
      Number(prepared("SELECT page_count * page_size AS n FROM pragma_page_count(), pragma_page_size()").get()?.n),
  };
}

function savepoint(depth: number) {
  const name = `step_${depth}`;
  return [`SAVEPOINT ${name}`, `RELEASE ${name}`, `ROLLBACK TO ${name}; RELEASE ${name}`] as const;
}

function holdsSeveral(query: string): boolean {
  const end = query.indexOf(";");
  return end >= 0 && query.slice(end + 1).trim() !== "";
}
