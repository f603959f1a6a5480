import { percentile } from "../scripts/metrics.ts";
import * as measure from "./measure.ts";
import { residentMb, waitUntilIdle } from "./process.ts";
import type { Row } from "./report.ts";
import { inTurns, middle } from "./rounds.ts";
import type { System } from "./system.ts";

/** The floor, and Dure. */
export type Both = readonly [floor: System, dure: System];

/** How fast a job is, beside the floor; and the milliseconds of workerd's CPU that one takes in batches. */
export async function speed(systems: Both): Promise<{ rows: Row[]; cpuMs: number | null }> {
  await inTurns(systems, { name: "warming up", rounds: 1 }, async (system) => {
    await measure.singleSubmits(system);
    await measure.endToEnd(system);
  });
  const submits = await submitRows(systems);
  const batches = await batchRows(systems);
  const load = await loadRows(systems);
  const times = await latencyRows(systems);
  const rest = [...(await commitRows(systems)), await memoryRow(systems)];
  return { rows: [...submits, ...load, ...batches.rows, ...times, ...rest], cpuMs: batches.cpuMs };
}

async function compare(
  systems: Both,
  name: string,
  of: (system: System) => Promise<number | null>,
): Promise<Pick<Row, "name" | "floor" | "dure">> {
  const [floor, dure] = await inTurns(systems, { name }, of);
  return { name, floor: middle(floor, (value) => value), dure: middle(dure, (value) => value) };
}

async function submitRows(systems: Both): Promise<Row[]> {
  return [
    {
      ...(await compare(systems, "single submits, 32 in flight, nothing runs them", measure.singleSubmits)),
      unit: "jobs/s",
      budget: { of: "ratio", atLeast: 0.6 },
    },
    {
      ...(await compare(systems, "batch submits, 100s, 4 in flight", measure.batchSubmits)),
      unit: "jobs/s",
      budget: { of: "ratio", atLeast: 0.35 },
    },
    { ...(await compare(systems, "pull, claim and report by 100", measure.pulling)), unit: "jobs/s" },
  ];
}

async function loadRows(systems: Both): Promise<Row[]> {
  const name = "single submits, 32 in flight, handlers run them";
  const [floor, dure] = await inTurns(systems, { name }, (system) => measure.loaded(system, () => system.sendOne()));
  return [
    {
      name,
      floor: middle(floor, ({ perSecond }) => perSecond),
      dure: middle(dure, ({ perSecond }) => perSecond),
      unit: "jobs/s",
      budget: { of: "ratio", atLeast: 0.6 },
    },
    {
      name: "finished of accepted after 2 s of that",
      floor: middle(floor, ({ finished }) => finished),
      dure: middle(dure, ({ finished }) => finished),
      unit: "",
      budget: { of: "figure", atLeast: 0.9 },
    },
  ];
}

async function batchRows(systems: Both): Promise<{ rows: Row[]; cpuMs: number | null }> {
  const [floor, dure] = await inTurns(systems, { name: "handler, end to end, batches" }, measure.endToEnd);
  const cpu = middle(dure, ({ cpuMs }) => cpuMs);
  const rows: Row[] = [
    {
      name: "handler, end to end, 20,000 in batches",
      floor: middle(floor, ({ perSecond }) => perSecond),
      dure: middle(dure, ({ perSecond }) => perSecond),
      unit: "jobs/s",
      budget: { of: "ratio", atLeast: 0.8 },
    },
    { name: "CPU of workerd a job, batches", floor: middle(floor, ({ cpuMs }) => cpuMs), dure: cpu, unit: "ms" },
  ];
  return { rows, cpuMs: cpu };
}

/** Batches for half a minute, and how far history is behind at its end, in jobs. */
export async function sustainedRows(systems: Both, unprojected: () => Promise<number>): Promise<Row[]> {
  const name = "handler, end to end, batches for 30 s with history";
  let behind = Number.NaN;
  const [floor, dure] = await inTurns(systems, { name, rounds: 1 }, async (system) => {
    const perSecond = await measure.sustained(system);
    if (system === systems[1]) behind = await unprojected();
    return perSecond;
  });
  return [
    { name, floor: floor?.[0] ?? null, dure: dure?.[0] ?? null, unit: "jobs/s", budget: { of: "ratio", atLeast: 0.8 } },
    { name: "jobs that are not in history at its end", dure: behind, unit: "" },
  ];
}

async function latencyRows(systems: Both): Promise<Row[]> {
  const once = async <T>(name: string, of: (system: System) => Promise<T>) =>
    (await inTurns(systems, { name, rounds: 1 }, of)).map(([value]) => value);
  const [floorLone = null, dureLone = null] = await once("a lone job", measure.loneLatency);
  const [floor, dure] = await once("latency at 50 jobs/s", measure.latencies);
  const [floorAfter, dureAfter] = await inTurns(systems, { name: "latency after a burst" }, measure.afterBurst);
  const p99 = (rounds: number[][] = []) => percentile(rounds.flat(), 0.99);
  const row = (name: string, of: Pick<Row, "floor" | "dure">, atMost: number): Row => ({
    name,
    ...of,
    unit: "ms",
    budget: { of: "ratio", atMost },
  });
  return [
    row("latency of a lone job, p50", { floor: floorLone, dure: dureLone }, 1.2),
    row("latency at 50 jobs/s, p50", { floor: floor?.p50 ?? null, dure: dure?.p50 ?? null }, 3),
    row("latency at 50 jobs/s, p99", { floor: floor?.p99 ?? null, dure: dure?.p99 ?? null }, 3),
    row("the same in the second after a burst of 20,000, p99", { floor: p99(floorAfter), dure: p99(dureAfter) }, 3),
  ];
}

async function commitRows(systems: Both): Promise<Row[]> {
  const [floor, dure] = await inTurns(systems, { name: "commits", rounds: 1 }, measure.commitsPerJob);
  return [
    {
      name: "commits (fsync) a job, 32 in flight",
      floor: floor?.[0] ?? null,
      dure: dure?.[0] ?? null,
      unit: "",
      budget: { of: "figure", atMost: 0.25 },
    },
  ];
}

/** What workerd has resident once all of this is over. Both were sent the same work. */
async function memoryRow([floor, dure]: Both): Promise<Row> {
  await waitUntilIdle(dure.pids());
  return {
    name: "memory of workerd after all of this (RSS)",
    floor: residentMb(floor.pid()),
    dure: residentMb(dure.pid()),
    unit: "MB",
    budget: { of: "ratio", atMost: 1.3 },
  };
}
