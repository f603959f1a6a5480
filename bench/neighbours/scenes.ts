import { setTimeout as pause } from "node:timers/promises";
import { PAYLOAD } from "../system.ts";
import type { Targets } from "./targets.ts";
import type { Tenant } from "./tenant.ts";

/** What a neighbour does while the victim is measured. */
export interface Scene {
  name: string;
  /** How often a second it does so at first, and at most: how often a fifth of a core pays for is found by trying. Null: that is fixed. */
  rate: { first: number; most: number } | null;
  /** Begins at this rate, and answers how to end it. */
  begin(perSecond: number): Promise<() => Promise<void>>;
}

export const BACKLOG_QUEUE = "backlog";
const POLLED_QUEUE = "empty";
const HANGING_QUEUE = "hanging";
const FILLED_QUEUE = "filled";
const DYING_QUEUE = "dying";
/** The neighbour's service, of which no instance answers. */
const DYING_SERVICE = "dying";

const POLLERS = 2_000;
/** As long as an idle worker of the client waits. */
const POLL_SECONDS = 60;
/** They come one after the other, over this long. */
const POLLS_BEGIN_MS = 20_000;
const HANGING_JOBS = 1_600;
/** For so long each holds a connection. */
const HANGING_SECONDS = 2;
const BATCH = 100;
/** Whoever is refused without being told for how long comes again after this. */
const REFUSED_MS = 1_000;

/** Beyond this the client, which shares the machine, would be the neighbour. */
const MAX_PER_SECOND = 400;
/** Calls that have not been answered yet: beyond this a call is left out, as a client with a pool would. */
const MAX_OPEN = 64;

export interface Neighbour {
  tenant: Tenant;
  /** The same namespace with another key: as many requests of each key may wait. */
  other: Tenant;
  targets: Targets;
  /** The id of a job of the neighbour's. */
  job: string;
}

/** All scenes, one after the other. The neighbour has a backlog in `BACKLOG_QUEUE` throughout. */
export function scenesOf(neighbour: Neighbour): Scene[] {
  const { tenant, job } = neighbour;
  const at = (name: string, ...calls: Call[]): Scene => ({
    name,
    rate: { first: MAX_PER_SECOND / 20, most: MAX_PER_SECOND },
    begin: (perSecond) => callsAtRate(perSecond, calls),
  });
  return [
    at("reads", () => tenant.call(`/v1/jobs/${job}`)),
    at(
      "lists",
      () => tenant.call("/v1/jobs?limit=50"),
      () => tenant.call(`/v1/jobs?queue=${BACKLOG_QUEUE}&tag=none`),
      () => tenant.call(`/v1/queues/${BACKLOG_QUEUE}/stats`),
    ),
    at(
      "audits and scrapes",
      () => tenant.call("/v1/audit"),
      () => tenant.call("/v1/cluster"),
      () => tenant.call("/metrics", { anonymous: true }),
      () => tenant.call("/readyz", { anonymous: true }),
    ),
    { name: `polls (${POLLERS} at once)`, rate: null, begin: () => polls(neighbour) },
    at("fills", () => tenant.call("/v1/batches", { method: "POST", body: batchOf(FILLED_QUEUE, 20) })),
    {
      name: `hangs (${HANGING_JOBS} jobs)`,
      rate: { first: 5, most: 80 },
      begin: (perSecond) => hangs(neighbour, perSecond),
    },
    { name: `has a dying service (${HANGING_JOBS} jobs)`, rate: null, begin: () => dies(neighbour) },
  ];
}

/** The neighbour's queues. */
export async function makeQueues({ tenant, targets }: Pick<Neighbour, "tenant" | "targets">): Promise<void> {
  const put = (name: string, body: object) => tenant.done(`/v1/queues/${name}`, { method: "PUT", body });
  await put(BACKLOG_QUEUE, { target: { type: "pull" } });
  await put(POLLED_QUEUE, { target: { type: "pull" } });
  await put(FILLED_QUEUE, { target: { type: "pull" } });
  await put(HANGING_QUEUE, { ...hangingQueue(targets, 1), paused: true });
  await tenant.done(`/v1/services/${DYING_SERVICE}`, { method: "PUT", body: dyingService(targets) });
  await put(DYING_QUEUE, {
    target: { type: "service", service: DYING_SERVICE, path: "/" },
    paused: true,
    retry: { maxAttempts: 100, backoff: "constant", delay: 1, jitter: "none" },
  });
  for (let sent = 0; sent < HANGING_JOBS; sent += BATCH) {
    for (const queue of [HANGING_QUEUE, DYING_QUEUE])
      await tenant.done("/v1/batches", { method: "POST", body: batchOf(queue, BATCH) });
  }
}

/** Its breaker opens soon, and a probe hangs for as long as any request. */
function dyingService({ hanging }: Targets): object {
  return {
    instances: [{ url: new URL(hanging).origin }],
    firstByteTimeout: HANGING_SECONDS,
    breaker: { openFor: HANGING_SECONDS },
  };
}

function hangingQueue(targets: Targets, perSecond: number): object {
  return {
    target: { type: "http", url: targets.hanging, firstByteTimeout: HANGING_SECONDS },
    timeout: 900,
    paused: false,
    rate: { limit: perSecond, period: 1 },
    retry: { maxAttempts: 100, backoff: "constant", delay: 0.1, jitter: "none" },
  };
}

export function batchOf(queue: string, jobs: number): object {
  return { jobs: Array.from({ length: jobs }, () => ({ queue, payload: PAYLOAD })) };
}

type Call = () => Promise<unknown>;

/** Makes the calls in turn, so often a second, whether earlier ones have been answered or not. */
async function callsAtRate(perSecond: number, calls: Call[]): Promise<() => Promise<void>> {
  const open = new Set<Promise<unknown>>();
  let going = true;
  const loop = async () => {
    const start = performance.now();
    for (let i = 0; going; i++) {
      const wait = start + (i * 1000) / perSecond - performance.now();
      if (wait > 0) await pause(wait);
      if (open.size >= MAX_OPEN) continue;
      const answer: Promise<unknown> = (calls[i % calls.length] as Call)().finally(() => open.delete(answer));
      open.add(answer);
    }
  };
  const done = loop();
  return async () => {
    going = false;
    await done;
    await Promise.allSettled(open);
  };
}

/** Pull workers of a queue that never has a job, each with one poll open at any time. */
async function polls({ tenant, other }: Neighbour): Promise<() => Promise<void>> {
  const gone = new AbortController();
  const poller = async (i: number) => {
    await pause((i * POLLS_BEGIN_MS) / POLLERS);
    // The first end one after the other, and so do all that follow.
    let wait = 1 + Math.round(((POLL_SECONDS - 1) * 1000 * i) / POLLERS) / 1000;
    while (!gone.signal.aborted) {
      const init = { method: "POST" as const, body: { wait, worker: `w${i}` }, signal: gone.signal };
      const { status, retryAfterMs } = await (i % 2 === 0 ? tenant : other).call(
        `/v1/queues/${POLLED_QUEUE}/claim`,
        init,
      );
      wait = POLL_SECONDS;
      if (status !== 200) await pause(Math.max(retryAfterMs, REFUSED_MS));
    }
  };
  const pollers = Array.from({ length: POLLERS }, (_, i) => poller(i));
  await pause(POLLS_BEGIN_MS);
  return async () => {
    gone.abort();
    await Promise.allSettled(pollers);
  };
}

/** Jobs whose target takes them and never answers: so many begin a second, and each holds its connection for two. */
async function hangs({ tenant, targets }: Neighbour, perSecond: number): Promise<() => Promise<void>> {
  const limit = Math.max(1, Math.round(perSecond));
  await tenant.done(`/v1/queues/${HANGING_QUEUE}`, { method: "PUT", body: hangingQueue(targets, limit) });
  for (let waited = 0; targets.held() < Math.min(8, limit) && waited < 50; waited++) await pause(100);
  // Until as many end as begin.
  await pause(HANGING_SECONDS * 1_000);
  return async () => {
    await tenant.done(`/v1/queues/${HANGING_QUEUE}/pause`, { method: "POST", body: {} });
    targets.drop();
  };
}

/** Jobs of a service that no longer answers: its breaker opens, and is half open now and then. */
async function dies({ tenant, targets }: Neighbour): Promise<() => Promise<void>> {
  const path = `/v1/queues/${DYING_QUEUE}`;
  await tenant.done(`${path}/resume`, { method: "POST", body: {} });
  await pause(HANGING_SECONDS * 2_000);
  return async () => {
    await tenant.done(`${path}/pause`, { method: "POST", body: {} });
    targets.drop();
  };
}
