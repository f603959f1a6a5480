import { primary } from "../../db/client.ts";
import { createNamespace, findNamespace, type NamespaceRow } from "../../db/namespaces.ts";
import { toBase64 } from "../bytes.ts";

/** 256 bits, in the middle of the 24 to 64 bytes of Standard Webhooks. */
const SECRET_BYTES = 32;
/** How long the previous secret signs beside the current one. */
export const ROTATION_MS = 24 * 3_600_000;

/** A fresh signing secret: `whsec_` and base64. */
export function makeWebhookSecret(): string {
  return `whsec_${toBase64(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)))}`;
}

/** The namespace's row. `default`, which always exists, gets its row when it is first asked for. */
export async function namespaceRow(database: D1Database, name: string, now: number): Promise<NamespaceRow | null> {
  const db = primary(database);
  const row = await findNamespace(db, name);
  if (row !== null || name !== "default") return row;
  await createNamespace(db, { name, createdAt: now, webhookSecret: makeWebhookSecret() });
  return findNamespace(db, name);
}
