import { globSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { idsOf } from "../../workers/db/page-rows.ts";

/** What D1 holds of the finished jobs of a stopped platform: id to state. Reads the database's file as it lies. */
export function readHistory(stateDir: string): Map<string, string> {
  for (const file of globSync(`${stateDir}/d1/**/*.sqlite`)) {
    const database = new DatabaseSync(file, { readOnly: true });
    const tables = database.prepare("SELECT name FROM sqlite_master WHERE name = 'jobs'").all();
    if (tables.length === 0) continue;
    const rows = database.prepare("SELECT id, state FROM jobs").all() as { id: string; state: string }[];
    const pages = database.prepare("SELECT max_id, ids FROM history_pages").all() as { max_id: string; ids: string }[];
    database.close();
    const paged = pages.flatMap(idsOf).map((id): [string, string] => [id, "succeeded"]);
    return new Map([...rows.map(({ id, state }): [string, string] => [id, state]), ...paged]);
  }
  throw new Error(`no database with jobs under ${stateDir}/d1`);
}
