import { type SQL, sql } from "drizzle-orm";
import { DEFAULT_NAMESPACE_LIMITS } from "../../domain/namespace.ts";
import type { Db } from "./client.ts";

/** How many a namespace may have of what D1 keeps. Each is counted in the statement that writes one more. */

/** What of a namespace is counted. */
export type Countable = "queues" | "schedules" | "subscriptions" | "services" | "keys";

/** Names one of them. */
export interface CountedKey {
  namespace: string;
  name: string;
}

/** The limit that holds, as SQL. */
function limitOf(what: Countable, namespace: string): SQL {
  const { [what]: byDefault } = DEFAULT_NAMESPACE_LIMITS;
  return sql`coalesce((SELECT limits ->> ${`$.${what}`} FROM namespaces WHERE name = ${namespace}), ${byDefault})`;
}

/** `default` always exists, with or without a row. */
function lives(namespace: string): SQL {
  return sql`coalesce((SELECT deleting_at IS NULL FROM namespaces WHERE name = ${namespace}), ${namespace === "default" ? 1 : 0})`;
}

/**
 * Whether one more of them may be written, as SQL for the WHERE of an INSERT … SELECT: its namespace is there and not being
 * deleted, and has fewer than it may. What is there already may be changed, also where the limit was lowered since.
 */
export function mayHave(what: Exclude<Countable, "keys">, { namespace, name }: CountedKey): SQL {
  const table = sql.raw(what);
  return sql`${lives(namespace)} AND (
    EXISTS (SELECT 1 FROM ${table} WHERE namespace = ${namespace} AND name = ${name} AND NOT deleted)
    OR (SELECT count(*) FROM ${table} WHERE namespace = ${namespace} AND NOT deleted) < ${limitOf(what, namespace)})`;
}

/** The same of an API key, which is counted as long as it is neither revoked nor expired at `now` (epoch milliseconds). */
export function mayHaveKey(namespace: string, now: number): SQL {
  return sql`${lives(namespace)} AND (SELECT count(*) FROM api_keys WHERE namespace = ${namespace} AND revoked_at IS NULL
    AND (expires_at IS NULL OR expires_at > ${now})) < ${limitOf("keys", namespace)}`;
}

/** How many there are and may be, for whoever was refused. `lives` is 0 of a namespace that is gone. */
export async function countOf(
  db: Db,
  what: Countable,
  namespace: string,
): Promise<{ count: number; most: number; lives: number }> {
  const rows =
    what === "keys"
      ? sql`api_keys WHERE namespace = ${namespace} AND revoked_at IS NULL`
      : sql`${sql.raw(what)} WHERE namespace = ${namespace} AND NOT deleted`;
  const [row] = await db.all<{ count: number; most: number; lives: number }>(
    sql`SELECT (SELECT count(*) FROM ${rows}) AS count, ${limitOf(what, namespace)} AS most, ${lives(namespace)} AS lives`,
  );
  return row ?? { count: 0, most: 0, lives: 0 };
}
