import { isProblem, type Result, unavailable } from "../../../contract/problems.ts";
import type { Vault } from "../../crypto/vault.ts";
import { primary } from "../../db/client.ts";
import { createNamespace, findNamespace, type NamespaceRow } from "../../db/namespaces.ts";
import { openSecret, rotateSecret, type SecretStore, signingSecrets } from "../../db/webhook-secrets.ts";
import { fromDatabase } from "../database.ts";

/** The namespace's row. `default`, which always exists, gets its row when it is first asked for. */
export async function namespaceRow(database: D1Database, name: string, now: number): Promise<NamespaceRow | null> {
  const db = primary(database);
  const row = await findNamespace(db, name);
  if (row !== null || name !== "default") return row;
  await createNamespace(db, { name, createdAt: now });
  return findNamespace(db, name);
}

/** What webhook secrets are read and made with. */
export function secretStore({ database, vault }: { database: D1Database; vault: Vault }, now: number): SecretStore {
  return {
    db: primary(database),
    vault,
    now,
    randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
  };
}

/** The secrets that sign a namespace's webhooks now, the current one first: what `GET /v1/webhook-secret` shows. */
export async function openSecrets(store: SecretStore, namespace: string): Promise<Result<string[]>> {
  const rows = await fromDatabase(() => signingSecrets(store, namespace));
  if (isProblem(rows)) return rows;
  const opened = await Promise.all(rows.map((row) => openSecret(store.vault, row)));
  const secrets = opened.filter((secret) => secret !== null);
  return secrets.length < opened.length
    ? unavailable.because("A secret does not open under the master keys of this deployment.")
    : secrets;
}

/** Makes a new secret the current one. False where as many sign already as may. */
export function rotate(store: SecretStore, namespace: string): Promise<Result<boolean>> {
  return fromDatabase(() => rotateSecret(store, namespace));
}
