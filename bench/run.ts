import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { atomicRows } from "./atomic.ts";
import { backlogRows } from "./backlog.ts";
import { startDure } from "./dure/system.ts";
import { startFloor } from "./floor/system.ts";
import { historyRows } from "./history.ts";
import { keyRows } from "./keys.ts";
import { median } from "./load.ts";
import * as measure from "./measure.ts";
import { neighbourRows } from "./neighbours/neighbours.ts";
import { dollarsPerMillion } from "./prices.ts";
import { waitUntilIdle } from "./process.ts";
import { makeOldJobs, readRows } from "./reads.ts";
import { passes, type Row, table } from "./report.ts";
import type { System } from "./system.ts";
import { type PerJob, usage } from "./usage.ts";

/**
 * `npm run bench`: Dure beside the floor, in one run on one machine. Each measurement is made of both, one right
 * after the other, so that the machine's mood is the same; medians of the rounds. BENCH_STRICT=1 exits 1 on a miss.
 * `npm run bench -- --speed` measures only how fast a job is and what it uses, `npm run bench -- --neighbours`
 * measures only what a tenant feels of another, `--neighbours hangs` of one that hangs.
 */
const ROUNDS = 3;
const SHARDS = 16;
/** A row a pack, a row a slice when it is claimed and one when it is reported, and a part of the log's. */
const SHARD_ROWS = 0.1;
/** The same where 32 jobs are in flight. */
const SHARD_ROWS_SINGLE = 1;
/** Two rows a page of up to a hundred jobs, and for each write those of a queue's count and of the cursor. */
const D1_ROWS = 0.05;
/** The same where 32 jobs are in flight: fewer finish together. */
const D1_ROWS_SINGLE = 0.1;

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

async function speed(systems: System[]): Promise<{ rows: Row[]; cpuMs: number | null; perSecond: number }> {
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
  const perSecond = mid(dureRuns, (run) => run.perSecond);
  const cpuMs = mid(dureRuns, (run) => run.cpuMs);
  rows.push(
    {
      name: "handler, end to end, batches",
      floor: mid(floorRuns, (run) => run.perSecond),
      dure: perSecond,
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
  return { rows, cpuMs, perSecond };
}

function usageRows(way: string, perJob: PerJob, speed: { cpuMs: number | null; perSecond: number }): Row[] {
  const budget = (atMost: number) => ({ budget: { of: "figure" as const, atMost } });
  const objectSeconds = SHARDS / speed.perSecond;
  const dollars = dollarsPerMillion({ ...perJob, cpuMs: speed.cpuMs ?? 0, objectSeconds });
  return [
    {
      name: `${way}: shard rows written a job`,
      dure: perJob.objectRows,
      unit: "",
      ...budget(way === "batches" ? SHARD_ROWS : SHARD_ROWS_SINGLE),
    },
    {
      name: `${way}: D1 rows written a job`,
      dure: perJob.d1Rows,
      unit: "",
      ...budget(way === "batches" ? D1_ROWS : D1_ROWS_SINGLE),
    },
    { name: `${way}: object requests a job`, dure: perJob.objectRequests, unit: "" },
    {
      name: `${way}: Queue messages a job`,
      dure: perJob.messages,
      unit: "",
      ...(way === "batches" ? budget(0.1) : {}),
    },
    { name: `${way}: Worker requests a job`, dure: perJob.workerRequests, unit: "" },
    { name: `${way}: KV writes a job`, dure: perJob.kvWrites, unit: "" },
    { name: `${way}: dollars per million jobs`, dure: dollars, unit: "" },
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

async function main(): Promise<Row[]> {
  if (process.argv.includes("--neighbours")) return neighbours();
  const systems = [await startFloor(join(state, "floor")), await startDure(join(state, "dure"), false)];
  const fast = await speed(systems);
  await Promise.all(systems.map((system) => system.stop()));

  const counted = await startDure(join(state, "counted"), true);
  await both([counted], "what a job uses", 1, async () => undefined);
  const batches = await usage(counted, 2000, "batch");
  const singles = await usage(counted, 1000, "single");
  const [[history = []] = []] = await both([counted], "what history takes", 1, () =>
    historyRows(counted, join(state, "counted")),
  );
  await counted.stop();
  const first = [
    ...fast.rows,
    ...usageRows("batches", batches, fast),
    ...usageRows("singles", singles, fast),
    ...history,
  ];
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
  return [...first, ...atomic, ...reads, ...keys, ...backlogs, ...(await neighbours())];
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
    "Dollars: bench/prices.ts. CPU is of all of workerd, as the only figure for a Worker's own; objects awake at the measured rate.",
  );
} finally {
  rmSync(state, { recursive: true, force: true });
}
process.exit(missed > 0 && process.env.BENCH_STRICT === "1" ? 1 : 0);
