import { setTimeout as pause } from "node:timers/promises";
import { percentile } from "../../scripts/metrics.ts";
import { fixedWork, openLoop } from "../load.ts";
import { cpuMs, waitUntilIdle } from "../process.ts";
import type { Row } from "../report.ts";
import { BACKLOG_QUEUE, batchOf, makeQueues, type Scene, scenesOf } from "./scenes.ts";
import { startTargets } from "./targets.ts";
import { makeTenant, type Tenant } from "./tenant.ts";

/** Jobs that the neighbour has waiting throughout. */
const BACKLOG = 300_000;
const BATCH = 1_000;
/**
 * The victim's jobs a second, and how long it is measured alone, and then beside the neighbour, in one round. In all 2,400 of each: the
 * collector stops everybody for a tenth of a second or two once in half a minute, which is ten jobs, and chance must not decide which
 * side has one more of them.
 */
const PER_SECOND = 50;
const MEASURED_MS = 6_000;
const ROUNDS = 8;
const MAX_P50 = 1.5;
const MAX_P99 = 2;
const QUEUE = "victim";
/** What a neighbour does is to cost this many milliseconds of CPU a second: a fifth of a core. */
const CPU_MS_PER_SECOND = 200;
/** Its rate is tried so often, each time for so long, and corrected by what that took. */
const TRIES = 3;
const TRIED_MS = 2_000;

/** The platform under test. */
export interface Platform {
  url: string;
  rootKey: string;
  pid(): number | null;
}

/**
 * Milliseconds from a victim's submission to the answer that its job has run at an HTTP target, alone and beside a
 * neighbour that does one thing. The neighbour has a backlog in both, and its calls come at a rate that takes a fifth of a core.
 * `only`: how the name of the scenes begins that are to be measured.
 */
export async function neighbourRows(platform: Platform, only = ""): Promise<Row[]> {
  const { url, rootKey } = platform;
  const targets = await startTargets();
  const victim = await makeTenant(url, { rootKey, namespace: "victim", connections: 128 });
  const [tenant, other] = [await makeNeighbour(platform), await makeNeighbour(platform)];
  try {
    // On one shard: else what is measured is mostly how often a shard comes next at which no executor waits, which is chance.
    await victim.done(`/v1/queues/${QUEUE}`, {
      method: "PUT",
      body: { target: { type: "http", url: targets.quick }, partitions: 1 },
    });
    await makeQueues({ tenant, targets });
    await fixedWork(4, BACKLOG / BATCH, () =>
      tenant.done("/v1/batches", { method: "POST", body: batchOf(BACKLOG_QUEUE, BATCH) }),
    );
    const { id } = (await tenant.done("/v1/jobs", { method: "POST", body: { queue: BACKLOG_QUEUE, payload: 1 } })) as {
      id: string;
    };
    const rows: Row[] = [];
    await measured(victim, 2_000);
    const scenes = scenesOf({ tenant, other, targets, job: id }).filter(({ name }) => name.startsWith(only));
    for (const scene of scenes) {
      process.stderr.write(`        a neighbour that ${scene.name}\n`);
      rows.push(...(await beside(victim, scene, platform)));
    }
    return rows;
  } finally {
    await Promise.all([victim, tenant, other].map((one) => one.close()));
    targets.close();
  }
}

function makeNeighbour({ url, rootKey }: Platform): Promise<Tenant> {
  return makeTenant(url, { rootKey, namespace: "neighbour", connections: 1_200 });
}

/** The rate at which a scene alone takes a fifth of a core, as far as it can, and the part of a core that it takes then. */
async function calibrated(scene: Scene, { pid }: Platform): Promise<{ perSecond: number; core: number | null }> {
  let perSecond = scene.rate?.first ?? 0;
  let core: number | null = null;
  for (let tries = 0; tries < TRIES; tries++) {
    await waitUntilIdle(pid());
    const end = await scene.begin(perSecond);
    await pause(500);
    const before = cpuMs(pid());
    const start = performance.now();
    await pause(TRIED_MS);
    const after = cpuMs(pid());
    const seconds = (performance.now() - start) / 1_000;
    await end();
    if (before === null || after === null) return { perSecond, core: null };
    const cpu = Math.max(1, (after - before) / seconds);
    core = cpu / 1_000;
    const isLast = tries === TRIES - 1;
    if (scene.rate === null || isLast) break;
    perSecond = Math.min(scene.rate.most, Math.max(1, (perSecond * CPU_MS_PER_SECOND) / cpu));
  }
  return { perSecond, core };
}

async function beside(victim: Tenant, scene: Scene, platform: Platform): Promise<Row[]> {
  const { pid } = platform;
  const { perSecond, core } = await calibrated(scene, platform);
  const alone: number[] = [];
  const together: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await waitUntilIdle(pid());
    alone.push(...(await measured(victim, MEASURED_MS)));
    const end = await scene.begin(perSecond);
    try {
      await pause(500);
      together.push(...(await measured(victim, MEASURED_MS)));
    } finally {
      await end();
    }
  }
  const rate = scene.rate === null ? "" : `${perSecond.toFixed(1)} a second, `;
  const worth = core === null ? "" : `, ${rate}${core.toFixed(2)} of a core`;
  const row = (p: number, atMost: number): Row => ({
    name: `beside a neighbour that ${scene.name}${worth}: p${p * 100}`,
    floor: percentile(alone, p),
    dure: percentile(together, p),
    unit: "ms",
    budget: { of: "ratio", atMost },
  });
  return [row(0.5, MAX_P50), row(0.99, MAX_P99)];
}

function measured(victim: Tenant, ms: number): Promise<number[]> {
  const run = async () => {
    const headers = { prefer: "wait=20" };
    const job = (await victim.done("/v1/jobs", { method: "POST", body: { queue: QUEUE, payload: 1 }, headers })) as {
      state: string;
    };
    if (job.state !== "succeeded") throw new Error(`the victim's job is ${job.state}`);
  };
  return openLoop(PER_SECOND, ms, run);
}
