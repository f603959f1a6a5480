import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { atomicRows } from "./atomic.ts";
import { backlogRows, plainBacklog } from "./backlog.ts";
import { billRows, idleRows } from "./bill.ts";
import { bodyRows } from "./bodies.ts";
import { type Dure, startDure } from "./dure/system.ts";
import { startFloor } from "./floor/system.ts";
import { historyRows } from "./history.ts";
import { idleWorkerRows } from "./idle.ts";
import { keyRows } from "./keys.ts";
import { limiterErrorRows, limiterRows } from "./limiter.ts";
import { neighbourRows } from "./neighbours/neighbours.ts";
import { peerRows } from "./peers/peers.ts";
import { findRedis } from "./peers/redis.ts";
import { makeOldJobs, readRows } from "./reads.ts";
import { passes, type Row, table } from "./report.ts";
import { announce, elapsedSeconds, inTurns } from "./rounds.ts";
import { serviceCallRows, serviceJobRows } from "./services/jobs.ts";
import { proxyRows } from "./services/overhead.ts";
import { softLimitTable } from "./services/soft-limit.ts";
import { servicesTable } from "./services/table.ts";
import { shardStartRows } from "./shard-start.ts";
import { speed, sustainedRows } from "./speed.ts";
import { type Idle, idleUsage } from "./usage.ts";

/**
 * `npm run bench`: Dure beside the floor, in one run on one machine. Each measurement is made of both, one right
 * after the other, so that the machine's mood is the same; medians of the rounds. BENCH_STRICT=1 exits 1 on a miss.
 * What each option measures, and what each figure counts, stands in `bench/README.md`.
 */
const UNPROJECTED = "dure_jobs_unprojected";
const IDLE_MS = 60_000;
const has = (option: string) => process.argv.includes(option);
if (has("--services")) {
  // A simulation, which needs no platform: the same figures on every machine.
  console.log(`${servicesTable()}\n\n${softLimitTable()}`);
  process.exit(0);
}
const state = mkdtempSync(join(tmpdir(), "dure-bench-"));

/** What a body of 1 MiB takes, whatever it is. */
function bodies(): Promise<Row[]> {
  announce("bodies of 1 MiB");
  return bodyRows();
}

/** What a tenant feels of another: see `neighbours/`. */
async function neighbours(): Promise<Row[]> {
  const platform = await startDure(join(state, "neighbours"), false);
  const only = process.argv[process.argv.indexOf("--neighbours") + 1] ?? "";
  announce("neighbours");
  const rows = await neighbourRows(platform, has("--neighbours") ? only : "");
  await platform.stop();
  return rows;
}

/** What the proxy to services adds to a request. */
async function proxied(): Promise<Row[]> {
  const platform = await startDure(join(state, "proxy"), false);
  announce("the proxy");
  const rows = await proxyRows(platform);
  await platform.stop();
  return rows;
}

/** What jobs at a service take, and what others feel of it. */
async function serviceJobs(): Promise<Row[]> {
  const on = async (name: string, counted: boolean, of: (system: Dure) => Promise<Row[]>) => {
    const platform = await startDure(join(state, name), counted);
    announce(name);
    const rows = await of(platform);
    await platform.stop();
    return rows;
  };
  return [
    ...(await on("jobs at a service", false, serviceJobRows)),
    ...(await on("how often a service's object is called", true, serviceCallRows)),
  ];
}

/** What workers cost that wait for jobs which do not come. */
async function idleWorkers(): Promise<Row[]> {
  const platform = await startDure(join(state, "idle"), true);
  announce("idle workers");
  const rows = await idleWorkerRows(platform);
  await platform.stop();
  return rows;
}

/** What request budgets cost, and how exact they are. */
async function limiter(): Promise<Row[]> {
  const platform = await startDure(join(state, "limiter"), true);
  announce("how often request budgets are asked for");
  const calls = await limiterRows(platform);
  await platform.stop();
  announce("how exact request budgets are");
  return [...calls, ...(await limiterErrorRows())];
}

/** Dure beside others' systems, in the same rounds. */
async function peers(redisServer: string): Promise<Row[]> {
  const floor = await startFloor(join(state, "floor"));
  const dure = await startDure(join(state, "dure"), false);
  const rows = await peerRows({ floor, dure, redisServer, stateDir: join(state, "redis") });
  await Promise.all([floor.stop(), dure.stop()]);
  return rows;
}

/** How fast a job is; and what it uses, of a platform that comes to rest meanwhile, for which it needs hardly any CPU. */
async function jobs(): Promise<Row[]> {
  const quick = has("--speed");
  const stateDir = join(state, "counted");
  const counted = await startDure(stateDir, true);
  const resting = idleUsage(counted, IDLE_MS).catch((error: unknown) => error as Error);
  const floor = await startFloor(join(state, "floor"));
  const dure = await startDure(join(state, "dure"), false);
  const fast = await speed([floor, dure]);
  const unprojected = async () => (await dure.metrics()).get(UNPROJECTED) ?? Number.NaN;
  const long = quick ? [] : await sustainedRows([floor, dure], unprojected);
  await Promise.all([floor.stop(), dure.stop()]);

  announce("what an installation uses while nobody does anything");
  const idle = (await resting) as Idle | Error;
  if (idle instanceof Error) throw idle;
  const bill = await billRows({ system: counted, stateDir, idle, cpuMs: fast.cpuMs, quick });
  announce("what history takes");
  const history = await historyRows(counted, stateDir);
  await counted.stop();
  return [...fast.rows, ...long, ...idleRows(idle), ...bill, ...history];
}

/** What takes long: what is measured of Dure alone, beside itself. */
async function others(): Promise<Row[]> {
  const stateDir = join(state, "controlled");
  const platform = await startDure(stateDir, false);
  const once = async (name: string, of: () => Promise<Row[]>) =>
    (await inTurns([platform], { name, rounds: 1 }, of))[0]?.[0] ?? [];
  announce("jobs to be read when they are old");
  const old = await makeOldJobs(platform);
  const atomic = await once("what atomic batches cost", () => atomicRows(platform));
  const keys = await once("what keys cost", () => keyRows(platform, stateDir));
  const reads = await once("what reads cost", () => readRows(platform, old));
  await platform.stop();
  return [...atomic, ...reads, ...keys];
}

/** A million jobs that wait on one shard: claims of them, and its start. */
async function backlogs(): Promise<Row[]> {
  const on = async <T>(name: string, of: (system: Dure) => Promise<T>) => {
    const platform = await startDure(join(state, name), false);
    announce(`a backlog of a million, ${name}`);
    const result = await of(platform);
    await platform.stop();
    return result;
  };
  const [mixed, alike] = ["priorities mixed", "all alike"];
  const claims = await on(mixed, backlogRows);
  await on(alike, plainBacklog);
  announce("the start of a shard");
  return [...claims, ...[mixed, alike].flatMap((what) => shardStartRows(join(state, what), what))];
}

/** What has been measured so far: that is told also where what follows fails. */
const measured: Row[] = [];

async function measure(...parts: (() => Promise<Row[]>)[]): Promise<void> {
  for (const part of parts) measured.push(...(await part()));
}

function main(): Promise<void> {
  if (has("--neighbours")) return measure(neighbours);
  if (has("--bodies")) return measure(bodies);
  if (has("--idle")) return measure(idleWorkers);
  if (has("--limiter")) return measure(limiter);
  if (has("--proxy")) return measure(proxied);
  if (has("--service-jobs")) return measure(serviceJobs);
  if (has("--peers")) return measure(() => peers(redisOrExit()));
  if (has("--speed")) return measure(jobs);
  const ofJobs = [jobs, others, backlogs];
  if (has("--jobs")) return measure(...ofJobs);
  return measure(...ofJobs, limiter, proxied, serviceJobs, bodies, neighbours, idleWorkers);
}

function redisOrExit(): string {
  const path = findRedis();
  if (path !== null) return path;
  console.error("--peers needs redis-server on the PATH: on Debian, apt-get install redis-server.");
  rmSync(state, { recursive: true, force: true });
  return process.exit(2);
}

let missed = 0;
try {
  await main();
} finally {
  missed = measured.filter((row) => passes(row) === false).length;
  console.log(`\n${table(measured)}\n`);
  console.log(
    `${missed} budgets missed. ${cpus().length} cores (${cpus()[0]?.model}), ${elapsedSeconds()} s. What each figure counts: bench/README.md.`,
  );
  rmSync(state, { recursive: true, force: true });
}
process.exit(missed > 0 && process.env.BENCH_STRICT === "1" ? 1 : 0);
