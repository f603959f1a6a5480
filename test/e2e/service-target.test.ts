import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ExampleHost, startExample } from "./example-host.ts";

/** Jobs to a service whose instances are servers on this machine, on the platform as `npm start` runs it. */

let platform: ExampleHost;
const receivers: Receiver[] = [];

/** One instance: it counts what it is asked, and can be killed and started again at its port. */
class Receiver {
  asked = 0;
  underWay = 0;
  most = 0;
  /** How long an answer takes, in ms. */
  answerMs = 5;
  port = 0;
  #server: Server | null = null;

  async start(): Promise<void> {
    const server = createServer((request, response) => void this.#answer(request, response));
    await new Promise<void>((listening) => server.listen(this.port, "127.0.0.1", listening));
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  kill(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
    this.#server = null;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.asked += 1;
    this.underWay += 1;
    this.most = Math.max(this.most, this.underWay);
    request.resume();
    await new Promise((resolve) => setTimeout(resolve, this.answerMs));
    this.underWay -= 1;
    response.writeHead(200, { "content-type": "application/json" }).end('{"sent":true}');
  }
}

beforeAll(async () => {
  platform = await startExample(["events"]);
  for (let i = 0; i < 3; i++) receivers.push(new Receiver());
  await Promise.all(receivers.map((receiver) => receiver.start()));
});
afterAll(async () => {
  await platform.stop();
  for (const receiver of receivers) receiver.kill();
});

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${platform.host.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${platform.key}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return JSON.parse(text) as T;
}

async function putService(name: string, over: object): Promise<void> {
  const instances = receivers.map(({ url }) => ({ url }));
  await call("PUT", `/v1/services/${name}`, { instances, ...over });
  await call("PUT", `/v1/queues/${name}`, {
    target: { type: "service", service: name, path: "/send" },
    retry: { maxAttempts: 8, delay: 0.5, jitter: "none", backoff: "constant" },
  });
}

async function submit(queue: string, count: number): Promise<string[]> {
  const jobs = Array.from({ length: count }, (_, i) => ({ queue, payload: { i } }));
  const { items } = await platform.dure.submitBatch({ atomic: false, jobs });
  return items.map((item) => ("id" in item ? item.id : ""));
}

const finished = async (ids: string[]) =>
  (await Promise.all(ids.map((id) => platform.dure.wait(id, { timeoutSeconds: 60 })))).map(({ state }) => state);
const asked = () => receivers.map((receiver) => receiver.asked);

interface Live {
  state: { breaker: { state: string }; instances: { events: { to: string }[] }[] };
}

describe("an instance that is killed", () => {
  it("costs no job, is left, and is asked again when it is back", async () => {
    await putService("trio", {
      outlier: { consecutiveFailures: 3, baseEjection: 3, maxEjectedPercent: 40 },
      breaker: null,
    });
    const [dying] = receivers;
    if (dying === undefined) throw new Error("there are three");
    const before = await submit("trio", 150);
    expect(await finished(before)).toEqual(before.map(() => "succeeded"));
    for (const count of asked()) expect(count).toBeGreaterThan(15);
    dying.kill();
    const during = await submit("trio", 300);
    expect(await finished(during)).toEqual(during.map(() => "succeeded"));
    const { state } = await call<Live>("GET", "/v1/services/trio");
    // By now it may be tried again.
    expect(state.instances[0]?.events.map(({ to }) => to)).toContain("ejected");
    await dying.start();
    const whenDown = dying.asked;
    await expect
      .poll(
        async () => {
          const ids = await submit("trio", 30);
          expect(await finished(ids)).toEqual(ids.map(() => "succeeded"));
          return dying.asked;
        },
        { timeout: 60_000, interval: 500 },
      )
      .toBeGreaterThan(whenDown);
  });
});

describe("a service that is down as a whole", () => {
  it("keeps its jobs, unspent, and gives them when it is back", async () => {
    await putService("fallen", {
      outlier: null,
      breaker: { failureRate: 0.5, minRequests: 5, window: 10, openFor: 3, halfOpenProbes: 2 },
    });
    for (const receiver of receivers) receiver.kill();
    const ids = await submit("fallen", 20);
    await expect
      .poll(async () => (await call<Live>("GET", "/v1/services/fallen")).state.breaker.state, { timeout: 30_000 })
      .toBe("open");
    const more = await submit("fallen", 100);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const waiting = await Promise.all(more.map((id) => platform.dure.get(id)));
    expect(waiting.filter(({ state, attempt }) => state !== "queued" || attempt > 0).length).toBeLessThan(20);
    await Promise.all(receivers.map((receiver) => receiver.start()));
    expect(await finished([...ids, ...more])).toEqual([...ids, ...more].map(() => "succeeded"));
  });
});

describe("a bulkhead", () => {
  it("is never exceeded, as the receivers count", async () => {
    await putService("narrow", { bulkhead: { maxInFlight: 4 }, breaker: null });
    for (const receiver of receivers) Object.assign(receiver, { most: 0, answerMs: 20 });
    const ids = await submit("narrow", 200);
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(
        most,
        receivers.reduce((sum, { underWay }) => sum + underWay, 0),
      );
    }, 1);
    expect(await finished(ids)).toEqual(ids.map(() => "succeeded"));
    clearInterval(watch);
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(4);
  });
});
