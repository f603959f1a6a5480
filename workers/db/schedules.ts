import { and, asc, desc, eq, gt, gte, lt, or, sql } from "drizzle-orm";
import type { ScheduleSettings } from "../../domain/schedule.ts";
import type { Db } from "./client.ts";
import { mayHave } from "./namespace-limits.ts";
import { queues, schedules } from "./schema.ts";

/** The settings as last written, deleted schedules too (`deleted` says so), or null when there never was such a one. */
export async function findSchedule(db: Db, namespace: string, name: string): Promise<ScheduleSettings | null> {
  const rows = await db
    .select({ settings: schedules.settings })
    .from(schedules)
    .where(and(eq(schedules.namespace, namespace), eq(schedules.name, name)))
    .limit(1);
  return rows[0]?.settings ?? null;
}

/**
 * Writes the next version of a schedule. False when another write came between: `settings.version` must be one above
 * what is stored, or 1 for a schedule that never was, so two writers cannot both win. False as well where it would be one more
 * than its namespace may have, or the namespace is being deleted: see `mayHave`.
 */
export async function writeSchedule(db: Db, settings: ScheduleSettings): Promise<boolean> {
  const { namespace, name, version, deleted, updatedAt } = settings;
  const { queue } = settings.job;
  const rows = await db.all(sql`
    INSERT INTO schedules (namespace, name, version, deleted, queue, settings, updated_at)
    SELECT ${namespace}, ${name}, ${version}, ${deleted ? 1 : 0}, ${queue}, ${JSON.stringify(settings)}, ${updatedAt}
    WHERE ${deleted ? 1 : 0} OR (${mayHave("schedules", { namespace, name })})
    ON CONFLICT (namespace, name) DO UPDATE SET version = excluded.version, deleted = excluded.deleted, queue = excluded.queue,
      settings = excluded.settings, updated_at = excluded.updated_at WHERE schedules.version = ${version - 1}
    RETURNING version`);
  return rows.length > 0;
}

/** Where a page of schedules ends: its last one. */
export interface SchedulePosition {
  createdAt: number;
  name: string;
}

/**
 * Schedules of a namespace that are not deleted, the newest first and by name where two are as old, at most `limit`,
 * after `after`. Sorts the namespace's schedules.
 */
export async function listSchedules(
  db: Db,
  page: { namespace: string; after: SchedulePosition | null; limit: number },
): Promise<ScheduleSettings[]> {
  const createdAt = sql<number>`json_extract(${schedules.settings}, '$.createdAt')`;
  const { after } = page;
  const rest =
    after === null
      ? undefined
      : or(lt(createdAt, after.createdAt), and(eq(createdAt, after.createdAt), gt(schedules.name, after.name)));
  const rows = await db
    .select({ settings: schedules.settings })
    .from(schedules)
    .where(and(eq(schedules.namespace, page.namespace), eq(schedules.deleted, false), rest))
    .orderBy(desc(createdAt), asc(schedules.name))
    .limit(page.limit);
  return rows.map((row) => row.settings);
}

/** Where a walk over all schedules goes on: after the one of this name. */
export interface ScheduleKey {
  namespace: string;
  name: string;
}

/** Which schedules a walk visits. */
export type ScheduleFilter =
  | { type: "all" }
  /** Written at or after `since`, or their queue was. */
  | { type: "changed"; since: number }
  | { type: "queue"; namespace: string; queue: string };

/** Schedules in the order of their names, deleted ones too, at most `limit` after `after`. */
export async function walkSchedules(
  db: Db,
  filter: ScheduleFilter,
  page: { after: ScheduleKey | null; limit: number },
): Promise<ScheduleSettings[]> {
  const { after } = page;
  const rest =
    after === null
      ? undefined
      : or(
          gt(schedules.namespace, after.namespace),
          and(eq(schedules.namespace, after.namespace), gt(schedules.name, after.name)),
        );
  const rows = await db
    .select({ settings: schedules.settings })
    .from(schedules)
    .where(and(condition(filter), rest))
    .orderBy(asc(schedules.namespace), asc(schedules.name))
    .limit(page.limit);
  return rows.map((row) => row.settings);
}

function condition(filter: ScheduleFilter) {
  switch (filter.type) {
    case "all":
      return undefined;
    case "queue":
      return and(eq(schedules.namespace, filter.namespace), eq(schedules.queue, filter.queue));
    case "changed": {
      const queueChanged = sql`EXISTS (SELECT 1 FROM ${queues} WHERE ${queues.namespace} = ${schedules.namespace}
        AND ${queues.name} = ${schedules.queue} AND ${queues.updatedAt} >= ${filter.since})`;
      return or(gte(schedules.updatedAt, filter.since), queueChanged);
    }
  }
}
