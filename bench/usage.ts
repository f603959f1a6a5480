import { setTimeout as pause } from "node:timers/promises";
import type { Counts } from "./dure/counts.ts";
import type { Dure } from "./dure/system.ts";
import { fixedWork } from "./load.ts";
import { waitUntilIdle } from "./process.ts";

const ROWS = "dure_shard_rows_written_total";
const UNPROJECTED = "dure_jobs_unprojected";

/** A gateway answers a scrape with what it has asked its shards for no longer ago than this. */
const SCRAPE_AGE_MS = 5_000;

/** Rows written in the shards so far. Takes as long as a scrape is remembered. */
export async function rowsWritten(system: Dure): Promise<number> {
  await pause(SCRAPE_AGE_MS);
  return (await system.metrics()).get(ROWS) ?? Number.NaN;
}

/** What a job used of each thing that Cloudflare bills, on average over one measurement. */
export type PerJob = Counts & { objectRows: number };

/** Sends `jobs` jobs to the no-op handler, one by one or by the hundred, waits for the last to be in history, and counts. */
export async function usage(system: Dure, jobs: number, way: "single" | "batch"): Promise<PerJob> {
  await waitUntilIdle(system.pid());
  const rowsBefore = await rowsWritten(system);
  const before = { used: await system.used(), counts: await system.counts() };
  if (way === "single") await fixedWork(32, jobs, () => system.sendOne());
  else await fixedWork(4, jobs / 100, () => system.sendBatch(100));
  for (;;) {
    const done = (await system.counts()).finished - before.counts.finished;
    if (done >= jobs && (await system.metrics()).get(UNPROJECTED) === 0) break;
    await pause(250);
  }
  const used = await system.used();
  const rows = await rowsWritten(system);
  const per = (key: keyof Counts) => (used[key] - before.used[key]) / jobs;
  return {
    workerRequests: per("workerRequests"),
    objectRequests: per("objectRequests"),
    messages: per("messages"),
    d1Rows: per("d1Rows"),
    kvWrites: per("kvWrites"),
    objectRows: (rows - rowsBefore) / jobs,
  };
}
