import { and, eq, sql } from "drizzle-orm";
import type { Db } from "./client.ts";
import { pagesNaming } from "./history-pages.ts";
import { type PageCodec, STREAM_CODEC } from "./page-codec.ts";
import { type PageRow, pageColumns, pageWithout, suffixOf, WHOLE } from "./page-rows.ts";
import { historyCounts, historyPages } from "./schema.ts";

/** A job in a page of history. */
export interface PagedJob {
  namespace: string;
  id: string;
  /** Its `queueId`. */
  queue: string;
}

/**
 * Takes jobs out of the pages they are in, so that nothing of them is left there: answers which of `named` were in any, and
 * what to do in one batch. That fails, and does nothing, where somebody else has changed one of the pages since.
 */
export async function takenOut(
  db: Db,
  named: readonly { namespace: string; id: string }[],
  codec: PageCodec = STREAM_CODEC,
) {
  const rows = await db.all<
    PageRow & { revision: number }
  >(sql`SELECT ${pageColumns(WHOLE)}, revision FROM history_pages
    WHERE (namespace, max_id) IN (SELECT namespace, max_id ${pagesNaming(named)})`);
  const all = await Promise.all(rows.map((row) => changeOf(db, { row, named, codec })));
  return { jobs: all.flatMap(({ jobs }) => jobs), statements: all.flatMap(({ statements }) => statements) };
}

async function changeOf(
  db: Db,
  {
    row,
    named,
    codec,
  }: { row: PageRow & { revision: number }; named: readonly { namespace: string; id: string }[]; codec: PageCodec },
) {
  const { namespace, queue, max_id: maxId, revision } = row;
  const jobs: PagedJob[] = named
    .filter((job) => job.namespace === namespace && row.ids.includes(suffixOf(job.id)))
    .map(({ id }) => ({ namespace, id, queue }));
  const left = await pageWithout(row, new Set(jobs.map(({ id }) => id)), codec);
  const isThis = and(eq(historyPages.namespace, namespace), eq(historyPages.maxId, maxId));
  const asRead = sql`EXISTS (SELECT 1 FROM ${historyPages} WHERE ${and(isThis, eq(historyPages.revision, revision))})`;
  return {
    jobs,
    statements: [
      // What is no JSON makes the batch fail.
      db.select({ asRead: sql`iif(${asRead}, 1, json('a page has changed'))` }).from(sql`(SELECT 1)`),
      left === null
        ? db.delete(historyPages).where(isThis)
        : db
            .update(historyPages)
            .set({
              n: left.n,
              ids: left.ids,
              revision: revision + 1,
              records: sql`unhex(${left.records})`,
              attempts: sql`unhex(${left.attempts})`,
              results: sql`unhex(${left.results})`,
              payloads: sql`unhex(${left.payloads})`,
            })
            .where(isThis),
      db
        .update(historyCounts)
        .set({ succeeded: sql`${historyCounts.succeeded} - ${jobs.length}` })
        .where(and(eq(historyCounts.namespace, namespace), eq(historyCounts.queue, queue))),
    ],
  };
}
