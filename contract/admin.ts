import { z } from "zod";
import { pageOf } from "./list.ts";
import { Name } from "./primitives.ts";
import { Timestamp } from "./time.ts";

/** Keys, namespaces, secrets, and what operators read. */

/** `admin` implies the others. */
export const SCOPES = ["submit", "read", "work", "admin"] as const;
export const Scope = z.enum(SCOPES);
export type Scope = z.infer<typeof Scope>;

/** `namespace` is for the root key only. */
export const KeyBody = z.strictObject({
  name: Name,
  scopes: z
    .array(Scope)
    .min(1)
    .max(SCOPES.length)
    .refine((scopes) => new Set(scopes).size === scopes.length, { error: "must not name a scope twice" }),
  namespace: Name.optional(),
  expiresAt: Timestamp.optional(),
});
export type KeyBody = z.infer<typeof KeyBody>;

export const KeyView = z.strictObject({
  id: z.string(),
  name: Name,
  scopes: z.array(Scope),
  namespace: Name,
  createdAt: Timestamp,
  expiresAt: Timestamp.nullable(),
});
export type KeyView = z.infer<typeof KeyView>;

export const KeyListView = pageOf(KeyView);
export type KeyListView = z.infer<typeof KeyListView>;

/** `key` is the whole token. It is shown this once and stored nowhere. */
export const KeyCreatedView = KeyView.extend({ key: z.string() });
export type KeyCreatedView = z.infer<typeof KeyCreatedView>;

export const NamespaceBody = z.strictObject({});

export const NamespaceView = z.strictObject({ name: Name, createdAt: Timestamp });
export type NamespaceView = z.infer<typeof NamespaceView>;

/** Ranges of slots are inclusive. */
export const ClusterView = z.strictObject({
  epoch: z.int(),
  slots: z.int(),
  shards: z.array(
    z.strictObject({
      id: z.string(),
      slots: z.array(z.tuple([z.int(), z.int()])),
      live: z.int(),
      bytes: z.int(),
    }),
  ),
});
export type ClusterView = z.infer<typeof ClusterView>;

/** `shards` is the number of shards that were asked. */
export const AuditView = z.strictObject({
  ok: z.boolean(),
  checkedAt: Timestamp,
  shards: z.int(),
  violations: z.array(z.strictObject({ shard: z.string(), rule: z.string(), detail: z.string() })),
});
export type AuditView = z.infer<typeof AuditView>;

/** Standard Webhooks secrets ("whsec_…"). `previous` signs beside the current one for 24 h after a rotation. */
export const WebhookSecretView = z.strictObject({ current: z.string(), previous: z.string().nullable() });
export type WebhookSecretView = z.infer<typeof WebhookSecretView>;

const Check = z.strictObject({ ok: z.boolean(), latencyMs: z.number() });

export const ReadyView = z.strictObject({
  status: z.enum(["ok", "degraded", "down"]),
  checks: z.strictObject({ d1: Check, kv: Check, queues: Check, shards: Check, directory: Check }),
});
export type ReadyView = z.infer<typeof ReadyView>;
