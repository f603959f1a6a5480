import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";

/** A migration cannot be applied. Its message says which and why, without SQL. */
export class MigrationFailed extends Error {}

/**
 * A Worker that applies what the database has not seen, in order, each in one transaction with its record in `d1_migrations`:
 * the table that `wrangler d1 migrations apply` keeps.
 */
const MIGRATOR = `
const TABLE = \`CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)\`;

export default {
  async fetch(request, { DB }) {
    await DB.prepare(TABLE).run();
    const { results } = await DB.prepare("SELECT name FROM d1_migrations").all();
    const seen = new Set(results.map(({ name }) => name));
    for (const { name, sql } of (await request.json()).filter(({ name }) => !seen.has(name))) {
      const note = DB.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name);
      try {
        await DB.batch([DB.prepare(sql), note]);
      } catch (error) {
        return Response.json({ failed: name, reason: String(error?.message ?? error).split("\\n")[0] });
      }
    }
    return Response.json({ failed: null });
  },
};
`;

/** Which migrations the database of a state directory has had, one a line: then the next start need not ask it. */
const NOTE = "d1-migrations";

/** The database of a state directory that is to be migrated. */
export interface MigrationTarget {
  stateDir: string;
  /** The binding, which is also the database's id on a local host. */
  database: string;
  /** The folder of the SQL files. */
  dir: string;
}

/**
 * Brings the database to what the SQL files of `dir` say, before anything serves from it. A workerd of its own does that and is
 * gone when this resolves; it is told by requests, never by Miniflare's proxies, which stop this process until workerd has
 * answered, while workerd may wait for this process to read its log. Nothing is started where the database has had them all. `onStart` is
 * called when that workerd runs. Throws `MigrationFailed`.
 */
export async function migrate({ stateDir, database, dir }: MigrationTarget, onStart: () => void): Promise<void> {
  const names = readdirSync(dir)
    .filter((name) => name.endsWith(".sql"))
    .sort();
  const note = join(stateDir, NOTE);
  const had = existsSync(join(stateDir, "d1")) && existsSync(note) ? readFileSync(note, "utf8") : "";
  if (had === names.join("\n")) return;
  const migrator = new Miniflare(
    convertV4MiniflareOptions({
      workers: [
        {
          name: "migrator",
          compatibilityDate: "2026-11-01",
          modules: [{ type: "ESModule", path: "index.js", contents: MIGRATOR }],
          d1Databases: { [database]: { id: database } },
        },
      ],
      host: "127.0.0.1",
      port: 0,
      resourcePersistencePath: stateDir,
      cf: false,
      telemetry: { enabled: false },
      log: new Log(LogLevel.WARN),
    }),
  );
  try {
    await migrator.ready;
    onStart();
    const body = JSON.stringify(names.map((name) => ({ name, sql: readFileSync(join(dir, name), "utf8") })));
    const response = await migrator.dispatchFetch("http://migrator/", { method: "POST", body });
    if (!response.ok)
      throw new MigrationFailed(`The database in ${stateDir} does not answer: status ${response.status}.`);
    const { failed, reason } = (await response.json()) as { failed: string | null; reason?: string };
    if (failed !== null)
      throw new MigrationFailed(`The migration ${failed} cannot be applied to the database in ${stateDir}: ${reason}.`);
  } finally {
    await migrator.dispose();
  }
  writeFileSync(note, names.join("\n"));
}
