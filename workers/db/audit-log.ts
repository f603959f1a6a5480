import { and, desc, eq, lt, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { auditLog } from "./schema.ts";

/** One entry of the audit log. `id` sorts by time; `namespace` is null for what is about the deployment as a whole. */
export type AuditLogRow = typeof auditLog.$inferSelect;

/** Appends an entry. It can never be changed, and not be deleted for 400 days. */
export async function appendAuditLog(db: Db, entry: AuditLogRow): Promise<void> {
  await db.insert(auditLog).values(entry);
}

/** Entries below `before`, the newest first, at most `limit`; of one namespace, or of all with those of none. */
export function listAuditLog(
  db: Db,
  page: { namespace: string | null; before: string | null; limit: number },
): Promise<AuditLogRow[]> {
  const own = page.namespace === null ? undefined : eq(auditLog.namespace, page.namespace);
  const below = page.before === null ? undefined : lt(auditLog.id, page.before);
  return db.select().from(auditLog).where(and(own, below)).orderBy(desc(auditLog.id)).limit(page.limit);
}

/** Deletes up to `limit` of the oldest entries, of those below the id `before`; answers how many. */
export async function forgetAuditLog(db: Db, before: string, limit: number): Promise<number> {
  const oldest = db.select({ id: auditLog.id }).from(auditLog).where(lt(auditLog.id, before)).orderBy(auditLog.id);
  const gone = await db
    .delete(auditLog)
    .where(sql`${auditLog.id} IN (${oldest.limit(limit)})`)
    .returning({ id: auditLog.id });
  return gone.length;
}
