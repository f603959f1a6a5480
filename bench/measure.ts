import { setTimeout as pause } from "node:timers/promises";
import { percentile } from "../scripts/metrics.ts";
import { closedLoop, fixedWork, openLoop } from "./load.ts";
import { countCommits, cpuMs, ownCpuMs, waitUntilIdle } from "./process.ts";
import type { Runner, System } from "./system.ts";

const SUBMIT_MS = 1500;
const BATCH = 100;
const END_TO_END_JOBS = 20_000;
const PULL_JOBS = 4000;
const MAX_IDLE_TURNS = 1000;
const DRAIN_MS = 60_000;
const LOADED_MS = 2_000;
const PER_SECOND = 50;
const LONE_PER_SECOND = 10;
const AFTER_BURST_MS = 1_000;
const SUSTAINED_MS = 30_000;
/** Under lasting load senders wait while so many of their jobs are not final: more would measure a growing backlog. */
const MAX_UNFINISHED = 10_000;

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
  /** Milliseconds of CPU a job of the system's processes. */
  cpuMs: number | null;
  /** The same with that of the bench, which sends the jobs: what a client library takes is part of what a job takes. */
  allCpuMs: number | null;
}

/** Jobs a second from the first batch sent to the last job final, with the no-op handler. */
export async function endToEnd(system: Runner): Promise<EndToEnd> {
  const cpu = () => ({ system: cpuMs(system.pids()), own: ownCpuMs() });
  const before = cpu();
  const start = performance.now();
  await burst(system);
  const perSecond = (END_TO_END_JOBS * 1000) / (performance.now() - start);
  const own = ownCpuMs() - before.own;
  await waitUntilIdle(system.pids()); // History is written after the last job is final: its CPU counts too.
  const after = cpu();
  if (before.system === null || after.system === null) return { perSecond, cpuMs: null, allCpuMs: null };
  const used = after.system - before.system;
  return { perSecond, cpuMs: used / END_TO_END_JOBS, allCpuMs: (used + own) / END_TO_END_JOBS };
}

/** Sends many jobs in batches, and waits until the last is final. */
async function burst(system: Runner): Promise<void> {
  const { finished } = await system.counts();
  await fixedWork(4, END_TO_END_JOBS / BATCH, () => system.sendBatch(BATCH));
  await drained(system, finished + END_TO_END_JOBS);
}

async function drained(system: Runner, count: number): Promise<void> {
  const until = Date.now() + DRAIN_MS;
  while ((await system.counts()).finished < count) {
    if (Date.now() > until) throw new Error(`${system.name} did not finish its jobs in ${DRAIN_MS} ms`);
    await pause(20);
  }
}

/** Jobs a second that become final while batches are sent for half a minute, with history being written all the time. */
export async function sustained(system: Runner): Promise<number> {
  const before = await system.counts();
  let { finished } = before;
  let sent = finished;
  let over = false;
  const follow = async () => {
    for (; !over; await pause(50)) ({ finished } = await system.counts());
  };
  const following = follow();
  const start = performance.now();
  await closedLoop(4, SUSTAINED_MS, async () => {
    if (sent - finished >= MAX_UNFINISHED) return pause(5);
    sent += BATCH;
    return system.sendBatch(BATCH);
  });
  const after = await system.counts();
  const seconds = (performance.now() - start) / 1000;
  over = true;
  await following;
  await drained(system, sent);
  return (after.finished - before.finished) / seconds;
}

/** Milliseconds from a job's submission to the answer that it is final, 50 jobs a second. */
export async function latencies(system: Runner): Promise<{ p50: number; p99: number }> {
  const values = await openLoop(PER_SECOND, 6000, () => system.runOne());
  return { p50: percentile(values, 0.5), p99: percentile(values, 0.99) };
}

/** The median of the same when a job comes alone: each tenth of a second one, that has long ended when the next comes. */
export async function loneLatency(system: Runner): Promise<number> {
  return percentile(await openLoop(LONE_PER_SECOND, 5000, () => system.runOne()), 0.5);
}

/** The same 50 times in the second after the last job of a burst is final, when history has yet to hear of most of it. */
export async function afterBurst(system: Runner): Promise<number[]> {
  await burst(system);
  return openLoop(PER_SECOND, AFTER_BURST_MS, () => system.runOne());
}

export interface Loaded {
  /** Jobs a second accepted one by one, 32 in flight, while handlers run them. */
  perSecond: number;
  /** The share of the jobs accepted that is final at the end. */
  finished: number;
}

/** What two seconds of full load do. `send` accepts one job for the no-op handler. */
export async function loaded(system: Runner, send: () => Promise<unknown>): Promise<Loaded> {
  const before = await system.counts();
  const { calls, ms } = await closedLoop(32, LOADED_MS, send);
  const after = await system.counts();
  // Not what its statistics say was accepted: while history is written they may count a job twice for a moment.
  await drained(system, before.finished + calls);
  const finished = Math.min(1, (after.finished - before.finished) / calls);
  return { perSecond: (calls * 1000) / ms, finished };
}

/** fsyncs a job while 32 single submits are in flight, or null where they cannot be counted. */
export async function commitsPerJob(system: System): Promise<number | null> {
  let calls = 0;
  const commits = await countCommits(system.pid(), async () => {
    ({ calls } = await closedLoop(32, SUBMIT_MS, () => system.submitOne()));
  });
  return commits === null ? null : commits / calls;
}
