import type { Sql, SqlRow, SqlValue } from "./sql.ts";
import { checkStatement } from "./sql-limits.ts";

/** `Sql` over a Durable Object's own storage. */
export function durableSql(storage: DurableObjectStorage): Sql {
  let written = 0;
  const exec = (query: string, params: SqlValue[]) => {
    checkStatement(query, params);
    const cursor = storage.sql.exec(query, ...params);
    const rows = cursor.toArray();
    written += cursor.rowsWritten;
    return rows;
  };
  return {
    all: <Row extends SqlRow>(query: string, ...params: SqlValue[]) => exec(query, params) as Row[],
    run: (query, ...params) => void exec(query, params),
    transaction: (step) => storage.transactionSync(step),
    rowsWritten: () => written,
    bytes: () => storage.sql.databaseSize,
  };
}
