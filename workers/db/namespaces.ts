import { asc, eq, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { namespaces } from "./schema.ts";

/** A tenant, with the secrets that sign its webhooks ("whsec_..."). */
export type NamespaceRow = typeof namespaces.$inferSelect;

export async function findNamespace(db: Db, name: string): Promise<NamespaceRow | null> {
  const rows = await db.select().from(namespaces).where(eq(namespaces.name, name)).limit(1);
  return rows[0] ?? null;
}

/** Writes the namespace unless it exists; true when this call made it. */
export async function createNamespace(
  db: Db,
  namespace: { name: string; createdAt: number; webhookSecret: string },
): Promise<boolean> {
  const rows = await db.insert(namespaces).values(namespace).onConflictDoNothing().returning({ name: namespaces.name });
  return rows.length > 0;
}

/** Makes `secret` the current one and keeps the one before it. Null when there is no such namespace. */
export async function rotateSecret(
  db: Db,
  namespace: string,
  next: { secret: string; now: number },
): Promise<NamespaceRow | null> {
  const rows = await db
    .update(namespaces)
    .set({
      // Every expression sees the row as it was, so the old secret moves over in the same statement.
      webhookPrevious: sql`${namespaces.webhookSecret}`,
      webhookSecret: next.secret,
      webhookRotatedAt: next.now,
    })
    .where(eq(namespaces.name, namespace))
    .returning();
  return rows[0] ?? null;
}

/** Every namespace's name, for housekeeping. */
export async function namespaceNames(db: Db): Promise<string[]> {
  const rows = await db.select({ name: namespaces.name }).from(namespaces).orderBy(asc(namespaces.name));
  return rows.map((row) => row.name);
}
