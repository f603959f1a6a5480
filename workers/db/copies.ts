import { eq } from "drizzle-orm";
import type { Job } from "../../domain/job/job.ts";
import type { Db } from "./client.ts";
import { jobFrom, jobQuery } from "./history.ts";
import type { FinishedPage, HistoryFilter, HistoryPageRequest } from "./history-filter.ts";
import { mergedPages, pageFrom, pageQuery } from "./history-page.ts";
import { jobsFromPages, newestPagesQuery, pageOfJobQuery } from "./history-pages.ts";
import { projections } from "./schema.ts";

/** How far one shard's finished jobs are in a copy of history. */
export interface Mark {
  /** The number in the shard's log up to which they are all there. */
  cursor: number;
  /** Epoch ms: so are all that had come to their end by then. Null: that is not known. */
  heardAt: number | null;
}

/** A job as a copy of history has it, and how far that copy is with the job's shard; both of one moment. */
export async function jobInCopy(
  db: Db,
  name: { namespace: string; id: string },
  shard: string,
): Promise<{ job: Job | null; mark: Mark }> {
  const [rows, pages, marks] = await db.batch([
    jobQuery(db, name.namespace, name.id),
    pageOfJobQuery(db, name.namespace, name.id),
    db
      .select({ cursor: projections.cursor, heardAt: projections.heardAt })
      .from(projections)
      .where(eq(projections.shard, shard)),
  ]);
  return { job: await jobFrom(rows, pages, name.id), mark: marks[0] ?? { cursor: 0, heardAt: null } };
}

/** A page of a copy of history, and how far that copy is at least. */
export interface CopyPage extends FinishedPage {
  /** By shard, as in `Mark`. A shard that is not here has the cursor 0. */
  cursors: Map<string, number>;
  /** Epoch ms. The copy has every write to history from before then. Null: none was ever noted. */
  writtenAt: number | null;
}

/**
 * Finished jobs of a copy of history, newest id first. Which there are is of one moment; pages are opened after that, by
 * when a job that has been deleted meanwhile may be gone.
 */
export async function pageOfCopy(db: Db, filter: HistoryFilter, page: HistoryPageRequest): Promise<CopyPage> {
  const [rows, named, marks] = await db.batch([
    pageQuery(db, filter, page),
    newestPagesQuery(db, filter, page),
    // One row a shard.
    db
      .select({ shard: projections.shard, cursor: projections.cursor, updatedAt: projections.updatedAt })
      .from(projections),
  ]);
  const paged = await jobsFromPages(db, { filter, request: page, named });
  return {
    ...mergedPages(pageFrom(rows, page.limit), paged, page.limit),
    cursors: new Map(marks.map(({ shard, cursor }) => [shard, cursor])),
    writtenAt: marks.length === 0 ? null : Math.max(...marks.map(({ updatedAt }) => updatedAt)),
  };
}
