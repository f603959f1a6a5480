import { HISTORY_COLUMNS } from "../../contract/history.ts";
import type { SucceededPage } from "../../contract/succeeded-page.ts";
import { over } from "./client.ts";
import { idsInPages } from "./history-pages.ts";
import { type PageCodec, STREAM_CODEC } from "./page-codec.ts";
import { takenOut } from "./page-deletion.ts";
import { type PageCells, pageCells, WRITTEN } from "./page-rows.ts";
import { once, type RetryD1 } from "./retry.ts";

/** Where history is with the log of a shard: it has everything up to `cursor`, and `skip` jobs of the entry behind that. */
export interface Position {
  cursor: number;
  skip: number;
}

/** Finished jobs of a shard from one position to another. */
export interface Finished {
  from: Position;
  to: Position;
  /** Epoch ms: all that had come to its end by then is in it. Null: that is not known, because the shard has more. */
  heardAt: number | null;
  /** Rows: `contract/history.ts`. */
  chunks: string[];
  pages: SucceededPage[];
  /** History has had some of it before, and has lost how far it was. */
  isRebuild: boolean;
}

/** Where the projector writes: history's copy of finished jobs, and how far each shard's are in it. */
export interface ProjectionStore {
  /** The last position written for `shard`; the start before the first. Read from the primary. */
  position(shard: string): Promise<Position>;
  /**
   * Writes jobs and position together or not at all, and only where history is still at `from`: so each job comes once.
   * Answers where it is then, which is `to` unless another was there first, and D1's bookmark of the write, or null where
   * it gives none. An older copy of a job never replaces a newer.
   */
  write(shard: string, finished: Finished): Promise<{ at: Position; bookmark: string | null }>;
}

/**
 * Any number of rows for one bound value: D1 allows a hundred of those in a statement. Each row is parsed once, into
 * JSONB: read straight from `json_each` it would be parsed again for every column.
 */
const ROWS = "WITH rows AS MATERIALIZED (SELECT jsonb(value) AS r FROM json_each(?1))";

const UPSERT = `${ROWS}
INSERT INTO jobs (${HISTORY_COLUMNS.join(", ")})
SELECT ${HISTORY_COLUMNS.map((_, i) => `r ->> ${i}`).join(", ")}
FROM rows WHERE true
ON CONFLICT (namespace, id) DO UPDATE SET
  state = excluded.state, version = excluded.version, ordering_key = excluded.ordering_key,
  finished_at = excluded.finished_at, record = excluded.record,
  payload = excluded.payload, result = excluded.result, attempts = excluded.attempts
  WHERE excluded.version > jobs.version`;

const column = (name: (typeof HISTORY_COLUMNS)[number]) => `r ->> ${HISTORY_COLUMNS.indexOf(name)}`;

const ADD_TO_COUNT = "ON CONFLICT (namespace, queue) DO UPDATE SET succeeded = succeeded + excluded.succeeded";

/**
 * What the same rows make of the number of succeeded jobs of each queue, counted before they are written: those that come
 * in, less those whose place something else takes. The newest copy of a job counts. One row a queue.
 */
const COUNT = `${ROWS}, newest AS (
  SELECT ${column("namespace")} AS namespace, ${column("id")} AS id, ${column("queue")} AS queue,
    ${column("state")} AS state, max(${column("version")}) AS version
  FROM rows GROUP BY 1, 2),
changes AS (
  SELECT newest.namespace AS namespace, newest.queue AS queue,
    sum((newest.state = 'succeeded') - coalesce(jobs.state = 'succeeded', 0)) AS change
  FROM newest LEFT JOIN jobs ON jobs.namespace = newest.namespace AND jobs.id = newest.id
  WHERE jobs.version IS NULL OR newest.version > jobs.version GROUP BY 1, 2)
INSERT INTO history_counts (namespace, queue, succeeded)
SELECT namespace, queue, change FROM changes WHERE change <> 0 ${ADD_TO_COUNT}`;

/** Two rows a page. */
const INSERT_PAGES = `${ROWS}
INSERT INTO history_pages (${Object.keys(WRITTEN).join(", ")}) SELECT ${Object.values(WRITTEN).join(", ")} FROM rows`;

/** One row a queue. */
const COUNT_PAGES = `${ROWS}
INSERT INTO history_counts (namespace, queue, succeeded)
SELECT ${WRITTEN.namespace}, ${WRITTEN.queue}, sum(${WRITTEN.n}) FROM rows WHERE true GROUP BY 1, 2 ${ADD_TO_COUNT}`;

/** Rows of jobs that are in a page by now, by a list of [namespace, id, version]. */
const OVERTAKEN_ROWS = `FROM json_each(?1) AS paged CROSS JOIN jobs
WHERE namespace = paged.value ->> 0 AND jobs.id = paged.value ->> 1 AND version <= paged.value ->> 2`;
const UNCOUNT_OVERTAKEN = `INSERT INTO history_counts (namespace, queue, succeeded)
SELECT namespace, queue, -count(*) ${OVERTAKEN_ROWS} AND state = 'succeeded' GROUP BY 1, 2 ${ADD_TO_COUNT}`;
const DELETE_OVERTAKEN = `DELETE FROM jobs WHERE (namespace, id) IN (SELECT namespace, jobs.id ${OVERTAKEN_ROWS})`;

/** Every end of a job is a change, and so are its redrive, its claim and its acceptance: the second end makes this version at least. */
const ENDED_TWICE_VERSION = 5;

/** What is no JSON makes the batch fail. The skip is of another cursor where somebody has written who knows none. */
const EXPECT_POSITION = `SELECT iif(coalesce(
  (SELECT cursor = ?2 AND iif(skip_after = cursor, skip, 0) = ?3 AND moved_to IS NULL FROM projections WHERE shard = ?1),
  ?2 = 0 AND ?3 = 0), 1, json('history is elsewhere'))`;

const MOVE_CURSOR = `INSERT INTO projections (shard, cursor, skip, skip_after, updated_at, heard_at) VALUES (?1, ?2, ?3, ?2, ?4, ?5)
ON CONFLICT (shard) DO UPDATE SET cursor = excluded.cursor, skip = excluded.skip, skip_after = excluded.skip_after,
  updated_at = excluded.updated_at, heard_at = coalesce(excluded.heard_at, heard_at)`;

const POSITION = `SELECT cursor, iif(skip_after = cursor, skip, 0) AS skip, moved_to AS movedTo
FROM projections WHERE shard = ?1`;

/** History has all of a shard's log up to a number that the shard gave at `?2` or later: so it has all that ended by then. */
const CONFIRM = `UPDATE projections SET heard_at = ?2, updated_at = ?3
WHERE EXISTS (SELECT 1 FROM json_each(?1) WHERE value ->> 0 = shard AND value ->> 1 <= cursor)`;

/** Pages are bound together up to this many characters: a value may have 2 MB. */
const BOUND_CHARACTERS = 900_000;

export interface ProjectionPorts {
  /** Epoch ms. */
  now(): number;
  retryD1?: RetryD1;
  codec?: PageCodec;
}

/** A statement and what is bound to it. */
type Statement = [query: string, ...params: unknown[]];

/** The projection in D1. Reads and writes the primary. */
export function projectionStore(
  db: D1Database,
  { now, retryD1 = once, codec = STREAM_CODEC }: ProjectionPorts,
): ProjectionStore {
  const position = async (shard: string) => {
    const row = await retryD1(() =>
      db.withSession("first-primary").prepare(POSITION).bind(shard).first<Position & { movedTo: string | null }>(),
    );
    const { cursor, skip, movedTo } = row ?? { cursor: 0, skip: 0, movedTo: null };
    if (movedTo !== null) throw new Error(`finished jobs of ${shard} have gone to ${movedTo}`);
    return { cursor, skip };
  };
  const batch = (statements: Statement[]) =>
    retryD1(async () => {
      const session = db.withSession("first-primary");
      await session.batch(statements.map(([query, ...params]) => session.prepare(query).bind(...params)));
      return session.getBookmark();
    });
  return {
    position,

    async write(shard, finished) {
      const { from, to, heardAt } = finished;
      const content = await retryD1(() => contentOf(db.withSession("first-primary"), finished, codec));
      const statements: Statement[] = [
        [EXPECT_POSITION, shard, from.cursor, from.skip],
        ...content,
        [MOVE_CURSOR, shard, to.cursor, to.skip, now(), heardAt],
      ];
      try {
        return { at: to, bookmark: await batch(statements) };
      } catch (error) {
        // Somebody else was first, or this very batch was, whose answer was lost.
        const at = await position(shard);
        if (at.cursor === from.cursor && at.skip === from.skip) throw error;
        return { at, bookmark: null };
      }
    },
  };
}

/** What writes the jobs. */
async function contentOf(
  session: D1DatabaseSession,
  { chunks, pages, isRebuild }: Finished,
  codec: PageCodec,
): Promise<Statement[]> {
  const db = over(session);
  const existing = isRebuild ? new Set(await idsInPages(db, pages.flatMap(namedInPage))) : new Set<string>();
  const cells = await Promise.all(pages.map((page) => pageCells(page, existing, codec)));
  const overtaken = JSON.stringify(pages.flatMap((page) => earlierRows(page, isRebuild)));
  const deleted = chunks.flatMap(deletedIn);
  const { statements: deletions } = deleted.length === 0 ? { statements: [] } : await takenOut(db, deleted, codec);
  return [
    ...deletions.map(statementOf),
    ...chunks.flatMap((chunk): Statement[] => [
      [COUNT, chunk],
      [UPSERT, chunk],
    ]),
    ...(overtaken === "[]" ? [] : [UNCOUNT_OVERTAKEN, DELETE_OVERTAKEN].map((query): Statement => [query, overtaken])),
    ...bound(cells.filter((page) => page !== null)).flatMap((text): Statement[] => [
      [INSERT_PAGES, text],
      [COUNT_PAGES, text],
    ]),
  ];
}

function namedInPage({ namespace, columns }: SucceededPage): { namespace: string; id: string }[] {
  return (JSON.parse(columns.id) as string[]).map((id) => ({ namespace, id }));
}

function versioned(page: SucceededPage, versions: readonly number[]): Versioned[] {
  return namedInPage(page).map((job, i) => ({ ...job, version: versions[versions.length === 1 ? 0 : i] ?? 0 }));
}

/** A job under one of its versions. */
export interface Versioned {
  namespace: string;
  id: string;
  version: number;
}

/** All jobs that are to be written. */
export function namedIn({ chunks, pages }: Pick<Finished, "chunks" | "pages">): Versioned[] {
  const inPages = pages.flatMap((page) => versioned(page, JSON.parse(page.columns.version) as number[]));
  return [...chunks.flatMap((chunk) => rowsIn(chunk)), ...inPages];
}

function rowsIn(chunk: string): (Versioned & { state: string })[] {
  const [id, namespace, state, version] = (["id", "namespace", "state", "version"] as const).map((name) =>
    HISTORY_COLUMNS.indexOf(name),
  );
  return (JSON.parse(chunk) as unknown[][]).map((cells) => ({
    id: String(cells[id ?? 0]),
    namespace: String(cells[namespace ?? 0]),
    state: String(cells[state ?? 0]),
    version: Number(cells[version ?? 0]),
  }));
}

/** Takes away what a database has of these jobs, up to the version that each has now: they lie in another from now on. */
export async function eraseEarlier(
  database: D1Database,
  jobs: readonly Versioned[],
  codec: PageCodec = STREAM_CODEC,
): Promise<void> {
  const session = database.withSession("first-primary");
  const { statements } = await takenOut(over(session), jobs, codec);
  const named = JSON.stringify(jobs.map(({ namespace, id, version }) => [namespace, id, version]));
  const all: Statement[] = [...statements.map(statementOf), [UNCOUNT_OVERTAKEN, named], [DELETE_OVERTAKEN, named]];
  await session.batch(all.map(([query, ...params]) => session.prepare(query).bind(...params)));
}

function statementOf(query: { toSQL(): { sql: string; params: unknown[] } }): Statement {
  const { sql, params } = query.toSQL();
  return [sql, ...params];
}

/** The jobs of a page that may have rows, from an end before this one: [namespace, id, version]. */
function earlierRows(page: SucceededPage, isRebuild: boolean): [string, string, number][] {
  const versions = JSON.parse(page.columns.version) as number[];
  if (!isRebuild && versions.every((version) => version < ENDED_TWICE_VERSION)) return [];
  return versioned(page, versions).map(({ namespace, id, version }) => [namespace, id, version]);
}

/** Jobs that were deleted after they had come to history, of a chunk of rows. */
function deletedIn(chunk: string): { namespace: string; id: string }[] {
  if (!chunk.includes('"discarded"')) return [];
  return rowsIn(chunk).filter(({ state }) => state === "discarded");
}

/** Pages as JSON arrays, each short enough to bind as one value. */
function bound(pages: PageCells[]): string[] {
  const groups: string[][] = [];
  let characters = 0;
  for (const page of pages) {
    const text = JSON.stringify(page);
    const last = groups.at(-1);
    if (last === undefined || characters + text.length > BOUND_CHARACTERS) {
      groups.push([text]);
      characters = 0;
    } else last.push(text);
    characters += text.length;
  }
  return groups.map((texts) => `[${texts.join(",")}]`);
}

/**
 * Notes that history is level with these shards, where it is: `seq` is the newest number of a shard's log, given at
 * `heardAt` or later. So what is read of a shard with nothing to do has an age as well. One row a shard.
 */
export async function confirmProjections(
  db: D1Database,
  logs: { shard: string; seq: number }[],
  { heardAt, now }: { heardAt: number; now: number },
): Promise<void> {
  const ends = JSON.stringify(logs.map(({ shard, seq }) => [shard, seq]));
  await db.withSession("first-primary").prepare(CONFIRM).bind(ends, heardAt, now).run();
}
