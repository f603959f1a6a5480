import { type DrizzleD1Database, drizzle } from "drizzle-orm/d1";

/** A drizzle session on D1. Every query module takes one, so that the caller chooses how fresh the reads are. */
export type Db = DrizzleD1Database;

/** What the query modules need of a D1 binding or of a session on one. */
type D1Like = Pick<D1Database, "prepare" | "batch">;

/**
 * A session that always asks the primary: configuration and history read through it are as fresh as the last write.
 */
export function primary(database: D1Database): Db {
  return over(database.withSession("first-primary"));
}

/** Drizzle wants a whole `D1Database` but only ever calls `prepare` and `batch`, which a session has. */
export function over(session: D1Like): Db {
  return drizzle(session as D1Database);
}
