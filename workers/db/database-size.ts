import type { NamedDatabase } from "./databases.ts";

/** How large a database is. */
export interface DatabaseSize {
  name: string;
  bytes: number;
}

/** What D1 says of its size beside every answer. */
export async function databaseSize({ name, database }: NamedDatabase): Promise<DatabaseSize> {
  const { meta } = await database.withSession("first-primary").prepare("SELECT 1").run();
  return { name, bytes: meta.size_after };
}

/** What D1 and SQLite say where there is no room for a write: there is no code to tell by. Nothing was written then. */
const FULL = ["Exceeded maximum DB size", "maximum account storage limit", "database or disk is full"];

/** Whether a write failed because its database is full: the same one passes when there is room again. The query builder wraps what D1 threw. */
export function isDatabaseFull(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { message } = at;
    if (FULL.some((text) => message.includes(text))) return true;
  }
  return false;
}
