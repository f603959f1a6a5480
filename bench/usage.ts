import { setTimeout as pause } from "node:timers/promises";
import type { Counts } from "./dure/counts.ts";
import type { Dure } from "./dure/system.ts";
import { toForget } from "./forgetting.ts";
import { fixedWork, openLoop } from "./load.ts";
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

/** What a job used of each thing that Cloudflare bills, on average over one measurement, with its deletion. */
export type PerJob = Counts;

/** How jobs come: the name of the way, how many there are, and what sends them. */
export interface Way {
  name: string;
  jobs: number;
  send(system: Dure, jobs: number): Promise<unknown>;
}

export const BATCHES: Way = {
  name: "batches",
  jobs: 5_000,
  send: (system, jobs) => fixedWork(4, jobs / 100, () => system.sendBatch(100)),
};
export const SINGLES: Way = {
  name: "singles",
  jobs: 1_000,
  send: (system, jobs) => fixedWork(32, jobs, () => system.sendOne()),
};
/** On one partition, and so on one shard. */
export const TWENTY_A_SECOND: Way = {
  name: "20/s a shard",
  jobs: 400,
  send: (system, jobs) => openLoop(20, (jobs / 20) * 1_000, () => system.submitTo(ONE_SHARD, 1, () => ({}))),
};
export const ONE_A_SECOND: Way = {
  name: "lone, one a second, with wait",
  jobs: 30,
  send: (system, jobs) => openLoop(1, jobs * 1_000, () => system.runOne()),
};
export const ONE_A_MINUTE: Way = {
  name: "lone, one a minute, with wait",
  jobs: 3,
  send: (system, jobs) => openLoop(1 / 60, jobs * 60_000, () => system.runOne()),
};
const ONE_SHARD = "bench-one-shard";

/** What an installation uses in a second in which nobody does anything. */
export type Idle = Counts;

/** Within this long after the last job each shard has been woken once, and has set its alarm to what is left. */
const SETTLED_MS = 65_000;

/** Measured over `ms`, once the installation has come to rest. */
export async function idleUsage(system: Dure, ms: number): Promise<Idle> {
  await pause(SETTLED_MS);
  const before = await system.used();
  await pause(ms);
  return per(before, await system.used(), ms / 1000);
}

/**
 * Sends jobs to the no-op handler, waits for the last to be in history, and counts; what is left to be deleted counts too.
 * What the installation would have used all the same, in that time, is left out.
 */
export async function usage(
  system: Dure,
  { jobs, send }: Way,
  { idle, stateDir }: { idle: Idle; stateDir: string },
): Promise<PerJob> {
  await system.putQueue(ONE_SHARD, { target: { type: "handler", name: "noop" }, partitions: 1 });
  await waitUntilIdle(system.pid());
  const leftBefore = toForget(stateDir);
  const before = await system.used();
  const began = performance.now();
  await send(system, jobs);
  // History comes a moment after, and a scrape may be older than it.
  for (let known = false; !known; ) {
    await pause(SCRAPE_AGE_MS);
    known = (await system.metrics()).get(UNPROJECTED) === 0;
  }
  const after = await system.used();
  const seconds = (performance.now() - began) / 1000;
  const left = toForget(stateDir);
  const used = per(before, after, jobs);
  for (const key of Object.keys(used) as (keyof PerJob)[]) {
    used[key] = Math.max(0, used[key] - (idle[key] * seconds) / jobs);
  }
  used.objectRows += (left.objectRows - leftBefore.objectRows) / jobs;
  used.d1Rows += (left.d1Rows - leftBefore.d1Rows) / jobs;
  return used;
}

function per(before: PerJob, after: PerJob, n: number): PerJob {
  const keys = Object.keys(before) as (keyof PerJob)[];
  return Object.fromEntries(keys.map((key) => [key, (after[key] - before[key]) / n])) as unknown as PerJob;
}
