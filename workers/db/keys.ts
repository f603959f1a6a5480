import { and, desc, eq, isNull, lt, or, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { mayHaveKey } from "./namespace-limits.ts";
import { apiKeys } from "./schema.ts";

/** An API key without its token: `hash` is the SHA-256 of the whole token, hex. */
export type KeyRow = typeof apiKeys.$inferSelect;

/** The key, revoked and expired ones too, or null. */
export async function findKey(db: Db, id: string): Promise<KeyRow | null> {
  const rows = await db.select().from(apiKeys).where(eq(apiKeys.id, id)).limit(1);
  return rows[0] ?? null;
}

/**
 * Writes a new key; false where its namespace has as many as it may, or is being deleted. Throws when the id is taken: ids are
 * drawn from 80 bits of randomness.
 */
export async function insertKey(db: Db, key: KeyRow): Promise<boolean> {
  const { id, namespace, name, hash, scopes, createdAt, expiresAt, revokedAt } = key;
  const rows = await db.all(sql`
    INSERT INTO api_keys (id, namespace, name, hash, scopes, created_at, expires_at, revoked_at)
    SELECT ${id}, ${namespace}, ${name}, ${hash}, ${JSON.stringify(scopes)}, ${createdAt}, ${expiresAt}, ${revokedAt}
    WHERE ${mayHaveKey(namespace, createdAt)} RETURNING id`);
  return rows.length > 0;
}

/** Keys of a namespace that are not revoked, newest id first, at most `limit`, below `before`. */
export function listKeys(db: Db, page: { namespace: string; before: string | null; limit: number }): Promise<KeyRow[]> {
  const below = page.before === null ? undefined : lt(apiKeys.id, page.before);
  return db
    .select()
    .from(apiKeys)
    .where(and(eq(apiKeys.namespace, page.namespace), isNull(apiKeys.revokedAt), below))
    .orderBy(desc(apiKeys.id))
    .limit(page.limit);
}

/** Revokes the key; false when the namespace has no such key that still works. */
export async function revokeKey(db: Db, key: { namespace: string; id: string }, now: number): Promise<boolean> {
  const rows = await db
    .update(apiKeys)
    .set({ revokedAt: now })
    .where(and(eq(apiKeys.id, key.id), eq(apiKeys.namespace, key.namespace), isNull(apiKeys.revokedAt)))
    .returning({ id: apiKeys.id });
  return rows.length > 0;
}

/** Forgets keys that were revoked or ran out before `before`. */
export async function forgetKeys(db: Db, before: number): Promise<void> {
  await db.delete(apiKeys).where(or(lt(apiKeys.revokedAt, before), lt(apiKeys.expiresAt, before)));
}
