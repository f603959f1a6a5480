import { and, asc, desc, eq, gt, gte, lt, or, type SQL, sql } from "drizzle-orm";
import { type QueueSettings, queueId } from "../../domain/queue.ts";
import type { Db } from "./client.ts";
import { mayHave } from "./namespace-limits.ts";
import { formerQueues, historyCounts, queues } from "./schema.ts";

/** The settings as last written, deleted queues too (`deleted` says so), or null when there never was such a queue. */
export async function findQueue(db: Db, namespace: string, name: string): Promise<QueueSettings | null> {
  const rows = await db
    .select({ settings: queues.settings })
    .from(queues)
    .where(and(eq(queues.namespace, namespace), eq(queues.name, name)))
    .limit(1);
  return rows[0] === undefined ? null : rows[0].settings;
}

/** Queues of one statement: settings with all the headers that a target may have are some 180 KB. */
const FOUND_AT_ONCE = 100;

/** The settings of many queues as last written, deleted ones too, in no order; those that never were are left out. */
export async function findQueues(
  db: Db,
  keys: readonly { namespace: string; name: string }[],
): Promise<QueueSettings[]> {
  const found: QueueSettings[] = [];
  for (let at = 0; at < keys.length; at += FOUND_AT_ONCE) {
    const some = keys.slice(at, at + FOUND_AT_ONCE).map(({ namespace, name }) => [namespace, name]);
    const rows = await db.all<{ settings: string }>(sql`
      SELECT queues.settings AS settings FROM json_each(${JSON.stringify(some)}) AS named
      CROSS JOIN queues ON queues.namespace = named.value ->> 0 AND queues.name = named.value ->> 1`);
    for (const { settings } of rows) found.push(JSON.parse(settings) as QueueSettings);
  }
  return found;
}

/**
 * Writes the next version of a queue's settings. False when another write came between: `settings.version` must be
 * one above what is stored, or 1 for a queue that never was, so two writers cannot both win. False as well where it would be
 * one more than its namespace may have, or the namespace is being deleted: see `mayHave`.
 */
export async function writeQueue(db: Db, settings: QueueSettings): Promise<boolean> {
  const { namespace, name, version, deleted, updatedAt } = settings;
  const rows = await db.all(sql`
    INSERT INTO queues (namespace, name, version, deleted, settings, updated_at, queue_id)
    SELECT ${namespace}, ${name}, ${version}, ${deleted ? 1 : 0}, ${JSON.stringify(settings)}, ${updatedAt},
      ${queueId(name, settings)}
    WHERE ${deleted ? 1 : 0} OR (${mayHave("queues", { namespace, name })})
    ON CONFLICT (namespace, name) DO UPDATE SET version = excluded.version, deleted = excluded.deleted,
      settings = excluded.settings, updated_at = excluded.updated_at, queue_id = excluded.queue_id WHERE queues.version = ${version - 1}
    RETURNING version`);
  return rows.length > 0;
}

/** Where a page of queues ends: its last queue. */
export interface QueuePosition {
  createdAt: number;
  name: string;
}

/**
 * Queues of a namespace that are not deleted, the newest first and by name where two are as old, at most `limit`,
 * after `after`. Sorts the namespace's queues, of which there are few.
 */
export async function listQueues(
  db: Db,
  page: { namespace: string; after: QueuePosition | null; limit: number },
): Promise<QueueSettings[]> {
  const createdAt = sql<number>`json_extract(${queues.settings}, '$.createdAt')`;
  const { after } = page;
  const rest =
    after === null
      ? undefined
      : or(lt(createdAt, after.createdAt), and(eq(createdAt, after.createdAt), gt(queues.name, after.name)));
  const rows = await db
    .select({ settings: queues.settings })
    .from(queues)
    .where(and(eq(queues.namespace, page.namespace), eq(queues.deleted, false), rest))
    .orderBy(desc(createdAt), asc(queues.name))
    .limit(page.limit);
  return rows.map(({ settings }) => settings);
}

/** Queues written at or after `since`, in the order of their names, deleted ones too, at most `limit` after `after`. */
export async function walkQueues(
  db: Db,
  since: number,
  page: { after: { namespace: string; name: string } | null; limit: number },
): Promise<QueueSettings[]> {
  const { after } = page;
  const rest =
    after === null
      ? undefined
      : or(
          gt(queues.namespace, after.namespace),
          and(eq(queues.namespace, after.namespace), gt(queues.name, after.name)),
        );
  const rows = await db
    .select({ settings: queues.settings })
    .from(queues)
    .where(and(gte(queues.updatedAt, since), rest))
    .orderBy(asc(queues.namespace), asc(queues.name))
    .limit(page.limit);
  return rows.map(({ settings }) => settings);
}

/**
 * What rows of history call the queue that has this name now, or had it last (`queueId`), as SQL: it is found in the read that
 * it is for, so that both are of one moment.
 */
export function idOfQueue(namespace: string, name: string): SQL {
  return sql`coalesce((SELECT queue_id FROM queues WHERE namespace = ${namespace} AND name = ${name}), ${name})`;
}

/** What history calls the queue, as `idOfQueue` says it in a query. */
export async function queueIdIn(db: Db, namespace: string, name: string): Promise<string> {
  const rows = await db.all<{ id: string }>(sql`SELECT ${idOfQueue(namespace, name)} AS id`);
  return rows[0]?.id ?? name;
}

/** Every queue that ever was, for housekeeping: deleted ones still have history to forget. */
export async function allQueues(db: Db): Promise<QueueSettings[]> {
  const rows = await db.select({ settings: queues.settings }).from(queues);
  return rows.map(({ settings }) => settings);
}

/** Deleted queues whose names others have by now. */
export async function allFormerQueues(db: Db): Promise<QueueSettings[]> {
  const rows = await db.select({ settings: formerQueues.settings }).from(formerQueues);
  return rows.map(({ settings }) => settings);
}

/** Forgets a queue whose name another has, unless history has jobs of it. */
export async function forgetFormerQueue(db: Db, { namespace, name, ...settings }: QueueSettings): Promise<void> {
  const id = queueId(name, settings);
  const isOver = sql`NOT EXISTS (SELECT 1 FROM jobs INDEXED BY jobs_by_queue WHERE namespace = ${namespace} AND queue = ${id})
    AND NOT EXISTS (SELECT 1 FROM history_pages INDEXED BY history_pages_by_queue WHERE namespace = ${namespace} AND queue = ${id})`;
  await db.batch([
    db.delete(historyCounts).where(and(eq(historyCounts.namespace, namespace), eq(historyCounts.queue, id), isOver)),
    db.delete(formerQueues).where(and(eq(formerQueues.namespace, namespace), eq(formerQueues.queueId, id), isOver)),
  ]);
}
