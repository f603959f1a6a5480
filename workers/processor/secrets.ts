import type { Vault } from "../crypto/vault.ts";
import { primary } from "../db/client.ts";
import { openSecret, signing, signingSecrets, type WebhookSecretRow } from "../db/webhook-secrets.ts";
import type { Secrets } from "./executors/webhook.ts";

/**
 * Jobs that start within a second share one read, and what was opened. A rotation acts after that; until then the secret before it
 * signs, which receivers take for a day.
 */
const CACHE_MS = 1_000;

export interface SecretPorts {
  db: D1Database;
  vault: Vault;
  /** Epoch milliseconds. */
  now(): number;
  randomBytes(count: number): Uint8Array;
}

/** The secrets read last, as they are stored and as they sign, with when. One for an isolate. */
export type SecretCache = Map<string, { readAt: number; rows: WebhookSecretRow[]; opened: Secrets }>;

/**
 * The secrets that sign `namespace`'s webhooks now, the current one first. While the database cannot be asked, the
 * ones read last go on; rejects when there are none.
 */
export async function webhookSecrets(ports: SecretPorts, cache: SecretCache, namespace: string): Promise<Secrets> {
  const known = cache.get(namespace);
  const age = known === undefined ? Number.POSITIVE_INFINITY : ports.now() - known.readAt;
  if (known !== undefined && age >= 0 && age < CACHE_MS) return known.opened;
  try {
    const { vault, randomBytes } = ports;
    const now = ports.now();
    const rows = await signingSecrets({ db: primary(ports.db), vault, now, randomBytes }, namespace);
    const fresh = await opened(ports, rows);
    cache.set(namespace, { readAt: ports.now(), rows, opened: fresh });
    return fresh;
  } catch (error) {
    if (known === undefined) throw error;
    return opened(ports, known.rows);
  }
}

async function opened({ vault, now }: SecretPorts, rows: WebhookSecretRow[]): Promise<Secrets> {
  const secrets = await Promise.all(signing(rows, now()).map((row) => openSecret(vault, row)));
  const readable = secrets.filter((secret) => secret !== null);
  if (readable.length < secrets.length || readable.length === 0)
    throw new Error("the namespace has no webhook secret that opens under the master keys");
  return readable;
}
