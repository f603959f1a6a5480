import { globSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

/** What D1 holds of the finished jobs of a stopped platform: id to state. Reads the database's file as it lies. */
export function readHistory(stateDir: string): Map<string, string> {
  for (const file of globSync(`${stateDir}/d1/**/*.sqlite`)) {
    const database = new DatabaseSync(file, { readOnly: true });
    const tables = database.prepare("SELECT name FROM sqlite_master WHERE name = 'jobs'").all();
    if (tables.length === 0) continue;
    const rows = database.prepare("SELECT id, state FROM jobs").all() as { id: string; state: string }[];
    database.close();
    return new Map(rows.map(({ id, state }) => [id, state]));
  }
  throw new Error(`no database with jobs under ${stateDir}/d1`);
}
