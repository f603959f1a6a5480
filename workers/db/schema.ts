import { sql } from "drizzle-orm";
import { blob, index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { NamespaceLimits } from "../../domain/namespace.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import type { ScheduleSettings } from "../../domain/schedule.ts";
import type { ServiceSettings } from "../../domain/service/settings.ts";
import type { SubscriptionSettings } from "../../domain/subscription.ts";

/**
 * The tables of D1 as drizzle sees them. `migrations/` is what creates them; a column here without one there is
 * an error of the first query that names it. Times are epoch milliseconds.
 */
export const namespaces = sqliteTable("namespaces", {
  name: text("name").primaryKey(),
  createdAt: integer("created_at").notNull(),
  version: integer("version").notNull().default(1),
  limits: text("limits", { mode: "json" }).$type<Partial<NamespaceLimits>>().notNull().default({}),
  updatedAt: integer("updated_at").notNull().default(0),
  deletingAt: integer("deleting_at"),
  jobsDeleted: integer("jobs_deleted").notNull().default(0),
  historyDeleted: integer("history_deleted").notNull().default(0),
  quietSince: integer("quiet_since"),
});

export const webhookSecrets = sqliteTable(
  "webhook_secrets",
  {
    namespace: text("namespace").notNull(),
    number: integer("number").notNull(),
    secret: text("secret").notNull(),
    sealedBy: text("sealed_by").notNull(),
    createdAt: integer("created_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.namespace, table.number] })],
);

export const apiKeys = sqliteTable(
  "api_keys",
  {
    id: text("id").primaryKey(),
    namespace: text("namespace").notNull(),
    name: text("name").notNull(),
    hash: text("hash").notNull(),
    scopes: text("scopes", { mode: "json" }).$type<string[]>().notNull(),
    createdAt: integer("created_at").notNull(),
    expiresAt: integer("expires_at"),
    revokedAt: integer("revoked_at"),
    /** Null: the root key made it. */
    parent: text("parent"),
    /** The parent, who made that one, and so on up; the parent is the last. */
    ancestors: text("ancestors", { mode: "json" }).$type<string[]>().notNull().default([]),
    /** The beginning of the hour. */
    lastUsedAt: integer("last_used_at"),
  },
  (table) => [
    index("api_keys_by_namespace").on(table.namespace, table.id),
    index("api_keys_by_parent").on(table.parent).where(sql`parent IS NOT NULL`),
  ],
);

/** Who did what. Triggers keep it append-only: see `migrations/0007_keys.sql`. */
export const auditLog = sqliteTable(
  "audit_log",
  {
    id: text("id").primaryKey(),
    at: integer("at").notNull(),
    keyId: text("key_id").notNull(),
    namespace: text("namespace"),
    call: text("call").notNull(),
    object: text("object"),
    address: text("address"),
    status: integer("status").notNull(),
  },
  (table) => [index("audit_log_by_namespace").on(table.namespace, table.id)],
);

export const queues = sqliteTable(
  "queues",
  {
    namespace: text("namespace").notNull(),
    name: text("name").notNull(),
    version: integer("version").notNull(),
    deleted: integer("deleted", { mode: "boolean" }).notNull().default(false),
    settings: text("settings", { mode: "json" }).$type<QueueSettings>().notNull(),
    updatedAt: integer("updated_at").notNull(),
    /** What history calls it. Null: its name. */
    queueId: text("queue_id"),
  },
  (table) => [primaryKey({ columns: [table.namespace, table.name] })],
);

/** Deleted queues whose names others have. A trigger writes them: see `migrations/0014_queue_incarnations.sql`. */
export const formerQueues = sqliteTable(
  "former_queues",
  {
    namespace: text("namespace").notNull(),
    queueId: text("queue_id").notNull(),
    settings: text("settings", { mode: "json" }).$type<QueueSettings>().notNull(),
  },
  (table) => [primaryKey({ columns: [table.namespace, table.queueId] })],
);

export const schedules = sqliteTable(
  "schedules",
  {
    namespace: text("namespace").notNull(),
    name: text("name").notNull(),
    version: integer("version").notNull(),
    deleted: integer("deleted", { mode: "boolean" }).notNull().default(false),
    queue: text("queue").notNull(),
    settings: text("settings", { mode: "json" }).$type<ScheduleSettings>().notNull(),
    updatedAt: integer("updated_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.namespace, table.name] })],
);

export const subscriptions = sqliteTable(
  "subscriptions",
  {
    namespace: text("namespace").notNull(),
    name: text("name").notNull(),
    version: integer("version").notNull(),
    deleted: integer("deleted", { mode: "boolean" }).notNull().default(false),
    settings: text("settings", { mode: "json" }).$type<SubscriptionSettings>().notNull(),
    updatedAt: integer("updated_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.namespace, table.name] })],
);

export const services = sqliteTable(
  "services",
  {
    namespace: text("namespace").notNull(),
    name: text("name").notNull(),
    version: integer("version").notNull(),
    deleted: integer("deleted", { mode: "boolean" }).notNull().default(false),
    settings: text("settings", { mode: "json" }).$type<ServiceSettings>().notNull(),
    updatedAt: integer("updated_at").notNull(),
  },
  (table) => [primaryKey({ columns: [table.namespace, table.name] })],
);

/** Finished jobs. `record`, `payload`, `result` and `attempts` are JSON text that queries never look into. */
export const jobs = sqliteTable(
  "jobs",
  {
    namespace: text("namespace").notNull(),
    id: text("id").notNull(),
    queue: text("queue").notNull(),
    state: text("state").notNull(),
    version: integer("version").notNull(),
    orderingKey: text("ordering_key"),
    finishedAt: integer("finished_at").notNull(),
    record: text("record").notNull(),
    payload: text("payload").notNull(),
    result: text("result"),
    attempts: text("attempts").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.namespace, table.id] }),
    index("jobs_by_queue").on(table.namespace, table.queue, table.id),
    index("jobs_failed").on(table.namespace, table.queue, table.id).where(sql`state = 'failed'`),
  ],
);

/** Succeeded jobs by the page: `contract/succeeded-page.ts`. Their compressed columns are read and written by SQL alone. */
export const historyPages = sqliteTable(
  "history_pages",
  {
    namespace: text("namespace").notNull(),
    maxId: text("max_id").notNull(),
    minId: text("min_id").notNull(),
    queue: text("queue").notNull(),
    n: integer("n").notNull(),
    finishedTo: integer("finished_to").notNull(),
    revision: integer("revision").notNull().default(0),
    bytes: integer("bytes").notNull(),
    ids: text("ids").notNull(),
    records: blob("records").notNull(),
    attempts: blob("attempts").notNull(),
    results: blob("results").notNull(),
    payloads: blob("payloads").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.namespace, table.maxId] }),
    index("history_pages_by_queue").on(table.namespace, table.queue, table.maxId),
  ],
);

/** How many jobs of each queue history has as succeeded. */
export const historyCounts = sqliteTable(
  "history_counts",
  {
    namespace: text("namespace").notNull(),
    queue: text("queue").notNull(),
    succeeded: integer("succeeded").notNull(),
  },
  (table) => [primaryKey({ columns: [table.namespace, table.queue] })],
);

/** How far each shard's finished jobs are in `jobs`. `heardAt`: everything that the shard had finished by then is. */
export const projections = sqliteTable("projections", {
  shard: text("shard").primaryKey(),
  cursor: integer("cursor").notNull(),
  /** How many jobs of the entry behind the cursor history has too, while the cursor is `skipAfter`. */
  skip: integer("skip").notNull().default(0),
  skipAfter: integer("skip_after").notNull().default(0),
  updatedAt: integer("updated_at").notNull(),
  heardAt: integer("heard_at"),
  /** Null: the shard's jobs come here. Else the name of the database to which they have come since. */
  movedTo: text("moved_to"),
  /** Since when they have come here; 0: since ever. */
  since: integer("since").notNull().default(0),
});

/** Bulk operations. `request` is JSON text; `after` is where the walk over history stands, null when it is over. */
export const operations = sqliteTable(
  "operations",
  {
    id: text("id").primaryKey(),
    namespace: text("namespace").notNull(),
    request: text("request").notNull(),
    createdAt: integer("created_at").notNull(),
    finishedAt: integer("finished_at"),
    after: text("after"),
    scanned: integer("scanned").notNull().default(0),
    matched: integer("matched").notNull().default(0),
    changed: integer("changed").notNull().default(0),
  },
  (table) => [index("operations_by_namespace").on(table.namespace, table.createdAt, table.id)],
);
