import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { serviceObject } from "../../contract/rpc/service.ts";
import { call, freshName, getJob, must, newQueue, submit } from "./api.ts";
import { passTime, resetClock, runAlarms, stopClock } from "./clock.ts";
import { PROCESSOR_ENV, work } from "./processor.ts";

/** Jobs on their way to the instances of a service: processor, shards and the service's object, with receivers in place of the network. */

const RETRY = { maxAttempts: 6, backoff: "constant", delay: 0, jitter: "none" } as const;

/** What an instance does with a request. */
type Answer = (request: { job: string; url: URL; headers: Headers }) => Response | Promise<Response>;

const OK: Answer = () => new Response('{"sent":true}', { headers: { "content-type": "application/json" } });
const DOWN: Answer = () => Promise.reject(new Error("connection refused"));

vi.setConfig({ testTimeout: 120_000 });

/** Three instances of a service, and what each was asked. */
class Receivers {
  readonly name = freshName("svc");
  readonly urls = ["a", "b", "c"].map((one) => `https://${this.name}-${one}.example.com`);
  readonly answers = new Map<string, Answer>();
  readonly asked: { url: string; job: string; headers: Headers; body: string }[] = [];
  underWay = 0;
  most = 0;

  constructor() {
    vi.spyOn(globalThis, "fetch").mockImplementation(async (to, init) => this.#receive(String(to), init));
  }

  async #receive(to: string, init: RequestInit | undefined): Promise<Response> {
    const url = new URL(to);
    const headers = new Headers(init?.headers);
    const job = headers.get("dure-job-id") ?? "";
    // Of another test's service.
    if (!this.urls.includes(url.origin)) throw new Error("no such host");
    this.asked.push({ url: to, job, headers, body: String(init?.body) });
    this.underWay += 1;
    this.most = Math.max(this.most, this.underWay);
    try {
      return await (this.answers.get(url.origin) ?? OK)({ job, url, headers });
    } finally {
      this.underWay -= 1;
    }
  }

  all(answer: Answer): void {
    for (const url of this.urls) this.answers.set(url, answer);
  }

  count(url: string): number {
    return this.asked.filter((one) => one.url.startsWith(url)).length;
  }

  async put(over: object = {}): Promise<void> {
    const instances = this.urls.map((url) => ({ url }));
    await must("PUT", `/v1/services/${this.name}`, { body: { instances, ...over } });
  }

  queue(over: object = {}): Promise<string> {
    return newQueue({ target: { type: "service", service: this.name, path: "/send?x=1" }, retry: RETRY, ...over });
  }

  state() {
    return must<{
      state: { breaker: { state: string }; inFlight: number; instances: { url: string; state: string }[] };
    }>("GET", `/v1/services/${this.name}`).then(({ state }) => state);
  }
}

async function submitMany(queue: string, count: number): Promise<string[]> {
  const jobs = Array.from({ length: count }, (_, i) => ({ queue, payload: i }));
  const { items } = await must<{ items: { id: string }[] }>("POST", "/v1/batches", { body: { atomic: false, jobs } });
  return items.map(({ id }) => id);
}

interface Counts {
  succeeded: number;
  failed: number;
}

const countsOf = async (queue: string) => (await must<{ counts: Counts }>("GET", `/v1/queues/${queue}/stats`)).counts;
const explained = (id: string) =>
  must<{ reason: string; detail: string; estimatedStartAt: string }>("GET", `/v1/jobs/${id}/explain`);

/** Rings until all jobs of the queue are final, or `rounds` are over. */
async function workUntilDone(queue: string, jobs: number, { rounds = 60, bindings = PROCESSOR_ENV } = {}) {
  for (let round = 0; round < rounds; round++) {
    await work("default", bindings);
    const { succeeded, failed } = await countsOf(queue);
    if (succeeded + failed >= jobs) return { succeeded, failed };
    passTime(1_100);
    await runAlarms();
  }
  const { succeeded, failed } = await countsOf(queue);
  return { succeeded, failed };
}

const all = (jobs: number) => ({ succeeded: jobs, failed: 0 });

afterEach(() => {
  resetClock();
  vi.restoreAllMocks();
});

describe("a job of a queue whose target is a service", () => {
  it("is sent to an instance, signed, with its deadline, and the answer is its result", async () => {
    const receivers = new Receivers();
    await receivers.put({ timeout: 10 });
    const queue = await receivers.queue({ timeout: 60 });
    const before = Date.now();
    const { id } = await submit({ queue, payload: { a: 1 } });
    await work();
    expect(await getJob(id)).toMatchObject({ state: "succeeded", attempt: 1, result: { sent: true } });
    const [sent] = receivers.asked;
    expect(sent?.url).toMatch(/^https:\/\/svc-\d+-[abc]\.example\.com\/send\?x=1$/);
    expect(sent).toMatchObject({ job: id, body: '{"a":1}' });
    expect(sent?.headers.get("webhook-signature")).toMatch(/^v1,/);
    const leftMs = Date.parse(sent?.headers.get("dure-deadline") ?? "") - before;
    expect(leftMs).toBeGreaterThan(9_000);
    expect(leftMs).toBeLessThan(15_000);
  });

  it("goes to all instances in turn, and a thousand of them take few calls of the service's object", async () => {
    const receivers = new Receivers();
    await receivers.put({ strategy: "roundRobin" });
    const queue = await receivers.queue();
    const ids = (await Promise.all([submitMany(queue, 500), submitMany(queue, 500)])).flat();
    let calls = 0;
    const counted = new Proxy(env.SERVICE, {
      get(namespace, key) {
        if (key !== "getByName") return Reflect.get(namespace, key);
        return (...args: Parameters<typeof env.SERVICE.getByName>) => {
          calls += 1;
          return namespace.getByName(...args);
        };
      },
    });
    const bindings = { ...PROCESSOR_ENV, SERVICE: counted };
    expect(await workUntilDone(queue, ids.length, { bindings })).toEqual(all(1000));
    for (const url of receivers.urls) expect(receivers.count(url)).toBeGreaterThan(250);
    expect(receivers.asked).toHaveLength(1000);
    // Two an invocation of six connections, and one in two seconds of work: how many that makes depends on the machine. None a job.
    expect(calls).toBeLessThan(400);
    expect((await receivers.state()).inFlight).toBe(0);
  });

  it("waits as long as its answer says, and 503 says of the instance that it is not well", async () => {
    const receivers = new Receivers();
    await receivers.put({ outlier: { consecutiveFailures: 1, maxEjectedPercent: 100 }, breaker: null });
    const queue = await receivers.queue();
    receivers.all(() => new Response("busy", { status: 503, headers: { "retry-after": "5" } }));
    const { id } = await submit({ queue });
    await work();
    expect(await getJob(id)).toMatchObject({ state: "scheduled", attempt: 0 });
    expect((await receivers.state()).instances.map(({ state }) => state)).toContain("ejected");
    receivers.all(OK);
    passTime(20_000);
    await runAlarms();
    await work();
    expect(await getJob(id)).toMatchObject({ state: "succeeded", attempt: 1 });
  });

  it("that is not answered in the service's time fails, and says which", async () => {
    const receivers = new Receivers();
    await receivers.put({ timeout: 5, firstByteTimeout: 0.05 });
    const queue = await receivers.queue({ retry: { maxAttempts: 1 } });
    vi.spyOn(globalThis, "fetch").mockImplementation(
      (_, init) => new Promise((_, no) => init?.signal?.addEventListener("abort", () => no(new Error("aborted")))),
    );
    const { id } = await submit({ queue });
    await work();
    expect(await getJob(id)).toMatchObject({
      state: "failed",
      error: { code: "first-byte-timeout", message: "no answer began within 0.05 s" },
    });
  });
});

describe("where one instance dies", () => {
  it("no job fails that has attempts left, and traffic leaves it within its threshold", async () => {
    const receivers = new Receivers();
    await receivers.put({ outlier: { consecutiveFailures: 3, maxEjectedPercent: 40 }, breaker: null });
    const queue = await receivers.queue();
    const [dead = ""] = receivers.urls;
    receivers.answers.set(dead, DOWN);
    await submitMany(queue, 120);
    expect(await workUntilDone(queue, 120)).toEqual(all(120));
    expect((await receivers.state()).instances.find(({ url }) => url === dead)?.state).toBe("ejected");
    // Two tries each of a connection that is lost, before it is told; as many as are under way at once after that.
    expect(receivers.count(dead)).toBeLessThan(40);
    receivers.answers.set(dead, OK);
    passTime(40_000);
    const before = receivers.count(dead);
    await submitMany(queue, 60);
    expect(await workUntilDone(queue, 180)).toEqual(all(180));
    expect(receivers.count(dead)).toBeGreaterThan(before);
  });
});

describe("where the whole service is down", () => {
  it("its breaker opens, its jobs wait unspent and say so, other queues go on, and all run when it is back", async () => {
    const receivers = new Receivers();
    await receivers.put({
      outlier: null,
      breaker: { failureRate: 0.5, minRequests: 5, window: 10, openFor: 30, halfOpenProbes: 2 },
    });
    const queue = await receivers.queue({ partitions: 4, retry: { ...RETRY, delay: 20 } });
    receivers.all(DOWN);
    const ids = await submitMany(queue, 60);
    for (let round = 0; round < 6; round++) {
      await work();
      passTime(1_100);
      await runAlarms();
    }
    expect((await receivers.state()).breaker.state).toBe("open");
    const tried = receivers.asked.length;
    await work();
    // Whatever is asked now is held: nothing is sent.
    expect(receivers.asked.length).toBe(tried);
    const jobs = await Promise.all(ids.map((id) => getJob(id)));
    expect(jobs.filter(({ state }) => state === "failed")).toEqual([]);
    expect(jobs.reduce((sum, { attempt }) => sum + attempt, 0)).toBeLessThanOrEqual(tried);
    const waiting = jobs.filter(({ state, attempt }) => state === "queued" && attempt === 0);
    expect(waiting.length).toBeGreaterThan(20);
    // One that goes ahead after a hold is the next.
    const reasons: Awaited<ReturnType<typeof explained>>[] = [];
    for (const { id } of waiting.slice(0, 10)) reasons.push(await explained(id));
    const open = reasons.find(({ reason }) => reason === "service-open");
    expect(open?.detail).toMatch(/^The breaker of service svc-\d+ is open\. A job of it is tried at 2/);
    expect(Date.parse(open?.estimatedStartAt ?? "")).toBeGreaterThan(Date.now());

    const other = await newQueue({ target: { type: "handler", name: "noop" } });
    const { id } = await submit({ queue: other });
    await work();
    expect(await getJob(id)).toMatchObject({ state: "succeeded" });

    receivers.all(OK);
    passTime(31_000);
    await runAlarms();
    expect(await workUntilDone(queue, 60)).toEqual(all(60));
    expect((await receivers.state()).breaker.state).toBe("closed");
    expect(new Set(receivers.asked.map(({ job }) => job))).toEqual(new Set(ids));
  });
});

describe("a bulkhead", () => {
  it("is never exceeded, and its jobs all run", async () => {
    const receivers = new Receivers();
    await receivers.put({ bulkhead: { maxInFlight: 3 } });
    const queue = await receivers.queue({ partitions: 4 });
    receivers.all(async (request) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return OK(request);
    });
    await submitMany(queue, 60);
    expect(await workUntilDone(queue, 60)).toEqual(all(60));
    expect(receivers.most).toBeLessThanOrEqual(3);
    expect(receivers.asked).toHaveLength(60);
  });

  it("that others fill makes jobs wait unspent, and they say how full it is", async () => {
    const receivers = new Receivers();
    await receivers.put({ bulkhead: { maxInFlight: 2 } });
    const queue = await receivers.queue();
    // What holds the job holds it for a second.
    stopClock();
    const object = env.SERVICE.getByName(serviceObject("default", receivers.name));
    const other = { v: 1, holder: "another isolate", startsLeft: 0, reports: [] };
    await object.work({ ...other, need: 2, used: 0, permits: 0 });
    await object.work({ ...other, need: 2, used: 2, permits: 2 });
    const { id } = await submit({ queue });
    await work();
    expect(receivers.asked).toEqual([]);
    expect(await getJob(id)).toMatchObject({ state: "queued", attempt: 0 });
    expect(await explained(id)).toMatchObject({
      reason: "bulkhead",
      detail: expect.stringMatching(/^Service svc-\d+ has 2 of 2 requests under way\. A job of it is tried at 2/),
    });
    await object.work({ ...other, need: 0, used: 0, permits: 2 });
    expect(await workUntilDone(queue, 1)).toEqual(all(1));
  });
});

describe("a job that waits for its service", () => {
  /** How often jobs were claimed, and how often the service's object was asked, in a minute in which executors come every second. */
  async function waitAMinute(receivers: Receivers, ids: string[], eachTenSeconds: () => Promise<unknown>) {
    let asked = 0;
    const counted = new Proxy(env.SERVICE, {
      get(namespace, key) {
        if (key !== "getByName") return Reflect.get(namespace, key);
        return (...args: Parameters<typeof env.SERVICE.getByName>) => {
          if (args[0] === serviceObject("default", receivers.name)) asked += 1;
          return namespace.getByName(...args);
        };
      },
    });
    for (let second = 0; second < 60; second++) {
      if (second % 10 === 0) await eachTenSeconds();
      await work("default", { ...PROCESSOR_ENV, SERVICE: counted });
      passTime(1_000);
      await runAlarms();
    }
    const jobs = await Promise.all(ids.map((id) => getJob(id)));
    return { asked, jobs: jobs.map(({ state, attempt, delivery }) => ({ state, attempt, delivery })) };
  }
  const UNTOUCHED = { state: "queued", attempt: 0, delivery: 0 };

  it("is in nobody's hands while the bulkhead is full, and is delivered once", async () => {
    const receivers = new Receivers();
    await receivers.put({ bulkhead: { maxInFlight: 2 } });
    const queue = await receivers.queue({ retry: { maxAttempts: 1 } });
    const object = env.SERVICE.getByName(serviceObject("default", receivers.name));
    const other = { v: 1, holder: "another isolate", startsLeft: 0, reports: [] };
    await object.work({ ...other, need: 2, used: 0, permits: 0 });
    const ids = await submitMany(queue, 12);
    const renew = () => object.work({ ...other, need: 2, used: 2, permits: 2 });
    const { asked, jobs } = await waitAMinute(receivers, ids, renew);
    expect(jobs).toEqual(ids.map(() => UNTOUCHED));
    expect(asked).toBeGreaterThan(10);
    expect(asked).toBeLessThanOrEqual(61);
    await object.work({ ...other, need: 0, used: 0, permits: 2 });
    expect(await workUntilDone(queue, 12)).toEqual(all(12));
    const after = await Promise.all(ids.map((id) => getJob(id)));
    expect(after.map(({ delivery }) => delivery)).toEqual(ids.map(() => 1));
  });

  it("is in nobody's hands while the breaker is open, and is delivered once", async () => {
    const OPEN_SECONDS = 300;
    const receivers = new Receivers();
    await receivers.put({
      outlier: null,
      // Longer than the minute takes on any machine.
      breaker: { failureRate: 0.5, minRequests: 1, window: 10, openFor: OPEN_SECONDS, halfOpenProbes: 1 },
    });
    receivers.all(DOWN);
    const first = await receivers.queue({ retry: { maxAttempts: 1 } });
    await submit({ queue: first });
    await work();
    expect((await receivers.state()).breaker.state).toBe("open");
    const sent = receivers.asked.length;
    const queue = await receivers.queue({ retry: { maxAttempts: 1 } });
    const ids = await submitMany(queue, 12);
    const { asked, jobs } = await waitAMinute(receivers, ids, async () => undefined);
    expect(jobs).toEqual(ids.map(() => UNTOUCHED));
    expect(asked).toBeLessThanOrEqual(5);
    expect(receivers.asked).toHaveLength(sent);
    receivers.all(OK);
    passTime(OPEN_SECONDS * 1_000);
    await runAlarms();
    expect(await workUntilDone(queue, 12)).toEqual(all(12));
    const after = await Promise.all(ids.map((id) => getJob(id)));
    expect(after.map(({ delivery }) => delivery)).toEqual(ids.map(() => 1));
  });
});

describe("a target", () => {
  it("that names a service which is not there is refused, and one that is named stays", async () => {
    const target = { type: "service", service: "nobody", path: "/" };
    const refused = await call("PUT", `/v1/queues/${freshName()}`, { body: { target } });
    expect(refused).toMatchObject({
      status: 404,
      body: { code: "service-not-found", errors: [{ pointer: "/target/service" }] },
    });
    const receivers = new Receivers();
    await receivers.put();
    await receivers.queue();
    expect(await call("DELETE", `/v1/services/${receivers.name}`)).toMatchObject({
      status: 409,
      body: { code: "service-in-use" },
    });
  });
});
