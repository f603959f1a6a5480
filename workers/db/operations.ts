import { and, desc, eq, gt, isNull, lt, or, sql } from "drizzle-orm";
import type { OperationCounts } from "../../domain/operation.ts";
import type { Db } from "./client.ts";
import { operations } from "./schema.ts";

/** A bulk operation. Its counts are history's part until it is finished, and then those of all parts. */
export type OperationRow = typeof operations.$inferSelect;

export type NewOperation = Pick<OperationRow, "id" | "namespace" | "request" | "createdAt" | "after">;

/** Writes an operation, unless its id is taken or the namespace has `maxOpen` that are not finished: then false. */
export async function insertOperation(db: Db, row: NewOperation, maxOpen: number): Promise<boolean> {
  const { id, namespace, request, createdAt, after } = row;
  const rows = await db.all(sql`
    INSERT INTO operations (id, namespace, request, created_at, after)
    SELECT ${id}, ${namespace}, ${request}, ${createdAt}, ${after}
    WHERE (SELECT count(*) FROM operations WHERE namespace = ${namespace} AND finished_at IS NULL) < ${maxOpen}
    ON CONFLICT (id) DO NOTHING RETURNING id`);
  return rows.length > 0;
}

export async function findOperation(db: Db, namespace: string, id: string): Promise<OperationRow | null> {
  const rows = await db
    .select()
    .from(operations)
    .where(and(eq(operations.id, id), eq(operations.namespace, namespace)))
    .limit(1);
  return rows[0] ?? null;
}

/** Where a page ends: its last operation. */
export interface OperationPosition {
  createdAt: number;
  id: string;
}

/** Operations of a namespace, newest first, at most `limit`, below `before`. */
export function listOperations(
  db: Db,
  page: { namespace: string; before: OperationPosition | null; limit: number },
): Promise<OperationRow[]> {
  const { namespace, before, limit } = page;
  const { createdAt, id } = operations;
  const below =
    before === null
      ? undefined
      : or(lt(createdAt, before.createdAt), and(eq(createdAt, before.createdAt), lt(id, before.id)));
  return db
    .select()
    .from(operations)
    .where(and(eq(operations.namespace, namespace), below))
    .orderBy(desc(createdAt), desc(id))
    .limit(limit);
}

/** Some operations that are not finished, of those created after `createdAfter`: at random, so that none that fails keeps out others. */
export function openOperations(db: Db, createdAfter: number, limit: number): Promise<OperationRow[]> {
  return db
    .select()
    .from(operations)
    .where(and(isNull(operations.finishedAt), gt(operations.createdAt, createdAfter)))
    .orderBy(sql`random()`)
    .limit(limit);
}

/** All parts are done: `shards` is what the shards have counted. The first to say so is believed. */
export async function finishOperation(db: Db, id: string, shards: OperationCounts, now: number): Promise<void> {
  await db
    .update(operations)
    .set({
      finishedAt: now,
      scanned: sql`${operations.scanned} + ${shards.scanned}`,
      matched: sql`${operations.matched} + ${shards.matched}`,
      changed: sql`${operations.changed} + ${shards.changed}`,
    })
    .where(and(eq(operations.id, id), isNull(operations.finishedAt), isNull(operations.after)));
}

/** Forgets up to `limit` operations that were finished before `before`. */
export async function forgetOperations(db: Db, before: number, limit: number): Promise<void> {
  await db.run(sql`DELETE FROM operations WHERE id IN
    (SELECT id FROM operations WHERE finished_at IS NOT NULL AND finished_at < ${before} LIMIT ${limit})`);
}
