import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { atomicRows } from "./atomic.ts";
import { backlogRows } from "./backlog.ts";
import { startDure } from "./dure/system.ts";
import { startFloor } from "./floor/system.ts";
import { historyRows } from "./history.ts";
import { idleWorkerRows } from "./idle.ts";
import { keyRows } from "./keys.ts";
import { median } from "./load.ts";
import * as measure from "./measure.ts";
import { neighbourRows } from "./neighbours/neighbours.ts";
import { dollarsPerMillion } from "./prices.ts";
import { waitUntilIdle } from "./process.ts";
import { makeOldJobs, readRows } from "./reads.ts";
import { passes, type Row, table } from "./report.ts";
import type { System } from "./system.ts";
import {
  BATCHES,
  type Idle,
  idleUsage,
  ONE_A_MINUTE,
  ONE_A_SECOND,
  type PerJob,
  SINGLES,
  TWENTY_A_SECOND,
  usage,
  type Way,
} from "./usage.ts";

/**
 * `npm run bench`: Dure beside the floor, in one run on one machine. Each measurement is made of both, one right
 * after the other, so that the machine's mood is the same; medians of the rounds. BENCH_STRICT=1 exits 1 on a miss.
 * `npm run bench -- --speed` measures only how fast a job is and what it uses, `npm run bench -- --neighbours`
 * measures only what a tenant feels of another, `--neighbours hangs` of one that hangs, and `--idle` only what workers cost that wait.
 */
const ROUNDS = 3;
/** The first ways of `BUDGETS` take seconds, and the others minutes. */
const QUICK_WAYS = 2;
const IDLE_MS = 60_000;
const SECONDS_A_MONTH = 30 * 24 * 3600;
const state = mkdtempSync(join(tmpdir(), "dure-bench-"));
const began = Date.now();

async function both<T>(
  systems: System[],
  name: string,
  rounds: number,
  of: (system: System) => Promise<T>,
): Promise<T[][]> {
  process.stderr.write(`${((Date.now() - began) / 1000).toFixed(0).padStart(4)} s  ${name}\n`);
  const results: T[][] = systems.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, system] of systems.entries()) {
      await waitUntilIdle(system.pid());
      results[i]?.push(await of(system));
    }
  }
  return results;
}

async function compare(
  systems: System[],
  name: string,
  of: (system: System) => Promise<number | null>,
): Promise<Pick<Row, "name" | "floor" | "dure">> {
  const [floor, dure] = await both(systems, name, ROUNDS, of);
  const middle = (values: (number | null)[] = []) =>
    values.some((value) => value === null) ? null : median(values as number[]);
  return { name, floor: middle(floor), dure: middle(dure) };
}

async function speed(systems: System[]): Promise<{ rows: Row[]; cpuMs: number | null }> {
  await both(systems, "warming up", 1, async (system) => {
    await measure.singleSubmits(system);
    await measure.endToEnd(system);
  });
  const rows: Row[] = [];
  const add = async (
    name: string,
    of: (system: System) => Promise<number | null>,
    rest: Omit<Row, "name" | "dure">,
  ) => {
    rows.push({ ...(await compare(systems, name, of)), ...rest });
  };
  await add("single submits, 32 in flight", measure.singleSubmits, {
    unit: "jobs/s",
    budget: { of: "ratio", atLeast: 0.5 },
  });
  await add("batch submits, 100s, 4 in flight", measure.batchSubmits, {
    unit: "jobs/s",
    budget: { of: "ratio", atLeast: 0.35 },
  });
  await add("pull, claim and report by 100", measure.pulling, { unit: "jobs/s" });

  const [floorRuns = [], dureRuns = []] = await both(systems, "handler, end to end", ROUNDS, measure.endToEnd);
  const mid = (runs: measure.EndToEnd[], pick: (run: measure.EndToEnd) => number | null) =>
    median(runs.map((run) => pick(run) ?? Number.NaN));
  const cpuMs = mid(dureRuns, (run) => run.cpuMs);
  rows.push(
    {
      name: "handler, end to end, batches",
      floor: mid(floorRuns, (run) => run.perSecond),
      dure: mid(dureRuns, (run) => run.perSecond),
      unit: "jobs/s",
      budget: { of: "ratio", atLeast: 0.35 },
    },
    { name: "CPU of workerd a job, batches", floor: mid(floorRuns, (run) => run.cpuMs), dure: cpuMs, unit: "ms" },
  );

  const [floorTimes = [], dureTimes = []] = await both(systems, "latency at 50 jobs/s", 1, measure.latencies);
  rows.push(
    {
      name: "latency at 50 jobs/s, p50",
      floor: floorTimes[0]?.p50 ?? null,
      dure: dureTimes[0]?.p50 ?? null,
      unit: "ms",
      budget: { of: "ratio", atMost: 3 },
    },
    {
      name: "latency at 50 jobs/s, p99",
      floor: floorTimes[0]?.p99 ?? null,
      dure: dureTimes[0]?.p99 ?? null,
      unit: "ms",
      budget: { of: "ratio", atMost: 4 },
    },
  );
  await add("finished of accepted after 2 s of full load", measure.keepsUp, {
    unit: "",
    budget: { of: "figure", atLeast: 0.9 },
  });
  const [floorCommits, dureCommits] = await both(systems, "commits", 1, measure.commitsPerJob);
  rows.push({
    name: "commits (fsync) a job, 32 in flight",
    floor: floorCommits?.[0] ?? null,
    dure: dureCommits?.[0] ?? null,
    unit: "",
    budget: { of: "figure", atMost: 0.25 },
  });
  return { rows, cpuMs };
}

/** What a job may use, and cost in dollars a million, by the way in which jobs come. */
const BUDGETS: readonly { way: Way; shardRows: number; d1Rows: number; dollars: number }[] = [
  { way: BATCHES, shardRows: 0.1, d1Rows: 0.05, dollars: 0.5 },
  { way: SINGLES, shardRows: 1, d1Rows: 0.1, dollars: 3 },
  { way: TWENTY_A_SECOND, shardRows: 6, d1Rows: 1, dollars: 3 },
  { way: ONE_A_SECOND, shardRows: 6, d1Rows: 1, dollars: 10 },
  { way: ONE_A_MINUTE, shardRows: 6, d1Rows: 1, dollars: 12 },
];

/** What a month costs in which nobody does anything. */
function idleRows(idle: Idle): Row[] {
  const million = dollarsPerMillion({ ...idle, cpuMs: 0, objectSeconds: idle.awakeMs / 1000 });
  return [
    { name: "idle: object requests a minute", dure: idle.objectRequests * 60, unit: "" },
    {
      name: "idle: shard rows written a minute, alarms set too",
      dure: (idle.objectRows + idle.alarmRows) * 60,
      unit: "",
    },
    { name: "idle: seconds a minute in which an object is awake", dure: (idle.awakeMs / 1000) * 60, unit: "" },
    {
      name: "idle: dollars a month",
      dure: (million / 1e6) * SECONDS_A_MONTH,
      unit: "",
      budget: { of: "figure", atMost: 2 },
    },
  ];
}

function usageRows(budgets: (typeof BUDGETS)[number], perJob: PerJob, cpuMs: number | null): Row[] {
  const way = budgets.way.name;
  const budget = (atMost: number) => ({ budget: { of: "figure" as const, atMost } });
  const dollars = dollarsPerMillion({ ...perJob, cpuMs: cpuMs ?? 0, objectSeconds: perJob.awakeMs / 1000 });
  return [
    {
      name: `${way}: shard rows written a job, with its deletion and alarms set`,
      dure: perJob.objectRows + perJob.alarmRows,
      unit: "",
      ...budget(budgets.shardRows),
    },
    {
      name: `${way}: D1 rows written a job, with its deletion`,
      dure: perJob.d1Rows,
      unit: "",
      ...budget(budgets.d1Rows),
    },
    { name: `${way}: object requests a job, alarms too`, dure: perJob.objectRequests, unit: "" },
    { name: `${way}: milliseconds a job in which an object is awake`, dure: perJob.awakeMs, unit: "" },
    { name: `${way}: Queue messages a job`, dure: perJob.messages, unit: "" },
    { name: `${way}: Worker requests a job`, dure: perJob.workerRequests, unit: "" },
    { name: `${way}: KV writes a job`, dure: perJob.kvWrites, unit: "" },
    { name: `${way}: dollars per million jobs`, dure: dollars, unit: "", ...budget(budgets.dollars) },
  ];
}

/** What a tenant feels of another: see `neighbours/`. */
async function neighbours(): Promise<Row[]> {
  const platform = await startDure(join(state, "neighbours"), false);
  const only = process.argv[process.argv.indexOf("--neighbours") + 1] ?? "";
  const scene = process.argv.includes("--neighbours") ? only : "";
  const [[rows = []] = []] = await both([platform], "neighbours", 1, () => neighbourRows(platform, scene));
  await platform.stop();
  return rows;
}

/** What workers cost that wait for jobs which do not come. */
async function idleWorkers(): Promise<Row[]> {
  const platform = await startDure(join(state, "idle"), true);
  const [[rows = []] = []] = await both([platform], "idle workers", 1, () => idleWorkerRows(platform));
  await platform.stop();
  return rows;
}

async function main(): Promise<Row[]> {
  if (process.argv.includes("--neighbours")) return neighbours();
  if (process.argv.includes("--idle")) return idleWorkers();
  const systems = [await startFloor(join(state, "floor")), await startDure(join(state, "dure"), false)];
  const fast = await speed(systems);
  await Promise.all(systems.map((system) => system.stop()));

  const counted = await startDure(join(state, "counted"), true);
  const stateDir = join(state, "counted");
  const idle = await idleUsage(counted, IDLE_MS);
  const used: Row[] = idleRows(idle);
  for (const budgets of process.argv.includes("--speed") ? BUDGETS.slice(0, QUICK_WAYS) : BUDGETS) {
    const [[perJob] = []] = await both([counted], `what a job uses: ${budgets.way.name}`, 1, () =>
      usage(counted, budgets.way, { idle, stateDir }),
    );
    if (perJob !== undefined) used.push(...usageRows(budgets, perJob, fast.cpuMs));
  }
  const [[history = []] = []] = await both([counted], "what history takes", 1, () => historyRows(counted, stateDir));
  await counted.stop();
  const first = [...fast.rows, ...used, ...history];
  if (process.argv.includes("--speed")) return first;

  const controlled = await startDure(join(state, "controlled"), false);
  const [[old] = []] = await both([controlled], "jobs to be read when they are old", 1, () => makeOldJobs(controlled));
  const [[atomic = []] = []] = await both([controlled], "what atomic batches cost", 1, () => atomicRows(controlled));
  const [[keys = []] = []] = await both([controlled], "what keys cost", 1, () => keyRows(controlled));
  const [[reads = []] = []] = await both([controlled], "what reads cost", 1, async () =>
    old === undefined ? [] : readRows(controlled, old),
  );
  const [[backlogs = []] = []] = await both([controlled], "a backlog of a million", 1, () => backlogRows(controlled));
  await controlled.stop();
  return [...first, ...atomic, ...reads, ...keys, ...backlogs, ...(await neighbours()), ...(await idleWorkers())];
}

let missed = 0;
try {
  const rows = await main();
  missed = rows.filter((row) => passes(row) === false).length;
  console.log(`\n${table(rows)}\n`);
  console.log(
    `${missed} budgets missed. ${cpus().length} cores (${cpus()[0]?.model}), ${((Date.now() - began) / 1000).toFixed(0)} s.`,
  );
  console.log(
    "Dollars: bench/prices.ts. They count requests, CPU (of all of workerd in batches, as the only figure for a Worker's own), messages, rows with their deletion and those of alarms, and the time that shards are awake; what an idle installation uses is left out, and logs.",
  );
} finally {
  rmSync(state, { recursive: true, force: true });
}
process.exit(missed > 0 && process.env.BENCH_STRICT === "1" ? 1 : 0);
