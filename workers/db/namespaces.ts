import { asc, eq } from "drizzle-orm";
import type { Db } from "./client.ts";
import { namespaces } from "./schema.ts";

/** A tenant. */
export type NamespaceRow = typeof namespaces.$inferSelect;

export async function findNamespace(db: Db, name: string): Promise<NamespaceRow | null> {
  const rows = await db.select().from(namespaces).where(eq(namespaces.name, name)).limit(1);
  return rows[0] ?? null;
}

/** Writes the namespace unless it exists; true when this call made it. */
export async function createNamespace(db: Db, namespace: NamespaceRow): Promise<boolean> {
  const rows = await db.insert(namespaces).values(namespace).onConflictDoNothing().returning({ name: namespaces.name });
  return rows.length > 0;
}

/** Every namespace's name, for housekeeping. */
export async function namespaceNames(db: Db): Promise<string[]> {
  const rows = await db.select({ name: namespaces.name }).from(namespaces).orderBy(asc(namespaces.name));
  return rows.map((row) => row.name);
}
