import { env } from "cloudflare:workers";
import type { Job } from "../../domain/job/job.ts";
import { toJob } from "../../workers/db/history.ts";
import { jobsIn, type PageRow } from "../../workers/db/page-rows.ts";

/** All finished jobs that history has of a queue (its `queueId`), in rows and in pages, ascending; tombstones too. */
export async function finishedJobs(
  queue: string,
  database = env.DB,
): Promise<(Omit<Job, "state"> & { state: string })[]> {
  const rows = await database
    .prepare("SELECT * FROM jobs WHERE queue = ?")
    .bind(queue)
    .all<Parameters<typeof toJob>[0] & { id: string; state: string }>();
  const alone = rows.results.map((row) => ({ ...toJob(row), id: row.id, state: row.state }));
  const pages = await pagesOf(queue, database);
  const paged = (await Promise.all(pages.map((page) => jobsIn(page)))).flat();
  return [...alone, ...paged].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** The pages of a queue in history. */
export async function pagesOf(queue: string, database = env.DB): Promise<PageRow[]> {
  const hex = ["records", "attempts", "results", "payloads"].map((part) => `hex(${part}) AS ${part}`).join(", ");
  const { results } = await database
    .prepare(`SELECT namespace, max_id, queue, ids, ${hex} FROM history_pages WHERE queue = ?`)
    .bind(queue)
    .all<PageRow>();
  return results;
}
