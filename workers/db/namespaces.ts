import { and, asc, desc, eq, gt, gte, isNotNull, lt, or, sql } from "drizzle-orm";
import { DEFAULT_NAMESPACE_LIMITS, type NamespaceLimits, type NamespaceSettings } from "../../domain/namespace.ts";
import type { Db } from "./client.ts";
import { namespaces } from "./schema.ts";

/** A tenant, with its limits, and how far its deletion is. */
export type NamespaceRow = typeof namespaces.$inferSelect;

/** The settings of a namespace, as shards have to know them. */
export function settingsOf(row: NamespaceRow): NamespaceSettings {
  const { name, version, createdAt, deletingAt } = row;
  return { name, version, createdAt, limits: { ...DEFAULT_NAMESPACE_LIMITS, ...row.limits }, deletingAt };
}

/** What all keys of a namespace may spend together, whose limits are these where any were set. Null: no limit. */
export function rateLimitOf(limits: Partial<NamespaceLimits> | null): number | null {
  return { ...DEFAULT_NAMESPACE_LIMITS, ...limits }.rateLimit;
}

export async function findNamespace(db: Db, name: string): Promise<NamespaceRow | null> {
  const rows = await db.select().from(namespaces).where(eq(namespaces.name, name)).limit(1);
  return rows[0] ?? null;
}

/** Writes the namespace unless it exists; true when this call made it. */
export async function createNamespace(db: Db, namespace: { name: string; createdAt: number }): Promise<boolean> {
  const rows = await db
    .insert(namespaces)
    .values({ ...namespace, updatedAt: namespace.createdAt })
    .onConflictDoNothing()
    .returning({ name: namespaces.name });
  return rows.length > 0;
}

/** What a change of a namespace writes. */
export type NamespaceChange = Pick<NamespaceRow, "name" | "version" | "createdAt" | "updatedAt" | "limits">;

/**
 * Writes the next version of a namespace. False when another write came between (`version` must be one above what is stored),
 * and when the namespace is being deleted.
 */
export async function writeNamespace(db: Db, change: NamespaceChange): Promise<boolean> {
  const { version, limits, updatedAt } = change;
  const rows = await db
    .insert(namespaces)
    .values(change)
    .onConflictDoUpdate({
      target: namespaces.name,
      set: { version, limits, updatedAt },
      setWhere: sql`${namespaces.version} = ${version - 1} AND ${namespaces.deletingAt} IS NULL`,
    })
    .returning({ version: namespaces.version });
  return rows.length > 0;
}

/** Namespaces, the newest first and by name where two are as old, at most `limit`, after `after`. */
export function listNamespaces(
  db: Db,
  { after, limit }: { after: { createdAt: number; name: string } | null; limit: number },
): Promise<NamespaceRow[]> {
  const { createdAt, name } = namespaces;
  const rest =
    after === null
      ? undefined
      : or(lt(createdAt, after.createdAt), and(eq(createdAt, after.createdAt), gt(name, after.name)));
  return db.select().from(namespaces).where(rest).orderBy(desc(createdAt), asc(name)).limit(limit);
}

/** Namespaces written at or after `since`, in the order of their names, at most `limit` after `after`. */
export function walkNamespaces(
  db: Db,
  since: number,
  { after, limit }: { after: string | null; limit: number },
): Promise<NamespaceRow[]> {
  const rest = after === null ? undefined : gt(namespaces.name, after);
  return db
    .select()
    .from(namespaces)
    .where(and(gte(namespaces.updatedAt, since), rest))
    .orderBy(asc(namespaces.name))
    .limit(limit);
}

/** Every namespace's name, for housekeeping. */
export async function namespaceNames(db: Db): Promise<string[]> {
  const rows = await db.select({ name: namespaces.name }).from(namespaces).orderBy(asc(namespaces.name));
  return rows.map((row) => row.name);
}

/** Namespaces that are being deleted, the first first. */
export function deletingNamespaces(db: Db, limit: number): Promise<NamespaceRow[]> {
  return db
    .select()
    .from(namespaces)
    .where(isNotNull(namespaces.deletingAt))
    .orderBy(asc(namespaces.deletingAt))
    .limit(limit);
}
