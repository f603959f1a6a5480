import { and, desc, eq, getTableColumns, isNull, lt, or, sql } from "drizzle-orm";
import type { RevokedKey } from "../../contract/rpc.ts";
import type { NamespaceLimits } from "../../domain/namespace.ts";
import type { Db } from "./client.ts";
import { mayHaveKey } from "./namespace-limits.ts";
import { apiKeys, namespaces } from "./schema.ts";

/** An API key without its token: `hash` is the SHA-256 of the whole token, hex. */
export type KeyRow = typeof apiKeys.$inferSelect;

/** A key with those limits of its namespace that were set; null where that has no row. */
export type FoundKey = KeyRow & { limits: Partial<NamespaceLimits> | null };

/** The key, revoked and expired ones too, or null. */
export async function findKey(db: Db, id: string): Promise<FoundKey | null> {
  const rows = await db
    .select({ ...getTableColumns(apiKeys), limits: namespaces.limits })
    .from(apiKeys)
    .leftJoin(namespaces, eq(namespaces.name, apiKeys.namespace))
    .where(eq(apiKeys.id, id))
    .limit(1);
  return rows[0] ?? null;
}

/**
/** What came of writing a new key: `orphan`, where the key that makes it is revoked, `refused` where its namespace has as many as it may. */
export type KeyInserted = "inserted" | "orphan" | "refused";

/**
 * Writes a new key, unless the key that makes it is revoked by then, so that a key that is being revoked leaves no child behind,
 * whatever the isolate that makes one still believes of it; and unless its namespace has as many as it may, or is being deleted.
 * Throws when the id is taken: ids are drawn from 50 bits of randomness and the time.
 */
export async function insertKey(db: Db, key: KeyRow): Promise<KeyInserted> {
  const mayBeMade = sql`(${key.parent} IS NULL OR EXISTS (SELECT 1 FROM api_keys WHERE id = ${key.parent} AND revoked_at IS NULL))`;
  const written = await db.all(sql`
    INSERT INTO ${apiKeys} (id, namespace, name, hash, scopes, created_at, expires_at, parent, ancestors)
    SELECT ${key.id}, ${key.namespace}, ${key.name}, ${key.hash}, ${JSON.stringify(key.scopes)}, ${key.createdAt},
      ${key.expiresAt}, ${key.parent}, ${JSON.stringify(key.ancestors)}
    WHERE ${mayBeMade} AND ${mayHaveKey(key.namespace, key.createdAt)}
    RETURNING id`);
  if (written.length > 0) return "inserted";
  const [row] = await db.all<{ made: number }>(sql`SELECT ${mayBeMade} AS made`);
  return row?.made === 0 ? "orphan" : "refused";
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

/**
 * Revokes keys, and all that they made, and that those made, in one statement. Answers the ids of those that worked until
 * then: none where the namespace has no such key that still works.
 */
export async function revokeKeys(db: Db, keys: readonly RevokedKey[], now: number): Promise<string[]> {
  const rows = await db.all<{ id: string }>(sql`
    WITH RECURSIVE revoked (id) AS (
      SELECT named.id FROM (SELECT value ->> 'keyId' AS id, value ->> 'namespace' AS namespace
        FROM json_each(${JSON.stringify(keys)})) AS named
      CROSS JOIN api_keys AS k ON k.id = named.id AND k.namespace = named.namespace
      UNION
      SELECT child.id FROM revoked CROSS JOIN api_keys AS child ON child.parent = revoked.id
    )
    UPDATE ${apiKeys} SET revoked_at = ${now} WHERE id IN (SELECT id FROM revoked) AND revoked_at IS NULL
    RETURNING id`);
  return rows.map(({ id }) => id);
}

/** Notes that the key was used in the hour that begins at `hour`. Writes nothing where that is known, or a later one. */
export async function noteKeyUse(db: Db, id: string, hour: number): Promise<void> {
  await db
    .update(apiKeys)
    .set({ lastUsedAt: hour })
    .where(and(eq(apiKeys.id, id), or(isNull(apiKeys.lastUsedAt), lt(apiKeys.lastUsedAt, hour))));
}

/** Forgets keys that were revoked or ran out before `before`. */
export async function forgetKeys(db: Db, before: number): Promise<void> {
  await db.delete(apiKeys).where(or(lt(apiKeys.revokedAt, before), lt(apiKeys.expiresAt, before)));
}
