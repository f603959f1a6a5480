import { eq } from "drizzle-orm";
import type { Job } from "../../domain/job/job.ts";
import { parseJobId } from "../../domain/job-id.ts";
import type { Db } from "./client.ts";
import { type CopyPage, pageOfCopy } from "./copies.ts";
import { type Databases, homeOf, type NamedDatabase } from "./databases.ts";
import { findJob, jobFrom, jobQuery } from "./history.ts";
import { CLOCK_MARGIN_MS, type HistoryFilter, type HistoryPageRequest } from "./history-filter.ts";
import { mergedPages } from "./history-page.ts";
import { pageOfJobQuery } from "./history-pages.ts";
import type { RetryD1 } from "./retry.ts";
import { projections } from "./schema.ts";
import { HistorySessions } from "./sessions.ts";

/** Where history is read that lies in several databases: each by its primary. */
export interface Spread {
  databases: Databases;
  retryD1: RetryD1;
}

/** What each database answers. */
export function inEach<T>({ databases, retryD1 }: Spread, read: (db: Db) => Promise<T>): Promise<T[]> {
  return Promise.all(databases.map((each) => inOne({ each, retryD1 }, read)));
}

function inOne<T>(
  { each: { database }, retryD1 }: { each: NamedDatabase; retryD1: RetryD1 },
  read: (db: Db) => Promise<T>,
): Promise<T> {
  return new HistorySessions(database, retryD1).primary(read);
}

/**
 * One finished job, or null. The database is asked to which the jobs of its shard come, and the others only where the job was made before
 * they did; `shard` is null where nobody can say which that is.
 */
export async function findSpread(
  spread: Spread,
  name: { namespace: string; id: string },
  shard: string | null,
): Promise<Job | null> {
  const { databases, retryD1 } = spread;
  const home = shard === null ? null : homeOf(shard, databases);
  if (home !== null && shard !== null) {
    const { job, since } = await inOne({ each: home, retryD1 }, (db) => jobAndSince(db, name, shard));
    const madeAt = parseJobId(name.id)?.at ?? 0;
    if (job !== null || (since !== null && (since === 0 || madeAt >= since + CLOCK_MARGIN_MS))) return job;
  }
  const others = databases.filter(({ name: other }) => other !== home?.name);
  const found = await Promise.all(
    others.map((each) => inOne({ each, retryD1 }, (db) => findJob(db, name.namespace, name.id))),
  );
  return newest(found.filter((job) => job !== null));
}

async function jobAndSince(
  db: Db,
  { namespace, id }: { namespace: string; id: string },
  shard: string,
): Promise<{ job: Job | null; since: number | null }> {
  const [rows, pages, marks] = await db.batch([
    jobQuery(db, namespace, id),
    pageOfJobQuery(db, namespace, id),
    db.select({ since: projections.since }).from(projections).where(eq(projections.shard, shard)),
  ]);
  return { job: await jobFrom(rows, pages, id), since: marks[0]?.since ?? null };
}

function newest(jobs: Job[]): Job | null {
  return jobs.toSorted((a, b) => b.version - a.version)[0] ?? null;
}

/** A page of all databases, as `pageOfCopy` has it of one. */
export async function pageOfAll(spread: Spread, filter: HistoryFilter, page: HistoryPageRequest): Promise<CopyPage> {
  const copies = await inEach(spread, (db) => pageOfCopy(db, filter, page));
  return copies.reduce((all, copy) => ({
    ...mergedPages(all, copy, page.limit),
    cursors: furthest(all.cursors, copy.cursors),
    writtenAt: null,
  }));
}

function furthest(a: Map<string, number>, b: Map<string, number>): Map<string, number> {
  const all = new Map(a);
  for (const [shard, cursor] of b) all.set(shard, Math.max(cursor, all.get(shard) ?? 0));
  return all;
}
