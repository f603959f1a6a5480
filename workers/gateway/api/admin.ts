import { type KeyBody, type KeyView, SCOPES, type Scope, type WebhookSecretView } from "../../../contract/admin.ts";
import type { AuditLogEntryView } from "../../../contract/audit-log.ts";
import { sha256Hex } from "../../../contract/hash.ts";
import { MAX_KEY_ANCESTORS } from "../../../contract/limits.ts";
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
import { type AuditLogRow, listAuditLog as readAuditLog } from "../../db/audit-log.ts";
import { primary } from "../../db/client.ts";
import { insertKey, type KeyRow, listKeys as readKeys, revokeKeys } from "../../db/keys.ts";
import type { NamespaceRow } from "../../db/namespaces.ts";
import { MAX_SIGNING, ROTATION_MS, type SecretStore } from "../../db/webhook-secrets.ts";
import type { Caller } from "../access/auth.ts";
import { isKeyId, makeKeyId, makeToken } from "../access/token.ts";
import { namespaceRow, openSecrets, rotate, secretStore } from "../access/webhook-secret.ts";
import { type Answered, created, DELETED, done } from "../answered.ts";
import type { Context } from "../context.ts";
import { fromDatabase } from "../database.ts";
import { LATE, within } from "../deadline.ts";
import { pageOf } from "../resources/page.ts";
import { whyUnwritten } from "../resources/within-limit.ts";
import type { UseCase } from "./use-case.ts";

/** How long a revocation waits for D1 before it is noted with the Directory alone. */
const REVOKE_MS = 5000;

/** A key's token is in the answer that makes it, and nowhere else. */
export const createKey: UseCase<"createKey"> = async (context, { body }) => {
  const now = context.clock();
  const namespace = await namespaceFor(context, body.namespace);
  if (isProblem(namespace)) return namespace;
  const given = whatItGives(context.caller, body, now);
  if (isProblem(given)) return given;
  const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);
  const id = makeKeyId(now, random);
  const key = await makeToken(id, random, context.services.seal);
  const made = { id, namespace, name: body.name, hash: await sha256Hex(key), createdAt: now };
  const row = { ...made, ...given, revokedAt: null, lastUsedAt: null };
  const inserted = await fromDatabase(() => insertKey(primary(context.services.database), row));
  if (isProblem(inserted)) return inserted;
  if (inserted === "orphan") return access.unauthorized("The key that makes this one was revoked.");
  if (inserted === "refused") return whyNoKey(context, namespace);
  return created({ ...keyView(row), key });
};

async function whyNoKey({ services }: Context, namespace: string): Promise<Problem> {
  const why = await whyUnwritten(services.database, "keys", { namespace, isNew: true });
  // It had as many as it may a moment ago.
  return isProblem(why) ? why : unavailable.contended("namespace");
}

type Given = Pick<KeyRow, "scopes" | "expiresAt" | "parent" | "ancestors">;

/** What a caller gives a key: no more than it has. The root key may give all. */
function whatItGives(caller: Caller, body: KeyBody, now: number): Result<Given> {
  const { scopes } = body;
  const foreign = scopes.find((scope) => !caller.scopes.has(scope));
  if (foreign !== undefined) return access.forbidden(`The key has no scope "${foreign}" to give.`);
  const named = body.expiresAt === undefined ? null : parseTimestamp(body.expiresAt);
  if (named !== null && named <= now) return invalid.field("/expiresAt", "expiresAt has to be in the future.");
  const end = caller.expiresAt;
  if (named !== null && end !== null && named > end) {
    const detail = `expiresAt is at most ${formatTimestamp(end)}, when the key that makes this one ends.`;
    return access.beyondOwnKey("/expiresAt", detail);
  }
  const ancestors = caller.kind === "key" ? [...caller.ancestors, caller.keyId] : [];
  if (ancestors.length > MAX_KEY_ANCESTORS) {
    return access.beyondOwnKey("", `A key stands at most ${MAX_KEY_ANCESTORS} keys below the root key.`);
  }
  return { scopes, expiresAt: named ?? end, parent: ancestors.at(-1) ?? null, ancestors };
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

/**
 * D1 has the truth, and the Directory is told so that the revocation acts where D1 does not answer. When D1 does not answer
 * now, that alone is done, and the cron brings D1 after; the caller is told to come again.
 */
export const revokeKey: UseCase<"revokeKey"> = async ({ caller, services, clock }, { params }) => {
  if (!isKeyId(params.id)) return notFound.key();
  const key = { namespace: caller.namespace, keyId: params.id };
  const asked = await fromDatabase(() => within(REVOKE_MS, revokeKeys(primary(services.database), [key], clock())));
  const revoked = asked === LATE ? unavailable.database() : asked;
  if (!isProblem(revoked) && revoked.length === 0) return notFound.key();
  services.auth.forget(key);
  const noted = await services.revocations.note(key);
  if (!isProblem(revoked)) return DELETED;
  return noted ? unavailable.revocationNoted() : revoked;
};

/** Newest first. The root key is shown all namespaces, and what is about none. */
export const listAuditLog: UseCase<"listAuditLog"> = async ({ caller, services }, { query }) => {
  const { namespace: named } = query;
  if (named !== undefined && named !== caller.namespace && !caller.root) {
    return access.forbidden("Only the root key may read the audit log of another namespace.");
  }
  const namespace = named ?? (caller.root ? null : caller.namespace);
  const page = await pageOf(services.signer, query, {
    name: `audit-log:${namespace ?? "*"}`,
    read: (before, limit) => fromDatabase(() => readAuditLog(primary(services.database), { namespace, before, limit })),
    placeOf: ({ id }) => id,
    views: async (rows) => rows.map(entryView),
  });
  return isProblem(page) ? page : done(page);
};

function entryView(row: AuditLogRow): AuditLogEntryView {
  return { ...row, at: formatTimestamp(row.at) };
}

/** The secrets that sign what HTTP targets of the namespace receive. */
export const getWebhookSecret: UseCase<"getWebhookSecret"> = async (context) => {
  const { namespace } = context.caller;
  const row = await existingRow(context, namespace);
  if (isProblem(row)) return row;
  return shownSecrets(secretStore(context.services, context.clock()), namespace);
};

export const rotateWebhookSecret: UseCase<"rotateWebhookSecret"> = async (context) => {
  const { namespace } = context.caller;
  const row = await existingRow(context, namespace);
  if (isProblem(row)) return row;
  const store = secretStore(context.services, context.clock());
  // A namespace that was never asked for its secret has one from now on, which signs on beside the new one.
  const before = await openSecrets(store, namespace);
  if (isProblem(before)) return before;
  const rotated = await rotate(store, namespace);
  if (isProblem(rotated)) return rotated;
  if (!rotated) return access.rateLimited(`${MAX_SIGNING} secrets of the namespace sign already.`, ROTATION_MS / 1000);
  return shownSecrets(store, namespace);
};

async function shownSecrets(store: SecretStore, namespace: string): Promise<Result<Answered<WebhookSecretView>>> {
  const signing = await openSecrets(store, namespace);
  if (isProblem(signing)) return signing;
  const [current, previous = null] = signing;
  return current === undefined ? notFound.namespace(namespace) : done({ current, previous, signing });
}

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
    parent: row.parent,
    lastUsedAt: row.lastUsedAt === null ? null : formatTimestamp(row.lastUsedAt),
  };
}
