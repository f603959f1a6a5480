import { setTimeout as pause } from "node:timers/promises";
import { percentile } from "../scripts/metrics.ts";
import { closedLoop, fixedWork, openLoop } from "./load.ts";
import { countCommits, cpuMs, waitUntilIdle } from "./process.ts";
import type { System } from "./system.ts";

const SUBMIT_MS = 1500;
const BATCH = 100;
const END_TO_END_JOBS = 5000;
const PULL_JOBS = 4000;
const MAX_IDLE_TURNS = 1000;
const DRAIN_MS = 30_000;

/** Jobs a second accepted one by one, 32 in flight, with nothing that runs them. */
export async function singleSubmits(system: System): Promise<number> {
  const { calls, ms } = await closedLoop(32, SUBMIT_MS, () => system.submitOne());
  return (calls * 1000) / ms;
}

/** Jobs a second accepted in hundreds, four in flight, with nothing that runs them. */
export async function batchSubmits(system: System): Promise<number> {
  const { calls, ms } = await closedLoop(4, SUBMIT_MS, () => system.submitBatch(BATCH));
  return (calls * BATCH * 1000) / ms;
}

/** Jobs a second through four pull workers, which claim and report by the hundred. */
export async function pulling(system: System): Promise<number> {
  await fixedWork(4, PULL_JOBS / BATCH, () => system.submitBatch(BATCH));
  await waitUntilIdle(system.pid());
  const start = performance.now();
  let taken = 0;
  const work = async (worker: number) => {
    for (let idle = 0; taken < PULL_JOBS; ) {
      const jobs = await system.pullTurn(worker);
      taken += jobs;
      idle = jobs === 0 ? idle + 1 : 0;
      if (idle > MAX_IDLE_TURNS) throw new Error(`${system.name} hands out no more jobs after ${taken}`);
    }
    await system.pullTurn(worker);
  };
  await Promise.all([0, 1, 2, 3].map(work));
  return (taken * 1000) / (performance.now() - start);
}

export interface EndToEnd {
  perSecond: number;
  /** Milliseconds of workerd's CPU a job. */
  cpuMs: number | null;
}

/** Jobs a second from the first batch sent to the last job final, with the no-op handler. */
export async function endToEnd(system: System): Promise<EndToEnd> {
  const before = await system.counts();
  const cpuBefore = cpuMs(system.pid());
  const start = performance.now();
  await fixedWork(4, END_TO_END_JOBS / BATCH, () => system.sendBatch(BATCH));
  await finished(system, before.finished + END_TO_END_JOBS);
  const perSecond = (END_TO_END_JOBS * 1000) / (performance.now() - start);
  await waitUntilIdle(system.pid()); // History is written after the last job is final: its CPU counts too.
  const cpuAfter = cpuMs(system.pid());
  return {
    perSecond,
    cpuMs: cpuBefore === null || cpuAfter === null ? null : (cpuAfter - cpuBefore) / END_TO_END_JOBS,
  };
}

async function finished(system: System, count: number): Promise<void> {
  const until = Date.now() + DRAIN_MS;
  while ((await system.counts()).finished < count) {
    if (Date.now() > until) throw new Error(`${system.name} did not finish its jobs in ${DRAIN_MS} ms`);
    await pause(20);
  }
}

/** Milliseconds from a job's submission to the answer that it is final, 50 jobs a second. */
export async function latencies(system: System): Promise<{ p50: number; p99: number }> {
  const values = await openLoop(50, 6000, () => system.runOne());
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99) };
}

/** The share of the jobs accepted in two seconds of full load, 32 single submits in flight, that is final at their end. */
export async function keepsUp(system: System): Promise<number> {
  const before = await system.counts();
  await closedLoop(32, 2000, () => system.sendOne());
  const after = await system.counts();
  await finished(system, after.accepted);
  return (after.finished - before.finished) / (after.accepted - before.accepted);
}

/** fsyncs a job while 32 single submits are in flight, or null where they cannot be counted. */
export async function commitsPerJob(system: System): Promise<number | null> {
  let calls = 0;
  const commits = await countCommits(system.pid(), async () => {
    ({ calls } = await closedLoop(32, SUBMIT_MS, () => system.submitOne()));
  });
  return commits === null ? null : commits / calls;
}
