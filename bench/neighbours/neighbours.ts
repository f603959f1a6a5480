import { setTimeout as pause } from "node:timers/promises";
import { percentile } from "../../scripts/metrics.ts";
import { fixedWork, openLoop } from "../load.ts";
import { waitUntilIdle } from "../process.ts";
import type { Row } from "../report.ts";
import { BACKLOG_QUEUE, batchOf, makeQueues, type Scene, scenesOf } from "./scenes.ts";
import { startTargets } from "./targets.ts";
import { makeTenant, type Tenant } from "./tenant.ts";

/** Jobs that the neighbour has waiting throughout. */
const BACKLOG = 300_000;
const BATCH = 1_000;
/** The victim's jobs a second, and how long it is measured alone, and then beside the neighbour, in one round. */
const PER_SECOND = 50;
const MEASURED_MS = 4_000;
const ROUNDS = 3;
const MAX_P50 = 1.5;
const MAX_P99 = 2;
const QUEUE = "victim";

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
  const tenant = await makeTenant(url, { rootKey, namespace: "neighbour", connections: 2_200 });
  try {
    await victim.done(`/v1/queues/${QUEUE}`, { method: "PUT", body: { target: { type: "http", url: targets.quick } } });
    await makeQueues({ tenant, targets });
    await fixedWork(4, BACKLOG / BATCH, () =>
      tenant.done("/v1/batches", { method: "POST", body: batchOf(BACKLOG_QUEUE, BATCH) }),
    );
    const { id } = (await tenant.done("/v1/jobs", { method: "POST", body: { queue: BACKLOG_QUEUE, payload: 1 } })) as {
      id: string;
    };
    const rows: Row[] = [];
    await measured(victim, 2_000);
    const scenes = scenesOf({ tenant, targets, pid: platform.pid, job: id }).filter(({ name }) =>
      name.startsWith(only),
    );
    for (const scene of scenes) {
      process.stderr.write(`        a neighbour that ${scene.name}\n`);
      rows.push(...(await beside(victim, scene, platform)));
    }
    return rows;
  } finally {
    await Promise.all([victim.close(), tenant.close()]);
    targets.close();
  }
}

async function beside(victim: Tenant, scene: Scene, { pid }: Platform): Promise<Row[]> {
  const alone: number[] = [];
  const together: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await waitUntilIdle(pid());
    alone.push(...(await measured(victim, MEASURED_MS)));
    const end = await scene.begin();
    await pause(500);
    together.push(...(await measured(victim, MEASURED_MS)));
    await end();
  }
  const row = (p: number, atMost: number): Row => ({
    name: `beside a neighbour that ${scene.name}: p${p * 100}`,
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
