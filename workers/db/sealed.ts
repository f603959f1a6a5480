import { and, eq, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { webhookSecrets } from "./schema.ts";

/** Finds what is stored in clear, or sealed under another key than the current one. */

/** Tables of settings with targets. */
export type SealedTable = "queues" | "subscriptions";

/** As the indexes of `migrations/0008_secrets.sql` have it, word for word. */
const SEALED_BY = sql.raw(
  "CASE WHEN json_extract(settings, '$.target.type') = 'http' THEN coalesce(json_extract(settings, '$.target.sealedBy'), '') END",
);
/** What `sealedBy` says of a target that has no secrets. */
export const NO_SECRETS = "none";

/**
 * Names of settings that are sealed under the key of this id, '' for those in clear, at most `limit`; by chance, so that one that cannot be
 * sealed again does not keep others from it.
 */
export async function settingsUnder(
  db: Db,
  table: SealedTable,
  { keyId, limit }: { keyId: string; limit: number },
): Promise<{ namespace: string; name: string }[]> {
  return db.all(sql`
    SELECT namespace, name FROM ${sql.identifier(table)} WHERE ${SEALED_BY} = ${keyId} ORDER BY random() LIMIT ${limit}`);
}

/** Webhook secrets under a key, likewise. */
export async function webhookSecretsUnder(db: Db, { keyId, limit }: { keyId: string; limit: number }) {
  return db.select().from(webhookSecrets).where(eq(webhookSecrets.sealedBy, keyId)).orderBy(sql`random()`).limit(limit);
}

/** Writes a webhook secret that was sealed again, unless somebody else has. */
export async function writeSealedSecret(
  db: Db,
  row: typeof webhookSecrets.$inferSelect,
  next: { secret: string; sealedBy: string },
): Promise<void> {
  const { namespace, number, secret } = row;
  await db
    .update(webhookSecrets)
    .set(next)
    .where(
      and(
        eq(webhookSecrets.namespace, namespace),
        eq(webhookSecrets.number, number),
        eq(webhookSecrets.secret, secret),
      ),
    );
}

/** How many settings and secrets are not sealed under the key of this id. Each is an entry of an index. */
export async function countNotUnder(db: Db, keyId: string): Promise<number> {
  const settings = (table: SealedTable) =>
    sql`(SELECT count(*) FROM ${sql.identifier(table)} WHERE ${SEALED_BY} IS NOT NULL AND ${SEALED_BY} NOT IN (${keyId}, ${NO_SECRETS}))`;
  const secrets = sql`(SELECT count(*) FROM webhook_secrets WHERE sealed_by <> ${keyId})`;
  const rows = await db.all<{ n: number }>(
    sql`SELECT ${settings("queues")} + ${settings("subscriptions")} + ${secrets} AS n`,
  );
  return rows[0]?.n ?? 0;
}
