import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { Api, JobView } from "./api.ts";

/** A service of three instances, of which one is killed and one becomes slow while jobs run: the demo's last part. */
const SERVICE = "senders";
const QUEUE = "letters";
/** Jobs of each part, so many a second. */
const JOBS = 300;
const PER_SECOND = 60;
const QUICK_MS = 10;
const SLOW_MS = 1_000;
const PATIENCE_MS = 60_000;
const HEALTHY_WITHIN_MS = 30_000;

/** One instance, on a port of the loopback interface that stays its own. */
export class Instance {
  #server: Server | null = null;
  #port = 0;
  delayMs = QUICK_MS;
  /** The jobs that it was asked to do, by their ids. */
  readonly asked: string[] = [];

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      request.resume();
      void this.#answer(request.headers["dure-job-id"], response);
    });
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async #answer(job: string | string[] | undefined, response: ServerResponse): Promise<void> {
    if (typeof job === "string") {
      this.asked.push(job);
      await pause(this.delayMs);
    }
    response.writeHead(200, { "content-type": "application/json" }).end('"sent"');
  }

  /** Ends as a process that is killed: what it had under way is cut off. */
  kill(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
    this.#server = null;
  }
}

/** What one part of the demo came to. */
export interface Part {
  name: string;
  /** Requests that each instance had. */
  requests: number[];
  succeeded: number;
  /** Attempts that failed, and were made again. */
  failedAttempts: number;
  /** Milliseconds from each job's acceptance to its success. */
  latencies: number[];
}

/** Sends jobs to the service before, while and after one instance is dead and another slow. */
export async function runService(api: Api): Promise<{ jobs: number; parts: Part[] }> {
  const [one, dying, slowing] = [new Instance(), new Instance(), new Instance()];
  const instances = [one, dying, slowing];
  for (const instance of instances) await instance.start();
  try {
    await make(api, instances);
    const parts = [await part(api, instances, "before")];
    dying.kill();
    slowing.delayMs = SLOW_MS;
    parts.push(await part(api, instances, "one killed, one slow"));
    await dying.start();
    slowing.delayMs = QUICK_MS;
    await untilHealthy(api);
    parts.push(await part(api, instances, "all back"));
    return { jobs: JOBS, parts };
  } finally {
    for (const instance of instances) instance.kill();
  }
}

async function make(api: Api, instances: readonly Instance[]): Promise<void> {
  const service = {
    instances: instances.map(({ url }) => ({ url })),
    healthCheck: { path: "/health", interval: 1, timeout: 1, unhealthyThreshold: 2 },
    outlier: { consecutiveFailures: 3, baseEjection: 2, maxEjectedPercent: 40 },
  };
  const queue = {
    target: { type: "service", service: SERVICE, path: "/send" },
    retry: { maxAttempts: 10, backoff: "constant", delay: 0.2, jitter: "none" },
  };
  for (const [path, body] of [
    [`/v1/services/${SERVICE}`, service],
    [`/v1/queues/${QUEUE}`, queue],
  ] as const) {
    const { status, body: answer } = await api.retry("PUT", path, { body });
    if (status >= 300) throw new Error(`${path} was refused: ${status} ${JSON.stringify(answer)}`);
  }
}

async function part(api: Api, instances: readonly Instance[], name: string): Promise<Part> {
  const before = instances.map(({ asked }) => asked.length);
  const prefix = `${name}/`;
  for (let n = 0; n < JOBS; n++) {
    const body = { queue: QUEUE, idempotencyKey: `${prefix}${n}`, payload: n };
    void api.retry("POST", "/v1/jobs", { body, patienceMs: PATIENCE_MS });
    await pause(1_000 / PER_SECOND);
  }
  const jobs = await finished(api, prefix);
  const attempts = jobs.flatMap((job) => job.attempts);
  return {
    name,
    requests: instances.map((instance, i) => instance.asked.length - (before[i] ?? 0)),
    succeeded: jobs.filter(({ state }) => state === "succeeded").length,
    failedAttempts: attempts.filter(({ outcome }) => outcome === "failed").length,
    latencies: jobs.map(({ createdAt, finishedAt }) => Date.parse(finishedAt ?? "") - Date.parse(createdAt)),
  };
}

/** The jobs of a part, once all of them are final, or the time is over. */
async function finished(api: Api, prefix: string): Promise<JobView[]> {
  for (const until = Date.now() + PATIENCE_MS; ; await pause(500)) {
    const jobs = (await api.jobs(QUEUE)).filter(({ idempotencyKey }) => idempotencyKey?.startsWith(prefix));
    const final = jobs.filter(({ finishedAt }) => finishedAt !== null);
    if (final.length === JOBS || Date.now() > until) return final;
  }
}

async function untilHealthy(api: Api): Promise<void> {
  for (const until = Date.now() + HEALTHY_WITHIN_MS; Date.now() < until; await pause(200)) {
    const { body } = await api.retry("GET", `/v1/services/${SERVICE}`);
    const { state } = body as { state: { instances: { state: string }[] } };
    if (state.instances.every((instance) => instance.state === "healthy")) return;
  }
}
