import { and, asc, desc, eq, gt, gte, lt, or, sql } from "drizzle-orm";
import type { SubscriptionSettings } from "../../domain/subscription.ts";
import type { Db } from "./client.ts";
import { mayHave } from "./namespace-limits.ts";
import { subscriptions } from "./schema.ts";

/** Names a subscription. */
export interface SubscriptionKey {
  namespace: string;
  name: string;
}

/** The settings as last written, deleted ones too (`deleted` says so), or null when there never was such a subscription. */
export async function findSubscription(
  db: Db,
  { namespace, name }: SubscriptionKey,
): Promise<SubscriptionSettings | null> {
  const rows = await db
    .select({ settings: subscriptions.settings })
    .from(subscriptions)
    .where(and(eq(subscriptions.namespace, namespace), eq(subscriptions.name, name)))
    .limit(1);
  return rows[0]?.settings ?? null;
}

/**
 * Writes the next version of a subscription. False when another write came between: `settings.version` must be one above
 * what is stored, or 1 for one that never was. False as well where it would be one more than its namespace may have,
 * or the namespace is being deleted: see `mayHave`.
 */
export async function writeSubscription(db: Db, settings: SubscriptionSettings): Promise<boolean> {
  const { namespace, name, version, deleted, updatedAt } = settings;
  const rows = await db.all(sql`
    INSERT INTO subscriptions (namespace, name, version, deleted, settings, updated_at)
    SELECT ${namespace}, ${name}, ${version}, ${deleted ? 1 : 0}, ${JSON.stringify(settings)}, ${updatedAt}
    WHERE ${deleted ? 1 : 0} OR (${mayHave("subscriptions", { namespace, name })})
    ON CONFLICT (namespace, name) DO UPDATE SET version = excluded.version, deleted = excluded.deleted,
      settings = excluded.settings, updated_at = excluded.updated_at WHERE subscriptions.version = ${version - 1}
    RETURNING version`);
  return rows.length > 0;
}

/** Where a page of subscriptions ends: its last one. */
export interface SubscriptionPosition {
  createdAt: number;
  name: string;
}

/**
 * Subscriptions of a namespace that are not deleted, the newest first and by name where two are as old, at most `limit`,
 * after `after`.
 */
export async function listSubscriptions(
  db: Db,
  page: { namespace: string; after: SubscriptionPosition | null; limit: number },
): Promise<SubscriptionSettings[]> {
  const createdAt = sql<number>`${subscriptions.settings} ->> 'createdAt'`;
  const { after } = page;
  const rest =
    after === null
      ? undefined
      : or(lt(createdAt, after.createdAt), and(eq(createdAt, after.createdAt), gt(subscriptions.name, after.name)));
  const rows = await db
    .select({ settings: subscriptions.settings })
    .from(subscriptions)
    .where(and(eq(subscriptions.namespace, page.namespace), eq(subscriptions.deleted, false), rest))
    .orderBy(desc(createdAt), asc(subscriptions.name))
    .limit(page.limit);
  return rows.map((row) => row.settings);
}

/** Subscriptions written at or after `since`, in the order of their names, deleted ones too, at most `limit` after `after`. */
export async function walkSubscriptions(
  db: Db,
  since: number,
  page: { after: SubscriptionKey | null; limit: number },
): Promise<SubscriptionSettings[]> {
  const { after } = page;
  const rest =
    after === null
      ? undefined
      : or(
          gt(subscriptions.namespace, after.namespace),
          and(eq(subscriptions.namespace, after.namespace), gt(subscriptions.name, after.name)),
        );
  const rows = await db
    .select({ settings: subscriptions.settings })
    .from(subscriptions)
    .where(and(gte(subscriptions.updatedAt, since), rest))
    .orderBy(asc(subscriptions.namespace), asc(subscriptions.name))
    .limit(page.limit);
  return rows.map((row) => row.settings);
}
