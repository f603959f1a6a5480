import { desc, eq, sql } from "drizzle-orm";
import { toBase64 } from "../crypto/bytes.ts";
import { webhookPlace } from "../crypto/places.ts";
import { isSealed, type Vault } from "../crypto/vault.ts";
import type { Db } from "./client.ts";
import { webhookSecrets } from "./schema.ts";

/** 256 bits, in the middle of the 24 to 64 bytes of Standard Webhooks. */
const SECRET_BYTES = 32;
/** How long a secret signs beside the one that came after it. */
export const ROTATION_MS = 24 * 3_600_000;
/** Each signature is some 50 characters of a header. */
export const MAX_SIGNING = 10;

/** What reading and making secrets needs. */
export interface SecretStore {
  db: Db;
  vault: Vault;
  /** Epoch ms. */
  now: number;
  randomBytes(count: number): Uint8Array;
}

export type WebhookSecretRow = typeof webhookSecrets.$inferSelect;

/**
 * The secrets that sign a namespace's webhooks now, as they are stored, the current one first. The first is made when it is first
 * asked for. None where there is no such namespace; `default` always is.
 */
export async function signingSecrets(store: SecretStore, namespace: string): Promise<WebhookSecretRow[]> {
  const rows = await readSecrets(store.db, namespace);
  if (rows.length > 0) return signing(rows, store.now);
  const { secret, sealedBy } = await freshSecret(store, namespace);
  // Somebody else may have been first: theirs is the one.
  await store.db.run(sql`
    INSERT INTO webhook_secrets (namespace, number, secret, sealed_by, created_at)
    SELECT ${namespace}, 1, ${secret}, ${sealedBy}, ${store.now}
    WHERE ${namespace} = 'default' OR EXISTS (SELECT 1 FROM namespaces WHERE name = ${namespace})
    ON CONFLICT DO NOTHING`);
  return signing(await readSecrets(store.db, namespace), store.now);
}

/**
 * Makes a new secret the current one; those that signed go on for a day. False where `MAX_SIGNING` sign already. Secrets that
 * sign no more are forgotten.
 */
export async function rotateSecret(store: SecretStore, namespace: string): Promise<boolean> {
  const { secret, sealedBy } = await freshSecret(store, namespace);
  const forget = sql`
    DELETE FROM webhook_secrets WHERE namespace = ${namespace} AND EXISTS (
      SELECT 1 FROM webhook_secrets AS newer WHERE newer.namespace = webhook_secrets.namespace
        AND newer.number > webhook_secrets.number AND newer.created_at <= ${store.now - ROTATION_MS})`;
  const add = sql`
    INSERT INTO webhook_secrets (namespace, number, secret, sealed_by, created_at)
    SELECT ${namespace}, coalesce(max(number), 0) + 1, ${secret}, ${sealedBy}, ${store.now}
    FROM webhook_secrets WHERE namespace = ${namespace} HAVING count(*) < ${MAX_SIGNING}
    RETURNING number`;
  await store.db.run(forget);
  return (await store.db.all(add)).length > 0;
}

/** The secret itself; null where it does not open under the keys of this deployment. */
export async function openSecret(vault: Vault, { namespace, secret }: WebhookSecretRow): Promise<string | null> {
  return isSealed(secret) ? vault.open(webhookPlace(namespace), secret) : secret;
}

function readSecrets(db: Db, namespace: string): Promise<WebhookSecretRow[]> {
  return db
    .select()
    .from(webhookSecrets)
    .where(eq(webhookSecrets.namespace, namespace))
    .orderBy(desc(webhookSecrets.number));
}

/** Of all rows, the latest first, those that sign: the current one, and each whose successor is younger than a day. */
export function signing<Row extends Pick<WebhookSecretRow, "createdAt">>(rows: Row[], now: number): Row[] {
  return rows.filter((_, i) => {
    const successor = rows[i - 1];
    return successor === undefined || successor.createdAt + ROTATION_MS > now;
  });
}

/** `whsec_` and base64, sealed. */
async function freshSecret({ vault, randomBytes }: SecretStore, namespace: string) {
  const secret = await vault.seal(webhookPlace(namespace), `whsec_${toBase64(randomBytes(SECRET_BYTES))}`);
  return { secret, sealedBy: await vault.keyId() };
}
