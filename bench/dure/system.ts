import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Dure as DureClient } from "../../client/src/index.ts";
import { startHost } from "../../scripts/host.ts";
import { parseMetrics } from "../../scripts/metrics.ts";
import { Client } from "../load.ts";
import { PAYLOAD, type System } from "../system.ts";
import type { Counts } from "./counts.ts";

const ROOT_KEY = "dure_root_of-the-bench-0123456789abcdefghijkl";
const PULLED = "bench-pull";
const PUSHED = "bench-noop";
const CLAIM = JSON.stringify({ max: 100 });

export interface Dure extends System {
  /** Accepts one job for the no-op handler through the client as users have it, which joins the calls of one tick. */
  sendJoined(): Promise<unknown>;
  /** Where it answers, without a slash at the end. */
  url: string;
  rootKey: string;
  /** Creates or replaces a queue. */
  putQueue(name: string, settings: object): Promise<void>;
  /** Accepts jobs of `queue` as one batch; each is what `fields` says beside queue and payload. */
  submitTo(queue: string, n: number, fields: (i: number) => object, atomic?: boolean): Promise<unknown>;
  /** Reads a job in the session of all that was read. Returns the level of the answer. */
  read(id: string, level: ReadAt): Promise<string>;
  /** Claims up to 100 jobs of a pull queue. */
  claim(queue: string): Promise<Claimed[]>;
  /** Reports success of claimed jobs. */
  succeed(jobs: Claimed[]): Promise<unknown>;
  /** Finished jobs of a queue so far. */
  finishedOf(queue: string): Promise<number>;
  /** A request that needs a key and reaches no shard. */
  askNothing(): Promise<unknown>;
  metrics(): Promise<Map<string, number>>;
  /** Bindings used so far by both Workers and the objects. Only of a counted platform. */
  used(): Promise<Counts>;
}

export type ReadAt = "strong" | "session" | "eventual";

export interface Claimed {
  id: string;
  priority: number;
  createdAt: string;
  lease: string;
}

/**
 * Dure as `npm start` runs it. `counted`: with entry modules around the real ones that count every use of a binding, for
 * counts and not for speed; the others have no request budget, which they would come to the end of.
 */
export async function startDure(stateDir: string, counted: boolean): Promise<Dure> {
  const here = import.meta.dirname;
  const host = await startHost({
    port: 0,
    rootKey: ROOT_KEY,
    stateDir,
    // What is billed is counted as deployed: an executor does not look at every shard four times a second.
    vars: counted ? { SWEEP_MS: "0" } : { RATE_LIMIT: "0" },
    ...(counted ? { mains: [join(here, "counted-gateway.ts"), join(here, "counted-processor.ts")] } : {}),
  });
  const authorization = `Bearer ${ROOT_KEY}`;
  const client = new Client(host.url, { authorization });
  await ready(client);
  // A shard has its share of what a namespace may have, and one of them is to have a million jobs.
  await put(`${host.url}/v1/namespaces/default`, authorization, { limits: { unfinishedJobs: null, bytes: null } });
  await putQueue(host.url, authorization, PULLED, { target: { type: "pull" } });
  await putQueue(host.url, authorization, PUSHED, { target: { type: "handler", name: "noop" } });

  const one = (queue: string) => JSON.stringify({ queue, payload: PAYLOAD });
  const batch = (queue: string, n: number) =>
    JSON.stringify({ jobs: Array.from({ length: n }, () => ({ queue, payload: PAYLOAD })) });
  const joining = new DureClient({ url: host.url, key: ROOT_KEY });
  const leased = new Map<number, string[]>();
  let bookmark: string | null = null;
  const countsOf = async (queue: string) => {
    const { counts } = JSON.parse(await client.send(`/v1/queues/${queue}/stats`)) as {
      counts: Record<string, number>;
    };
    const finished = (counts.succeeded ?? 0) + (counts.failed ?? 0) + (counts.cancelled ?? 0);
    return { accepted: Object.values(counts).reduce((sum, n) => sum + n, 0), finished };
  };
  const usedBy = async (name: string) => {
    const response = await (await host.mf.getWorker(name)).fetch("http://dure/bench/used");
    return (await response.json()) as Counts;
  };
  return {
    name: "Dure",
    url: host.url,
    rootKey: ROOT_KEY,
    submitOne: () => client.send("/v1/jobs", one(PULLED)),
    submitBatch: (n) => client.send("/v1/batches", batch(PULLED, n)),
    pullTurn: async (worker) => {
      const reports = (leased.get(worker) ?? []).map((lease) => ({ lease, ok: true, result: null }));
      const claim = { queue: PULLED, max: 100 };
      const text =
        reports.length === 0
          ? await client.send(`/v1/queues/${PULLED}/claim`, JSON.stringify({ max: 100 }))
          : await client.send("/v1/reports", JSON.stringify({ reports, claim }));
      const { jobs } = JSON.parse(text) as { jobs: { lease: string }[] };
      leased.set(
        worker,
        jobs.map((job) => job.lease),
      );
      return jobs.length;
    },
    sendOne: () => client.send("/v1/jobs", one(PUSHED)),
    sendJoined: () => joining.submit({ queue: PUSHED, payload: PAYLOAD }),
    sendBatch: (n) => client.send("/v1/batches", batch(PUSHED, n)),
    runOne: () => client.send("/v1/jobs", one(PUSHED), { prefer: "wait=10" }),
    counts: () => countsOf(PUSHED),
    finishedOf: async (queue) => (await countsOf(queue)).finished,
    putQueue: (name, settings) => putQueue(host.url, authorization, name, settings),
    submitTo: (queue, n, fields, atomic = false) => {
      const jobs = Array.from({ length: n }, (_, i) => ({ queue, payload: PAYLOAD, ...fields(i) }));
      return client.send("/v1/batches", JSON.stringify({ atomic, jobs }));
    },
    read: async (id, level) => {
      const seen = bookmark === null ? {} : { "dure-bookmark": bookmark };
      const { headers } = await client.ask(`/v1/jobs/${id}?consistency=${level}`, seen);
      bookmark = headers["dure-bookmark"] ?? bookmark;
      return headers["dure-consistency"] ?? "";
    },
    claim: async (queue) => JSON.parse(await client.send(`/v1/queues/${queue}/claim`, CLAIM)).jobs as Claimed[],
    succeed: (jobs) => {
      const reports = jobs.map(({ lease }) => ({ lease, ok: true, result: null }));
      return client.send("/v1/reports", JSON.stringify({ reports }));
    },
    // Nothing is there: 404.
    askNothing: () => client.send("/v1/nothing").catch(() => undefined),
    metrics: async () => parseMetrics(await client.send("/metrics")),
    used: async () => {
      const [gateway, processor] = await Promise.all([usedBy("dure-gateway"), usedBy("dure-processor")]);
      return Object.fromEntries(
        Object.keys(gateway).map((key) => [key, gateway[key as keyof Counts] + processor[key as keyof Counts]]),
      ) as unknown as Counts;
    },
    pid: () => host.workerd(),
    pids: () => host.workerd(),
    stop: async () => {
      await client.close();
      await host.stop();
    },
  };
}

async function ready(client: Client): Promise<void> {
  for (;;) {
    if (JSON.parse(await client.send("/readyz")).status === "ok") return;
    await pause(100);
  }
}

function putQueue(url: string, authorization: string, name: string, settings: object): Promise<void> {
  return put(`${url}/v1/queues/${name}`, authorization, settings);
}

async function put(url: string, authorization: string, body: object): Promise<void> {
  const response = await fetch(url, {
    method: "PUT",
    headers: { authorization, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
}
