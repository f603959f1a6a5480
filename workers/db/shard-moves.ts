import { type Databases, homeOf, type NamedDatabase } from "./databases.ts";
import type { Position } from "./projection.ts";

/** What one database says of a shard. */
interface Standing extends Position {
  movedTo: string | null;
  /** Since when the shard's jobs have come to it, epoch ms; 0: since ever. */
  since: number;
}

const STANDING = `SELECT cursor, iif(skip_after = cursor, skip, 0) AS skip, moved_to AS movedTo, since
FROM projections WHERE shard = ?1`;

const CLOSE = `UPDATE projections SET moved_to = ?2 WHERE shard = ?1 AND moved_to IS NULL
RETURNING cursor, iif(skip_after = cursor, skip, 0) AS skip`;

/** Not where somebody else has opened it: that one may have gone on since. */
const OPEN = `INSERT INTO projections (shard, cursor, skip, skip_after, updated_at, since) VALUES (?1, ?2, ?3, ?2, ?4, ?5)
ON CONFLICT (shard) DO UPDATE SET cursor = excluded.cursor, skip = excluded.skip, skip_after = excluded.skip_after,
  updated_at = excluded.updated_at, heard_at = NULL, since = excluded.since, moved_to = NULL
WHERE projections.moved_to IS NOT NULL`;

/** Where nothing of a shard has ever come to: whoever does not know of the database to which it comes finds that here. */
const MARK = `INSERT INTO projections (shard, cursor, updated_at, moved_to) VALUES (?1, 0, ?2, ?3) ON CONFLICT (shard) DO NOTHING`;

/**
 * How far history is with a shard, in the database to which its jobs go. Where that has just become another, it goes on there
 * at the position of the one before, whose row is closed first: from then on nobody writes there, so that no job comes to
 * both. Whoever dies between the two is continued by the next. Throws where the jobs have gone on in a database that is not bound.
 */
export async function standingIn(databases: Databases, shard: string, now: () => number): Promise<Standing> {
  const home = homeOf(shard, databases);
  const known = await standingOf(home, shard);
  if (known !== null && known.movedTo === null) return known;
  const all = await Promise.all(databases.map(async (each) => ({ each, standing: await standingOf(each, shard) })));
  const latest = latestOf(all.flatMap(({ each, standing }) => (standing === null ? [] : [{ each, standing }])));
  if (latest === null) {
    const others = databases.filter(({ name }) => name !== home.name);
    await Promise.all(others.map((each) => write(each, MARK, [shard, now(), home.name])));
    return standingIn(databases, shard, now);
  }
  const { each, standing } = latest;
  if (standing.movedTo !== null && !databases.some(({ name }) => name === standing.movedTo)) {
    throw new Error(`finished jobs of ${shard} have gone to ${standing.movedTo}, which is not bound here`);
  }
  const { cursor, skip } = standing.movedTo === null ? await close(each, shard, home.name) : standing;
  const hasJobsElsewhere = cursor > 0 || skip > 0;
  await write(home, OPEN, [shard, cursor, skip, now(), hasJobsElsewhere ? now() : 0]);
  return (await standingOf(home, shard)) ?? standing;
}

interface Found {
  each: NamedDatabase;
  standing: Standing;
}

/** The open one; else, where somebody has died between closing and opening, the one that came furthest. */
function latestOf(found: Found[]): Found | null {
  const open = found.find(({ standing }) => standing.movedTo === null);
  const furthest = found.toSorted((a, b) => b.standing.cursor - a.standing.cursor)[0];
  return open ?? furthest ?? null;
}

async function standingOf({ database }: NamedDatabase, shard: string): Promise<Standing | null> {
  return database.withSession("first-primary").prepare(STANDING).bind(shard).first<Standing>();
}

async function close(from: NamedDatabase, shard: string, to: string): Promise<Position> {
  const [closed] = await write<Position>(from, CLOSE, [shard, to]);
  // Somebody else was first.
  return closed ?? (await standingOf(from, shard)) ?? { cursor: 0, skip: 0 };
}

async function write<Row>({ database }: NamedDatabase, query: string, params: unknown[]): Promise<Row[]> {
  const statement = database.withSession("first-primary").prepare(query);
  return (await statement.bind(...params).all<Row>()).results;
}
