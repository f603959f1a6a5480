import { setTimeout as pause } from "node:timers/promises";
import { percentile } from "../../scripts/metrics.ts";
import { Instance } from "../../scripts/service-instances.ts";
import type { Dure } from "../dure/system.ts";
import { Client, fixedWork, median, openLoop } from "../load.ts";
import type { Row } from "../report.ts";

/** Jobs at a service of three instances, and what others feel of it when it is down. */
const SERVICE = "trio";
const JOBS_OF_SERVICE = "trio-jobs";
const OTHER = "others";

const PER_SECOND = 50;
const WARM_UP_MS = 3_000;
/** Of each side, in turns with the other. */
const MEASURED_MS = 10_000;
const TURNS = 4;
const SLOW_MS = 2_000;
/** Jobs that wait for the service while it is down. */
const WAITING = 1_000;
/** Jobs of the other queue, of which one round runs so many. */
const ROUND = 20_000;
const BATCH = 100;
const ROUNDS = 7;
const COUNTED = 1_000;

/** Of a platform that counts what its objects are called for. */
export async function serviceCallRows(system: Dure): Promise<Row[]> {
  return withService(system, async () => {
    await run(system, JOBS_OF_SERVICE, COUNTED);
    const before = (await system.used()).serviceCalls;
    await run(system, JOBS_OF_SERVICE, COUNTED);
    const calls = (await system.used()).serviceCalls - before;
    const name = "jobs at a service: calls of its object a thousand jobs";
    return [{ name, dure: (calls * 1_000) / COUNTED, unit: "", budget: { of: "figure", atMost: 100 } }];
  });
}

/** Of a platform as it is deployed: beside a slow instance, and beside a service that is down. */
export function serviceJobRows(system: Dure): Promise<Row[]> {
  return withService(system, async (instances) => [
    ...(await besideSlow(system, instances)),
    await besideDown(system, instances),
  ]);
}

async function withService(system: Dure, measure: (instances: Instance[]) => Promise<Row[]>): Promise<Row[]> {
  const instances = [new Instance(), new Instance(), new Instance()];
  for (const instance of instances) await instance.start();
  try {
    const service = {
      instances: instances.map(({ url }) => ({ url })),
      outlier: { consecutiveFailures: 5, baseEjection: 5, maxEjectedPercent: 40 },
      breaker: { openFor: 5 },
    };
    await call(system, `PUT /v1/services/${SERVICE}`, service);
    const retry = { maxAttempts: 100, backoff: "constant", delay: 1, jitter: "none" };
    await system.putQueue(JOBS_OF_SERVICE, { target: { type: "service", service: SERVICE, path: "/send" }, retry });
    await system.putQueue(OTHER, { target: { type: "handler", name: "noop" } });
    return await measure(instances);
  } finally {
    for (const instance of instances) instance.kill();
  }
}

/** How long jobs take whose instance is not the slow one, while there is none and while there is one. */
async function besideSlow(system: Dure, instances: Instance[]): Promise<Row[]> {
  const client = clientOf(system);
  const [slow] = instances;
  if (slow === undefined) throw new Error("there are three");
  const body = JSON.stringify({ queue: JOBS_OF_SERVICE, payload: 1 });
  const times = async (ms: number) => {
    const taken: { id: string; ms: number }[] = [];
    await openLoop(PER_SECOND, ms, async () => {
      const start = performance.now();
      const { id } = JSON.parse(await client.send("/v1/jobs", body, { prefer: "wait=30" })) as { id: string };
      taken.push({ id, ms: performance.now() - start });
    });
    return taken;
  };
  await times(WARM_UP_MS);
  const [alone, beside]: [number[], number[]] = [[], []];
  let atSlow = 0;
  for (let turn = 0; turn < TURNS; turn++) {
    slow.delayMs = 0;
    alone.push(...(await times(MEASURED_MS)).map(({ ms }) => ms));
    slow.delayMs = SLOW_MS;
    slow.asked.length = 0;
    const during = await times(MEASURED_MS);
    const asked = new Set(slow.asked);
    beside.push(...during.filter(({ id }) => !asked.has(id)).map(({ ms }) => ms));
    atSlow += asked.size;
  }
  slow.delayMs = 0;
  await client.close();
  const name = (p: string) =>
    `jobs at the quick two of three instances, the third takes 2 s (${atSlow} of ${atSlow + beside.length} went there), ${p}`;
  return [
    {
      name: name("p50"),
      beside: "all quick",
      floor: percentile(alone, 0.5),
      dure: percentile(beside, 0.5),
      unit: "ms",
    },
    {
      name: name("p99"),
      beside: "all quick",
      floor: percentile(alone, 0.99),
      dure: percentile(beside, 0.99),
      unit: "ms",
      budget: { of: "ratio", atMost: 1.5 },
    },
  ];
}

/** How many jobs of another queue end in a second while the service is down: its queue paused, and not, round by round. */
async function besideDown(system: Dure, instances: Instance[]): Promise<Row> {
  for (const instance of instances) instance.kill();
  await send(system, JOBS_OF_SERVICE, WAITING);
  const perSecond = async () => {
    const start = performance.now();
    await run(system, OTHER, ROUND);
    return (ROUND * 1_000) / (performance.now() - start);
  };
  await perSecond();
  const [paused, waiting]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    await call(system, `POST /v1/queues/${JOBS_OF_SERVICE}/pause`, {});
    paused.push(await perSecond());
    await call(system, `POST /v1/queues/${JOBS_OF_SERVICE}/resume`, {});
    waiting.push(await perSecond());
  }
  return {
    name: `jobs of another queue, ${WAITING} jobs wait for a service that is down`,
    beside: "its queue paused",
    floor: median(paused),
    dure: median(waiting),
    unit: "jobs/s",
    budget: { of: "ratio", atLeast: 0.9 },
  };
}

async function send(system: Dure, queue: string, jobs: number): Promise<void> {
  await fixedWork(4, jobs / BATCH, () => system.submitTo(queue, BATCH, () => ({})));
}

/** Sends jobs, and comes back when they have ended. */
async function run(system: Dure, queue: string, jobs: number): Promise<void> {
  const before = await system.finishedOf(queue);
  await send(system, queue, jobs);
  while ((await system.finishedOf(queue)) < before + jobs) await pause(10);
}

function clientOf({ url, rootKey }: Dure): Client {
  return new Client(url, { authorization: `Bearer ${rootKey}` });
}

async function call({ url, rootKey }: Dure, line: `${"PUT" | "POST"} ${string}`, body: object): Promise<void> {
  const [method = "", path = ""] = line.split(" ");
  const headers = { authorization: `Bearer ${rootKey}`, "content-type": "application/json" };
  const answer = await fetch(url + path, { method, headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
}
