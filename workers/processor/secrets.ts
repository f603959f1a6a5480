import { primary } from "../db/client.ts";
import { createNamespace, findNamespace, type NamespaceRow } from "../db/namespaces.ts";
import type { Secrets } from "./executors/webhook.ts";

/** Jobs that start together share one read; a rotation acts on the next, for a receiver may know only the new secret. */
const CACHE_MS = 50;
const PREVIOUS_SIGNS_MS = 24 * 3600 * 1000;
/** Standard Webhooks asks for 24 to 64 bytes. */
const SECRET_BYTES = 32;

export interface SecretPorts {
  db: D1Database;
  /** Epoch milliseconds. */
  now(): number;
  randomBytes(count: number): Uint8Array;
}

/** The secrets read last, with when. One for an isolate. */
export type SecretCache = Map<string, { readAt: number; row: NamespaceRow }>;

/**
 * The secrets that sign `namespace`'s webhooks now, the current one first. While the database cannot be asked, the
 * ones read last go on; rejects when there are none.
 */
export async function webhookSecrets(ports: SecretPorts, cache: SecretCache, namespace: string): Promise<Secrets> {
  const known = cache.get(namespace);
  if (known !== undefined && ports.now() - known.readAt < CACHE_MS) return secretsOf(known.row, ports.now());
  try {
    const row = await readOrCreate(ports, namespace);
    cache.set(namespace, { readAt: ports.now(), row });
    return secretsOf(row, ports.now());
  } catch (error) {
    if (known === undefined) throw error;
    return secretsOf(known.row, ports.now());
  }
}

const DEFAULT_NAMESPACE = "default";

/** `default` exists from the start, but gets its secret from whoever needs one first. */
async function readOrCreate(ports: SecretPorts, namespace: string): Promise<NamespaceRow> {
  const db = primary(ports.db);
  const found = await findNamespace(db, namespace);
  if (found !== null) return found;
  // A namespace that was deleted while its job ran must not come back by it.
  if (namespace !== DEFAULT_NAMESPACE) throw new Error(`there is no namespace ${namespace}`);
  const webhookSecret = `whsec_${btoa(String.fromCharCode(...ports.randomBytes(SECRET_BYTES)))}`;
  await createNamespace(db, { name: namespace, createdAt: ports.now(), webhookSecret });
  // Somebody else may have been first: theirs is the one.
  const made = await findNamespace(db, namespace);
  if (made === null) throw new Error(`the namespace ${namespace} could not be made`);
  return made;
}

function secretsOf(row: NamespaceRow, now: number): Secrets {
  const previousSigns =
    row.webhookPrevious !== null && row.webhookRotatedAt !== null && now - row.webhookRotatedAt < PREVIOUS_SIGNS_MS;
  return previousSigns && row.webhookPrevious !== null ? [row.webhookSecret, row.webhookPrevious] : [row.webhookSecret];
}
