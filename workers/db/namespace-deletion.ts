import { and, eq, inArray, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { findNamespace, type NamespaceRow } from "./namespaces.ts";
import { apiKeys, historyPages, jobs, namespaces } from "./schema.ts";

/** What of a deleted namespace goes from D1. Every statement is bounded, and finds nothing when it is run once more. */

/** Tables of configuration that a namespace has rows in, beside its queues, each with the column that tells its rows apart. */
const CONFIGURED = [
  { table: "schedules", key: "name" },
  { table: "subscriptions", key: "name" },
  { table: "operations", key: "id" },
  { table: "api_keys", key: "id" },
  { table: "webhook_secrets", key: "number" },
  { table: "former_queues", key: "queue_id" },
];

/**
 * Begins the deletion, or finds it begun: its keys stop working in the same write. Null when there is no such namespace.
 */
export async function beginDeletion(db: Db, name: string, now: number): Promise<NamespaceRow | null> {
  await db.batch([
    db
      .update(namespaces)
      .set({
        version: sql`${namespaces.version} + (${namespaces.deletingAt} IS NULL)`,
        updatedAt: now,
        deletingAt: sql`coalesce(${namespaces.deletingAt}, ${now})`,
      })
      .where(eq(namespaces.name, name)),
    db
      .update(apiKeys)
      .set({ revokedAt: sql`coalesce(${apiKeys.revokedAt}, ${now})` })
      .where(eq(apiKeys.namespace, name)),
  ]);
  return findNamespace(db, name);
}

/** Deletes some of what is configured, but for queues; answers how many rows. */
export async function deleteConfigured(db: Db, namespace: string, limit: number): Promise<number> {
  let deleted = 0;
  for (const { table, key } of CONFIGURED) {
    const rows = await db.all(sql`DELETE FROM ${sql.raw(table)} WHERE namespace = ${namespace} AND ${sql.raw(key)} IN
      (SELECT ${sql.raw(key)} FROM ${sql.raw(table)} WHERE namespace = ${namespace} LIMIT ${limit}) RETURNING 1`);
    deleted += rows.length;
  }
  return deleted;
}

/** Names of queues that there ever were. */
export async function queueNames(db: Db, namespace: string, limit: number): Promise<string[]> {
  const rows = await db.all<{ name: string }>(
    sql`SELECT name FROM queues WHERE namespace = ${namespace} ORDER BY name LIMIT ${limit}`,
  );
  return rows.map(({ name }) => name);
}

export async function deleteQueues(db: Db, namespace: string, names: readonly string[]): Promise<void> {
  await db.run(sql`DELETE FROM queues WHERE namespace = ${namespace}
    AND name IN (SELECT value FROM json_each(${JSON.stringify(names)}))`);
}

/** Pages of jobs deleted at once. */
const PAGES = 100;

/** Deletes some finished jobs and counts them, in one transaction; answers how many rows and pages. Reads no other namespace's. */
export async function deleteHistory(db: Db, namespace: string, limit: number): Promise<number> {
  const some = db.select({ id: jobs.id }).from(jobs).where(eq(jobs.namespace, namespace)).limit(limit);
  const pages = sql`(SELECT max_id, n FROM history_pages WHERE namespace = ${namespace} ORDER BY max_id LIMIT ${PAGES})`;
  const [, deleted, pagesDeleted] = await db.batch([
    db
      .update(namespaces)
      .set({
        historyDeleted: sql`history_deleted + (SELECT count(*) FROM (${some.getSQL()})) + (SELECT coalesce(sum(n), 0) FROM ${pages})`,
      })
      .where(eq(namespaces.name, namespace)),
    db
      .delete(jobs)
      .where(and(eq(jobs.namespace, namespace), inArray(jobs.id, some)))
      .returning({ id: jobs.id }),
    db
      .delete(historyPages)
      .where(and(eq(historyPages.namespace, namespace), sql`${historyPages.maxId} IN (SELECT max_id FROM ${pages})`))
      .returning({ maxId: historyPages.maxId }),
  ]);
  return deleted.length + pagesDeleted.length;
}

/** The same in a database without configuration: answers how many rows and pages went, and how many jobs these were. */
export async function deleteHistoryElsewhere(
  db: Db,
  namespace: string,
  limit: number,
): Promise<{ rows: number; jobs: number }> {
  const deleted = await db.all<{ n: number }>(sql`DELETE FROM jobs WHERE namespace = ${namespace}
    AND id IN (SELECT id FROM jobs WHERE namespace = ${namespace} LIMIT ${limit}) RETURNING 1 AS n`);
  const pages = await db.all<{ n: number }>(sql`DELETE FROM history_pages WHERE namespace = ${namespace}
    AND max_id IN (SELECT max_id FROM history_pages WHERE namespace = ${namespace} ORDER BY max_id LIMIT ${PAGES}) RETURNING n`);
  return { rows: deleted.length + pages.length, jobs: [...deleted, ...pages].reduce((sum, { n }) => sum + n, 0) };
}

/** Counts jobs that were deleted in another database. */
export async function countDeleted(db: Db, name: string, jobsDeleted: number): Promise<void> {
  await db
    .update(namespaces)
    .set({ historyDeleted: sql`history_deleted + ${jobsDeleted}` })
    .where(eq(namespaces.name, name));
}

/** Says how far the deletion is. With a new `quietSince` the version grows, so that every shard looks once more. */
export async function noteDeletion(
  db: Db,
  name: string,
  {
    jobsDeleted,
    quietSince,
    lookOnceMore,
    now,
  }: { jobsDeleted: number; quietSince: number | null; lookOnceMore: boolean; now: number },
): Promise<void> {
  await db
    .update(namespaces)
    .set({
      jobsDeleted: sql`max(${namespaces.jobsDeleted}, ${jobsDeleted})`,
      quietSince,
      ...(lookOnceMore ? { version: sql`${namespaces.version} + 1`, updatedAt: now } : {}),
    })
    .where(eq(namespaces.name, name));
}

/** Lets the name go, unless anything of the namespace is left. True when it is gone. */
export async function endDeletion(db: Db, name: string): Promise<boolean> {
  const left = ["jobs", "history_pages", "queues", "services", ...CONFIGURED.map(({ table }) => table)].map(
    (table) => sql`NOT EXISTS (SELECT 1 FROM ${sql.raw(table)} WHERE namespace = ${name})`,
  );
  const rows = await db.all(sql`DELETE FROM namespaces WHERE name = ${name} AND deleting_at IS NOT NULL
    AND ${sql.join(left, sql` AND `)} RETURNING 1`);
  return rows.length > 0;
}
