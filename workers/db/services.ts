import { and, asc, desc, eq, gt, gte, lt, or, type SQL, sql } from "drizzle-orm";
import type { ServiceSettings } from "../../domain/service/settings.ts";
import type { Db } from "./client.ts";
import { mayHave } from "./namespace-limits.ts";
import { services } from "./schema.ts";

/** Names a service. */
export interface ServiceKey {
  namespace: string;
  name: string;
}

/** The settings as last written, deleted ones too (`deleted` says so), or null when there never was such a service. */
export async function findService(db: Db, { namespace, name }: ServiceKey): Promise<ServiceSettings | null> {
  const rows = await db
    .select({ settings: services.settings })
    .from(services)
    .where(and(eq(services.namespace, namespace), eq(services.name, name)))
    .limit(1);
  return rows[0]?.settings ?? null;
}

/**
 * Writes the next version of a service. False when another write came between: `settings.version` must be one above what is
 * stored, or 1 for one that never was. False as well where it would be one more than its namespace may have, or the namespace
 * is being deleted: see `mayHave`; and where it is to be deleted and the target of a queue names it.
 */
export async function writeService(db: Db, settings: ServiceSettings): Promise<boolean> {
  const { namespace, name, version, deleted, updatedAt } = settings;
  const may = deleted ? sql`NOT EXISTS (${namedBy({ namespace, name })})` : mayHave("services", { namespace, name });
  const rows = await db.all(sql`
    INSERT INTO services (namespace, name, version, deleted, settings, updated_at)
    SELECT ${namespace}, ${name}, ${version}, ${deleted ? 1 : 0}, ${JSON.stringify(settings)}, ${updatedAt}
    WHERE ${may}
    ON CONFLICT (namespace, name) DO UPDATE SET version = excluded.version, deleted = excluded.deleted,
      settings = excluded.settings, updated_at = excluded.updated_at WHERE services.version = ${version - 1}
    RETURNING version`);
  return rows.length > 0;
}

/** A queue whose target names the service; null where none does. One row of an index, however many queues there are. */
export async function queueOfService(db: Db, key: ServiceKey): Promise<string | null> {
  const rows = await db.all<{ name: string }>(namedBy(key));
  return rows[0]?.name ?? null;
}

/** In the words of the index, which holds no other queues. By itself the planner would look at all queues of the namespace. */
function namedBy({ namespace, name }: ServiceKey): SQL {
  return sql`SELECT name FROM queues INDEXED BY queues_by_service
    WHERE namespace = ${namespace} AND settings ->> '$.target.service' = ${name}
    AND settings ->> '$.target.service' IS NOT NULL AND NOT deleted LIMIT 1`;
}

/** Where a page of services ends: its last one. */
export interface ServicePosition {
  createdAt: number;
  name: string;
}

/**
 * Services of a namespace that are not deleted, the newest first and by name where two are as old, at most `limit`, after
 * `after`. Sorts the namespace's services, of which there are few.
 */
export async function listServices(
  db: Db,
  page: { namespace: string; after: ServicePosition | null; limit: number },
): Promise<ServiceSettings[]> {
  const createdAt = sql<number>`${services.settings} ->> 'createdAt'`;
  const { after } = page;
  const rest =
    after === null
      ? undefined
      : or(lt(createdAt, after.createdAt), and(eq(createdAt, after.createdAt), gt(services.name, after.name)));
  const rows = await db
    .select({ settings: services.settings })
    .from(services)
    .where(and(eq(services.namespace, page.namespace), eq(services.deleted, false), rest))
    .orderBy(desc(createdAt), asc(services.name))
    .limit(page.limit);
  return rows.map((row) => row.settings);
}

/** Services written at or after `since`, in the order of their names, deleted ones too, at most `limit` after `after`. */
export async function walkServices(
  db: Db,
  since: number,
  page: { after: ServiceKey | null; limit: number },
): Promise<ServiceSettings[]> {
  const { after } = page;
  const rest =
    after === null
      ? undefined
      : or(
          gt(services.namespace, after.namespace),
          and(eq(services.namespace, after.namespace), gt(services.name, after.name)),
        );
  const rows = await db
    .select({ settings: services.settings })
    .from(services)
    .where(and(gte(services.updatedAt, since), rest))
    .orderBy(asc(services.namespace), asc(services.name))
    .limit(page.limit);
  return rows.map((row) => row.settings);
}

/** Services of a namespace that there ever were, deleted ones too, for its deletion. */
export async function servicesOfNamespace(db: Db, namespace: string, limit: number): Promise<ServiceSettings[]> {
  const rows = await db
    .select({ settings: services.settings })
    .from(services)
    .where(eq(services.namespace, namespace))
    .orderBy(asc(services.name))
    .limit(limit);
  return rows.map((row) => row.settings);
}

/** Forgets services of a namespace that is being deleted, whose objects have been told. */
export async function deleteServices(db: Db, namespace: string, names: readonly string[]): Promise<void> {
  await db.run(sql`DELETE FROM services WHERE namespace = ${namespace}
    AND name IN (SELECT value FROM json_each(${JSON.stringify(names)}))`);
}
