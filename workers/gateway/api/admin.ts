import { type KeyView, SCOPES, type Scope } from "../../../contract/admin.ts";
import { sha256Hex } from "../../../contract/hash.ts";
import {
  access,
  invalid,
  isProblem,
  notFound,
  type Problem,
  type Result,
  unavailable,
} from "../../../contract/problems.ts";
import { formatTimestamp, parseTimestamp } from "../../../contract/time.ts";
import { primary } from "../../db/client.ts";
import { insertKey, type KeyRow, listKeys as readKeys, revokeKey as revoke } from "../../db/keys.ts";
import { type NamespaceRow, rotateSecret } from "../../db/namespaces.ts";
import { makeKeyId, makeToken } from "../access/token.ts";
import { makeWebhookSecret, namespaceRow, ROTATION_MS } from "../access/webhook-secret.ts";
import { created, DELETED, done } from "../answered.ts";
import type { Context } from "../context.ts";
import { fromDatabase } from "../database.ts";
import { pageOf } from "../resources/page.ts";
import { whyUnwritten } from "../resources/within-limit.ts";
import type { UseCase } from "./use-case.ts";

/** A key's token is in the answer that makes it, and nowhere else. */
export const createKey: UseCase<"createKey"> = async (context, { body }) => {
  const now = context.clock();
  const namespace = await namespaceFor(context, body.namespace);
  if (isProblem(namespace)) return namespace;
  const expiresAt = body.expiresAt === undefined ? null : parseTimestamp(body.expiresAt);
  if (expiresAt !== null && expiresAt <= now) return invalid.field("/expiresAt", "expiresAt has to be in the future.");
  const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);
  const id = makeKeyId(now, random);
  const key = makeToken(id, random);
  const { name, scopes } = body;
  const row = { id, namespace, name, hash: await sha256Hex(key), scopes, createdAt: now, expiresAt, revokedAt: null };
  const inserted = await fromDatabase(() => insertKey(primary(context.services.database), row));
  if (isProblem(inserted)) return inserted;
  if (!inserted) return whyNoKey(context, namespace);
  return created({ ...keyView(row), key });
};

async function whyNoKey({ services }: Context, namespace: string): Promise<Problem> {
  const why = await whyUnwritten(services.database, "keys", { namespace, isNew: true });
  // It had as many as it may a moment ago.
  return isProblem(why) ? why : unavailable.contended("namespace");
}

async function namespaceFor({ caller, services, clock }: Context, named: string | undefined): Promise<Result<string>> {
  if (named === undefined) return caller.namespace;
  if (!caller.root) return access.forbidden("Only the root key may do this.");
  const exists = await services.auth.namespaceExists(named, clock());
  if (isProblem(exists)) return exists;
  return exists ? named : notFound.namespace(named);
}

export const listKeys: UseCase<"listKeys"> = async ({ caller, services }, { query }) => {
  const { namespace } = caller;
  const page = await pageOf(services.signer, query, {
    name: `keys:${namespace}`,
    read: (before, limit) => fromDatabase(() => readKeys(primary(services.database), { namespace, before, limit })),
    placeOf: ({ id }) => id,
    views: async (rows) => rows.map(keyView),
  });
  return isProblem(page) ? page : done(page);
};

export const revokeKey: UseCase<"revokeKey"> = async ({ caller, services, clock }, { params }) => {
  const key = { namespace: caller.namespace, id: params.id };
  const revoked = await fromDatabase(() => revoke(primary(services.database), key, clock()));
  if (isProblem(revoked)) return revoked;
  if (!revoked) return notFound.key();
  services.auth.forget(key.id);
  return DELETED;
};

/** The secrets that sign what HTTP targets of the namespace receive. */
export const getWebhookSecret: UseCase<"getWebhookSecret"> = async (context) => {
  const row = await existingRow(context, context.caller.namespace);
  return isProblem(row) ? row : done(secretView(row, context.clock()));
};

export const rotateWebhookSecret: UseCase<"rotateWebhookSecret"> = async (context) => {
  const { namespace } = context.caller;
  const before = await existingRow(context, namespace);
  if (isProblem(before)) return before;
  const next = { secret: makeWebhookSecret(), now: context.clock() };
  const row = await fromDatabase(() => rotateSecret(primary(context.services.database), namespace, next));
  if (isProblem(row)) return row;
  return row === null ? notFound.namespace(namespace) : done(secretView(row, next.now));
};

async function existingRow({ services, clock }: Context, name: string): Promise<Result<NamespaceRow>> {
  const row = await fromDatabase(() => namespaceRow(services.database, name, clock()));
  return row ?? notFound.namespace(name);
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
