import { eq } from "drizzle-orm";
import type { Job } from "../../domain/job/job.ts";
import type { Db } from "./client.ts";
import { type HistoryFilter, jobQuery, toJob } from "./history.ts";
import { type FinishedPage, type HistoryPageRequest, pageFrom, pageQuery } from "./history-page.ts";
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
  const [rows, marks] = await db.batch([
    jobQuery(db, name.namespace, name.id),
    db
      .select({ cursor: projections.cursor, heardAt: projections.heardAt })
      .from(projections)
      .where(eq(projections.shard, shard)),
  ]);
  const [row] = rows;
  return { job: row === undefined ? null : toJob(row), mark: marks[0] ?? { cursor: 0, heardAt: null } };
}

/** A page of a copy of history, and how far that copy is; all of one moment. */
export interface CopyPage extends FinishedPage {
  /** By shard, as in `Mark`. A shard that is not here has the cursor 0. */
  cursors: Map<string, number>;
  /** Epoch ms. The copy has every write to history from before then. Null: none was ever noted. */
  writtenAt: number | null;
}

/** Finished jobs of a copy of history, newest id first. */
export async function pageOfCopy(db: Db, filter: HistoryFilter, page: HistoryPageRequest): Promise<CopyPage> {
  const [rows, marks] = await db.batch([
    pageQuery(db, filter, page),
    // One row a shard.
    db
      .select({ shard: projections.shard, cursor: projections.cursor, updatedAt: projections.updatedAt })
      .from(projections),
  ]);
  return {
    ...pageFrom(rows, page.limit),
    cursors: new Map(marks.map(({ shard, cursor }) => [shard, cursor])),
    writtenAt: marks.length === 0 ? null : Math.max(...marks.map(({ updatedAt }) => updatedAt)),
  };
}
