import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
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

/** Which migrations a database of a state directory has had, one a line: then the next start need not ask it. */
function noteOf(database: string): string {
  return database === FIRST ? "d1-migrations" : `d1-migrations-${database}`;
}

/** The database that every state directory has. */
const FIRST = "DB";

/** New databases that this process has migrated, by the names of the migrations: their files, by path. */
const migrated = new Map<string, Map<string, Buffer>>();

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
 * gone when this resolves; a later new state directory of the same process gets a copy of what it made. It is told by requests, never by Miniflare's proxies, which stop this process until workerd has
 * answered, while workerd may wait for this process to read its log. Nothing is started where the database has had them all. `onStart` is
 * called when that workerd runs. Throws `MigrationFailed`.
 */
export async function migrate({ stateDir, database, dir }: MigrationTarget, onStart: () => void): Promise<void> {
  const names = readdirSync(dir)
    .filter((name) => name.endsWith(".sql"))
    .sort();
  const note = join(stateDir, noteOf(database));
  const had = existsSync(join(stateDir, "d1")) && existsSync(note) ? readFileSync(note, "utf8") : "";
  const all = names.join("\n");
  if (had === all) return;
  const isNew = !existsSync(join(stateDir, "d1"));
  const known = migrated.get(`${dir}\n${all}`);
  if (isNew && known !== undefined) for (const [path, bytes] of known) writeWithFolder(join(stateDir, path), bytes);
  else await applyAll({ stateDir, database, dir }, names, onStart);
  if (isNew && known === undefined) migrated.set(`${dir}\n${all}`, filesUnder(stateDir, "d1"));
  writeFileSync(note, all);
}

/** Of a database that no process has open. */
function filesUnder(stateDir: string, folder: string): Map<string, Buffer> {
  const paths = readdirSync(join(stateDir, folder), { recursive: true, encoding: "utf8" }).map((path) =>
    join(folder, path),
  );
  const files = paths.filter((path) => statSync(join(stateDir, path)).isFile());
  return new Map(files.map((path) => [path, readFileSync(join(stateDir, path))]));
}

function writeWithFolder(file: string, bytes: Buffer): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
}

async function applyAll(
  { stateDir, database, dir }: MigrationTarget,
  names: readonly string[],
  onStart: () => void,
): Promise<void> {
  const migrator = new Miniflare(
    convertV4MiniflareOptions({
      workers: [
        {
          name: "migrator",
          compatibilityDate: "2026-11-01",
          modules: [{ type: "ESModule", path: "index.js", contents: MIGRATOR }],
          d1Databases: { DB: { id: database } },
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
}
