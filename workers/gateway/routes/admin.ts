import { Hono } from "hono";
import { KeyBody, type KeyView, NamespaceBody, SCOPES, type Scope } from "../../../contract/admin.ts";
import { sha256Hex } from "../../../contract/hash.ts";
import { PageQuery } from "../../../contract/list.ts";
import { Name } from "../../../contract/primitives.ts";
import { EmptyBody } from "../../../contract/queue.ts";
import { formatTimestamp, parseTimestamp } from "../../../contract/time.ts";
import { primary } from "../../db/client.ts";
import { insertKey, type KeyRow, listKeys, revokeKey } from "../../db/keys.ts";
import { createNamespace, type NamespaceRow, rotateSecret } from "../../db/namespaces.ts";
import { type Caller, requireScope } from "../access/auth.ts";
import { makeKeyId, makeToken } from "../access/token.ts";
import { makeWebhookSecret, namespaceRow, ROTATION_MS } from "../access/webhook-secret.ts";
import type { AppContext, AppEnv } from "../context.ts";
import { makeCursor, openCursor } from "../http/cursor.ts";
import { invalidField, Refusal } from "../http/refusal.ts";
import { readJson, readOptionalJson, validated, validatedQuery } from "../http/request-body.ts";
import { orUnavailable } from "../jobs/job-read.ts";

/** API keys. A token is in the answer that makes it, and nowhere else. */
export const keyRoutes = new Hono<AppEnv>()
  .post("/", async (c) => {
    requireScope(c.var.caller, "admin");
    const body = validated(KeyBody, await readJson(c));
    const now = Date.now();
    const namespace = await namespaceFor(c, body.namespace, now);
    const expiresAt = body.expiresAt === undefined ? null : parseTimestamp(body.expiresAt);
    if (expiresAt !== null && expiresAt <= now) throw invalidField("/expiresAt", "must be in the future");
    const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);
    const id = makeKeyId(now, random);
    const key = makeToken(id, random);
    const hash = await sha256Hex(key);
    const row = {
      id,
      namespace,
      name: body.name,
      hash,
      scopes: body.scopes,
      createdAt: now,
      expiresAt,
      revokedAt: null,
    };
    await orUnavailable(() => insertKey(primary(c.env.DB), row));
    return c.json({ ...keyView(row), key }, 201);
  })
  .get("/", async (c) => {
    requireScope(c.var.caller, "admin");
    const { namespace } = c.var.caller;
    const { signer } = c.var.services;
    const query = validatedQuery(c, PageQuery);
    const list = `keys:${namespace}`;
    const before = await openCursor(signer, list, query.cursor);
    const page = { namespace, before, limit: query.limit + 1 };
    const rows = await orUnavailable(() => listKeys(primary(c.env.DB), page));
    const items = rows.slice(0, query.limit);
    const last = items.at(-1);
    const more = rows.length > query.limit && last !== undefined;
    return c.json({ items: items.map(keyView), nextCursor: more ? await makeCursor(signer, list, last.id) : null });
  })
  .delete("/:id", async (c) => {
    requireScope(c.var.caller, "admin");
    const key = { namespace: c.var.caller.namespace, id: c.req.param("id") };
    const revoked = await orUnavailable(() => revokeKey(primary(c.env.DB), key, Date.now()));
    if (!revoked) throw new Refusal("key-not-found", "The namespace has no such key.");
    c.var.services.auth.forget(key.id);
    return c.body(null, 204);
  });

/** Tenants. Only the root key makes them. */
export const namespaceRoutes = new Hono<AppEnv>().put("/:name", async (c) => {
  requireRoot(c.var.caller);
  validated(NamespaceBody, await readOptionalJson(c));
  const name = c.req.param("name");
  if (!Name.safeParse(name).success) throw invalidField("", "the namespace's name in the path is not valid");
  const namespace = { name, createdAt: Date.now(), webhookSecret: makeWebhookSecret() };
  const created = await orUnavailable(() => createNamespace(primary(c.env.DB), namespace));
  const row = await existingRow(c, name);
  return c.json({ name, createdAt: formatTimestamp(row.createdAt) }, created ? 201 : 200);
});

/** The secrets that sign what HTTP targets of the namespace receive. */
export const webhookRoutes = new Hono<AppEnv>()
  .get("/", async (c) => {
    requireScope(c.var.caller, "admin");
    return c.json(secretView(await existingRow(c, c.var.caller.namespace), Date.now()));
  })
  .post("/rotate", async (c) => {
    requireScope(c.var.caller, "admin");
    validated(EmptyBody, await readOptionalJson(c));
    const { namespace } = c.var.caller;
    await existingRow(c, namespace);
    const next = { secret: makeWebhookSecret(), now: Date.now() };
    const row = await orUnavailable(() => rotateSecret(primary(c.env.DB), namespace, next));
    if (row === null) throw namespaceNotFound(namespace);
    return c.json(secretView(row, next.now));
  });

export function namespaceNotFound(name: string): Refusal {
  return new Refusal("namespace-not-found", `There is no namespace "${name.slice(0, 80)}".`);
}

export function requireRoot(caller: Caller): void {
  if (!caller.root) throw new Refusal("forbidden", "Only the root key may do this.");
}

async function namespaceFor(c: AppContext, named: string | undefined, now: number): Promise<string> {
  if (named === undefined) return c.var.caller.namespace;
  requireRoot(c.var.caller);
  if (!(await c.var.services.auth.namespaceExists(named, now))) throw namespaceNotFound(named);
  return named;
}

async function existingRow(c: AppContext, name: string): Promise<NamespaceRow> {
  const row = await orUnavailable(() => namespaceRow(c.env.DB, name, Date.now()));
  if (row === null) throw namespaceNotFound(name);
  return row;
}

function keyView(row: KeyRow): KeyView {
  const isScope = (scope: string): scope is Scope => SCOPES.some((known) => known === scope);
  return {
    id: row.id,
    name: row.name,
    scopes: row.scopes.filter(isScope),
    namespace: row.namespace,
    createdAt: formatTimestamp(row.createdAt),
    expiresAt: row.expiresAt === null ? null : formatTimestamp(row.expiresAt),
  };
}

/** The previous secret is told only while it still signs. */
function secretView(row: NamespaceRow, now: number): { current: string; previous: string | null } {
  const signs = row.webhookRotatedAt !== null && row.webhookRotatedAt + ROTATION_MS > now;
  return { current: row.webhookSecret, previous: signs ? row.webhookPrevious : null };
}
