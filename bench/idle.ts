import { setTimeout as pause } from "node:timers/promises";
import { Dure as Client } from "../client/src/index.ts";
import type { Counts } from "./dure/counts.ts";
import type { Dure } from "./dure/system.ts";
import { dollarsAMonth } from "./prices.ts";
import { cpuMs, waitUntilIdle } from "./process.ts";
import type { Row } from "./report.ts";

const WORKERS = 10;
/** An idle worker of the client waits 10 s, then 20 and 40, and from then on as long as one request may: 60 s. */
const SETTLED_MS = 75_000;
const MINUTE_MS = 60_000;
const MINUTES_A_MONTH = 30 * 24 * 60;
/** After the last job each shard has been woken by the cron, and has set its alarm to what is left. */
const AT_REST_MS = 65_000;
/** Dollars a month, beyond what the plan includes. */
const BUDGET = 2;

type Used = Counts & { cpuMs: number };

/** What a minute takes in which nothing happens, with the cron of that minute: without anybody, and with ten workers that wait. */
export async function idleWorkerRows(system: Dure): Promise<Row[]> {
  const queue = "bench-idle";
  // So many partitions that it lies on every shard: each is there, has had work, and is waited at.
  await system.putQueue(queue, { target: { type: "pull" }, partitions: 256 });
  await system.submitTo(queue, 1_000, (i) => ({ orderingKey: `k${i}` }));
  for (let jobs = await system.claim(queue); jobs.length > 0; jobs = await system.claim(queue))
    await system.succeed(jobs);
  await waitUntilIdle(system.pid());
  await pause(AT_REST_MS);
  const nobody = await minuteOf(system);
  const dure = new Client({ url: system.url, key: system.rootKey });
  const workers = Array.from({ length: WORKERS }, () => dure.worker(queue, () => undefined, { log: null }));
  await pause(SETTLED_MS);
  const waiting = await minuteOf(system);
  void Promise.all(workers.map((worker) => worker.stop({ graceSeconds: 0 })));
  return [...rowsOf("with nobody", nobody), ...rowsOf("10 workers", waiting), ...budgetOf(waiting, nobody)];
}

async function used(system: Dure): Promise<Used> {
  return { ...(await system.used()), cpuMs: cpuMs(system.pid()) ?? Number.NaN };
}

async function minuteOf(system: Dure): Promise<Used> {
  const before = await used(system);
  await pause(MINUTE_MS);
  const after = await used(system);
  const keys = Object.keys(after) as (keyof Used)[];
  return Object.fromEntries(keys.map((key) => [key, after[key] - before[key]])) as unknown as Used;
}

function month(of: Used): { gross: number; net: number } {
  return dollarsAMonth({ ...of, objectSeconds: of.awakeMs / 1000 }, MINUTES_A_MONTH);
}

function rowsOf(who: string, of: Used): Row[] {
  const row = (name: string, dure: number): Row => ({ name: `idle ${who}: ${name}`, dure, unit: "" });
  return [
    row("object requests a minute", of.objectRequests),
    row("ms a minute in which an object is awake", of.awakeMs),
    row("rows written a minute, alarms set too; and of D1", of.objectRows + of.alarmRows + of.d1Rows),
    row("dollars a month, nothing included", month(of).gross),
  ];
}

function budgetOf(waiting: Used, nobody: Used): Row[] {
  const { net } = month(waiting);
  const each = (waiting.objectRequests - nobody.objectRequests) / WORKERS;
  return [
    { name: "idle: object requests a minute for each worker", dure: each, unit: "" },
    {
      name: "idle, 10 workers: dollars a month beyond the plan",
      dure: net,
      unit: "",
      budget: { of: "figure", atMost: BUDGET },
    },
  ];
}
