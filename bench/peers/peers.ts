import type { Dure } from "../dure/system.ts";
import * as measure from "../measure.ts";
import type { Row } from "../report.ts";
import { inTurns, middle } from "../rounds.ts";
import type { Runner, System } from "../system.ts";
import { startBullmq } from "./bullmq.ts";
import { BULLMQ } from "./packages.ts";

export interface Beside {
  floor: System;
  dure: Dure;
  /** The path of the program. */
  redisServer: string;
  /** Where Redis has its file. */
  stateDir: string;
}

/** Dure's figure beside that of another system, of the same rounds. */
type Pair<T> = readonly [other: readonly T[] | undefined, dure: readonly T[] | undefined];

/** Dure beside BullMQ, and beside the floor in the same rounds, so that the one can be told from the other's mood. */
export async function peerRows({ floor, dure, redisServer, stateDir }: Beside): Promise<Row[]> {
  const bullmq = await startBullmq(redisServer, stateDir);
  process.stderr.write(`        BullMQ ${BULLMQ} on ${redisServer}, append-only file synced once a second\n`);
  try {
    const systems: Runner[] = [floor, bullmq, dure];
    await inTurns(systems, { name: "warming up", rounds: 1 }, async (system) => {
      await measure.loaded(system, () => system.sendOne());
      await measure.endToEnd(system);
    });
    return [
      ...(await batches(systems)),
      ...(await singles({ floor, bullmq, dure })),
      ...(await latencies([bullmq, dure])),
    ];
  } finally {
    await bullmq.stop();
  }
}

async function batches(systems: Runner[]): Promise<Row[]> {
  const [floor, bullmq, dure] = await inTurns(systems, { name: "handler, end to end, batches" }, measure.endToEnd);
  const perSecond = ([other, own]: Pair<measure.EndToEnd>) => ({
    name: "handler, end to end, 20,000 in batches",
    floor: middle(other, (run) => run.perSecond),
    dure: middle(own, (run) => run.perSecond),
    unit: "jobs/s" as const,
  });
  return [
    { ...perSecond([floor, dure]), budget: { of: "ratio", atLeast: 0.8 } },
    { ...perSecond([bullmq, dure]), beside: "BullMQ", budget: { of: "ratio", atLeast: 3 } },
    {
      name: "CPU of all processes a job, batches",
      floor: middle(bullmq, (run) => run.allCpuMs),
      beside: "BullMQ",
      dure: middle(dure, (run) => run.allCpuMs),
      unit: "ms",
      budget: { of: "ratio", atMost: 0.35 },
    },
  ];
}

/** While handlers run them. Beside the floor each is a request; beside BullMQ, whose library pipelines, Dure's client joins those of one tick. */
async function singles({ floor, bullmq, dure }: { floor: System; bullmq: Runner; dure: Dure }): Promise<Row[]> {
  const ways = [
    { ...floor, send: () => floor.sendOne() },
    { ...dure, send: () => dure.sendOne() },
    { ...bullmq, send: () => bullmq.sendOne() },
    { ...dure, send: () => dure.sendJoined() },
  ];
  const name = "single submits, 32 in flight, handlers run them";
  const runs = await inTurns(ways, { name }, (way) => measure.loaded(way, way.send));
  const [ofFloor = null, alone = null, ofBullmq = null, joined = null] = runs.map((of) =>
    middle(of, ({ perSecond }) => perSecond),
  );
  return [
    { name, floor: ofFloor, dure: alone, unit: "jobs/s", budget: { of: "ratio", atLeast: 0.6 } },
    {
      name: `${name}, through the client`,
      floor: ofBullmq,
      beside: "BullMQ",
      dure: joined,
      unit: "jobs/s",
      budget: { of: "ratio", atLeast: 1 },
    },
  ];
}

async function latencies(systems: Runner[]): Promise<Row[]> {
  const [[bullmq] = [], [dure] = []] = await inTurns(
    systems,
    { name: "latency at 50 jobs/s", rounds: 1 },
    measure.latencies,
  );
  return (["p50", "p99"] as const).map((which) => ({
    name: `latency at 50 jobs/s, ${which}`,
    floor: bullmq?.[which] ?? null,
    beside: "BullMQ",
    dure: dure?.[which] ?? null,
    unit: "ms",
  }));
}
