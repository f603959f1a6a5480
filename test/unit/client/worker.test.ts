import { describe, expect, test } from "vitest";
import { Dure, NonRetryable } from "../../../client/src/index.ts";
import { type Answer, claimedJob, FakeClock, fakeServer, gate, problemBody, settle } from "../../rigs/client-fakes.ts";
import { startWorker } from "../../rigs/worker-rig.ts";

describe("a worker", () => {
  test("claims, runs and reports; outcomes ride on the next claim", async () => {
    const { server, reports } = startWorker([claimedJob("a"), claimedJob("b"), claimedJob("c")], {
      concurrency: 2,
      name: "host-1",
      handler: (job) => ({ did: job.id }),
    });
    await settle();
    expect(server.seen[0]).toMatchObject({
      method: "POST",
      path: "/v1/queues/q/claim",
      body: { begins: true, max: 2, wait: 10, leaseSeconds: 30, worker: "host-1" },
      headers: { authorization: "Bearer k" },
    });
    expect(server.seen[1]).toMatchObject({
      path: "/v1/reports",
      body: {
        reports: [
          { lease: "lease-a", ok: true, result: { did: "a" } },
          { lease: "lease-b", ok: true, result: { did: "b" } },
        ],
        claim: { queue: "q", begins: true, max: 2 },
      },
    });
    expect(reports()).toHaveLength(3);
  });

  test("never runs more than its concurrency", async () => {
    let now = 0;
    let most = 0;
    const { clock, worker, reports } = startWorker(
      Array.from({ length: 20 }, (_, i) => claimedJob(String(i))),
      {
        concurrency: 3,
        handler: async () => {
          most = Math.max(most, ++now);
          await clock.sleep(100);
          now--;
        },
      },
    );
    await clock.advance(2000);
    expect(most).toBe(3);
    expect(worker.running).toBe(0);
    expect(reports()).toHaveLength(20);
  });

  test("an outcome does not wait for a claim that is held", async () => {
    const done = gate();
    const { server } = startWorker([claimedJob("a")], { concurrency: 2, handler: () => done.promise });
    await settle(); // The second claim is held by the server now.
    expect(server.seen).toHaveLength(2);
    done.open();
    await settle();
    expect(server.seen[2]).toMatchObject({
      path: "/v1/reports",
      body: { reports: [{ lease: "lease-a", ok: true, result: null }] },
    });
    expect(server.seen[2]?.body).not.toHaveProperty("claim");
  });

  test.each([
    ["an Error", new Error("no luck"), { code: "handler-error", message: "no luck", retryable: true }],
    [
      "an Error with a code",
      Object.assign(new Error("x"), { code: "ECONNREFUSED" }),
      { code: "ECONNREFUSED", message: "x", retryable: true },
    ],
    [
      "NonRetryable",
      new NonRetryable("bad", { code: "bad-input" }),
      { code: "bad-input", message: "bad", retryable: false },
    ],
    ["a string", "oops", { code: "handler-error", message: "oops", retryable: true }],
    [
      "a huge message",
      new Error("é".repeat(5000)),
      { code: "handler-error", message: "é".repeat(1365), retryable: true },
    ],
  ])("a handler that throws %s fails the attempt", async (_, thrown, error) => {
    const { reports } = startWorker([claimedJob("a")], {
      handler: () => {
        throw thrown;
      },
    });
    await settle();
    expect(reports()).toEqual([{ lease: "lease-a", ok: false, error }]);
  });

  test.each([
    ["a BigInt", 1n, "result-not-json"],
    ["300 KiB", "x".repeat(300 * 1024), "result-too-large"],
  ])("a result of %s fails for good", async (_, result, code) => {
    const { reports } = startWorker([claimedJob("a")], { handler: () => result });
    await settle();
    expect(reports()).toMatchObject([{ ok: false, error: { code, retryable: false } }]);
  });
});

describe("an idle claim", () => {
  const waits = (server: { seen: { path: string; body: unknown }[] }) =>
    server.seen.filter(({ path }) => path.endsWith("/claim")).map(({ body }) => (body as { wait: number }).wait);

  test("waits the longer the longer nothing comes, and as at first after a job", async () => {
    const jobs: Record<string, unknown>[] = [];
    const { clock, server } = startWorker(jobs, {}, ({ path }) =>
      path.endsWith("/claim") && jobs.length > 0 ? { body: { jobs: jobs.splice(0) } } : null,
    );
    await clock.advance(10_000 + 20_000 + 40_000 + 60_000 + 59_000);
    expect(waits(server)).toEqual([10, 20, 40, 60, 60]);
    jobs.push(claimedJob("a"));
    await clock.advance(1_000);
    await clock.advance(10_000);
    // What comes with a report does not wait, and says nothing of how long the next is worth waiting.
    expect(waits(server)).toEqual([10, 20, 40, 60, 60, 60, 10, 20]);
  });

  test("waits for as long as it is told to", async () => {
    const { clock, server } = startWorker([], { waitSeconds: 25 });
    await clock.advance(100_000);
    expect(waits(server)).toEqual([25, 25, 25, 25, 25]);
  });

  test("that would wait longer than at first is left when the worker stops, without a word", async () => {
    const { clock, worker, errors } = startWorker([], {});
    await clock.advance(10_000 + 20_000 + 1_000);
    let stopped = false;
    const stop = worker.stop().then(() => {
      stopped = true;
    });
    await clock.advance(9_999);
    expect(stopped).toBe(false);
    await clock.advance(1);
    await stop;
    expect(errors).toEqual([]);
  });

  test("that was told how long to wait is waited for when the worker stops", async () => {
    const { clock, worker } = startWorker([], { waitSeconds: 25 });
    await settle();
    let stopped = false;
    const stop = worker.stop().then(() => {
      stopped = true;
    });
    await clock.advance(24_999);
    expect(stopped).toBe(false);
    await clock.advance(1);
    await stop;
  });
});

describe("stop", () => {
  test("claims no more, lets handlers end and delivers their outcomes", async () => {
    const done = gate<string>();
    const { clock, server, worker, reports } = startWorker([claimedJob("a"), claimedJob("b")], {
      concurrency: 1,
      handler: () => done.promise,
    });
    await settle();
    let stopped = false;
    const stop = worker.stop().then(() => {
      stopped = true;
    });
    await clock.advance(5000);
    expect(stopped).toBe(false);
    done.open("last");
    await stop;
    expect(reports()).toEqual([{ lease: "lease-a", ok: true, result: "last" }]);
    expect(server.seen.filter(({ path }) => path.endsWith("/claim"))).toHaveLength(1);
  });

  test("waits until an outcome is delivered, however often its sending fails", async () => {
    let calls = 0;
    const { clock, worker, reports } = startWorker([claimedJob("a")], { waitSeconds: 1 }, ({ path }) =>
      path === "/v1/reports" && ++calls < 5 ? "no-answer" : null,
    );
    await settle();
    let stopped = false;
    const stop = worker.stop().then(() => {
      stopped = true;
    });
    await clock.advance(200 + 400 + 800 + 1600 - 1);
    expect(stopped).toBe(false);
    await clock.advance(1);
    await stop;
    expect(reports()).toHaveLength(5);
  });

  test("waits for a claim that is held, and gives back what it brings, which it has not begun", async () => {
    const late = gate<Answer>();
    let claims = 0;
    const server = fakeServer((request) => {
      if (request.path.endsWith("/claim")) return claims++ === 0 ? late.promise : { body: { jobs: [] } };
      return { body: { items: [{ status: "recorded" }], jobs: [] } };
    });
    const dure = new Dure({ url: "http://dure", key: "k", fetch: server.fetch, clock: new FakeClock() });
    let begun = 0;
    const worker = dure.worker("q", () => ++begun, { log: null });
    await settle();
    const stop = worker.stop();
    await settle();
    late.open({ body: { jobs: [claimedJob("late"), claimedJob("too")] } });
    await stop;
    expect(claims).toBe(1);
    const { path, body } = server.seen.at(-1) ?? {};
    const released = { ok: null, reason: "The worker was stopped." };
    const reports = [
      { lease: "lease-late", ...released },
      { lease: "lease-too", ...released },
    ];
    expect([path, body]).toEqual(["/v1/reports", { reports }]);
    expect(begun).toBe(0);
  });

  test("after the grace handlers are aborted, and the jobs of those that give up are given back", async () => {
    const { clock, worker, reports } = startWorker([claimedJob("a")], {
      concurrency: 1,
      handler: (_, { signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(new Error("whatever")));
        }),
    });
    await settle();
    const stop = worker.stop({ graceSeconds: 2 });
    await clock.advance(2000);
    await stop;
    expect(reports()).toEqual([{ lease: "lease-a", ok: null, reason: "The worker was stopped." }]);
  });

  test("after the grace, a handler that ends all the same has its outcome reported", async () => {
    const { clock, worker, reports } = startWorker([claimedJob("a")], {
      concurrency: 1,
      handler: (_, { signal }) =>
        new Promise((resolve) => signal.addEventListener("abort", () => resolve("cut short"))),
    });
    await settle();
    const stop = worker.stop({ graceSeconds: 2 });
    await clock.advance(2000);
    await stop;
    expect(reports()).toMatchObject([{ ok: true, result: "cut short" }]);
  });

  test("gives up on a handler that ignores its signal", async () => {
    const { clock, worker } = startWorker([claimedJob("a")], {
      concurrency: 1,
      handler: () => new Promise(() => undefined),
    });
    await settle();
    const stop = worker.stop({ graceSeconds: 2 });
    await clock.advance(7000);
    await stop;
    expect(worker.running).toBe(1);
  });
});

describe("a worker that Dure refuses", () => {
  test.each([
    [401, "unauthorized"],
    [403, "forbidden"],
    [404, "queue-not-found"],
    [409, "not-a-pull-queue"],
  ])("stops on %d %s with a sentence, and does not ask again", async (status, code) => {
    const said: string[] = [];
    const log = {
      info: (text: string) => said.push(text),
      warn: () => undefined,
      error: (text: string) => said.push(text),
    };
    const { clock, server, worker } = startWorker([], { log }, () => problemBody(status, code));
    await expect(worker.closed).rejects.toMatchObject({ code, status });
    await clock.advance(600_000);
    expect(server.seen).toHaveLength(1);
    expect(said).toEqual([
      "dure: claims jobs of the queue q at http://dure, 10 at once",
      `dure: the worker of the queue q stops, because waiting does not mend this: ${code}`,
      "dure: the worker of the queue q has stopped",
    ]);
  });

  test.each([429, 500, 503])("goes on after %d", async (status) => {
    let calls = 0;
    const { clock, worker, reports } = startWorker([claimedJob("a")], {}, () =>
      ++calls === 1 ? problemBody(status, "unavailable") : null,
    );
    await clock.advance(60_000);
    expect(reports()).toHaveLength(1);
    await Promise.all([worker.stop(), clock.advance(60_000)]);
    await worker.closed;
  });

  test("lets the running handlers end, and delivers their outcomes", async () => {
    const done = gate();
    const { clock, server, worker, reports } = startWorker(
      [claimedJob("a")],
      { concurrency: 2, handler: () => done.promise },
      ({ path }) => (path.endsWith("/claim") && server.seen.length > 1 ? problemBody(403, "forbidden") : null),
    );
    await settle();
    done.open();
    await clock.advance(1000);
    await expect(worker.closed).rejects.toMatchObject({ code: "forbidden" });
    expect(reports()).toEqual([{ lease: "lease-a", ok: true, result: null }]);
  });

  test("does not stop for what was said of its reports: the next claim goes alone", async () => {
    const { clock, worker, reports, errors } = startWorker(
      [claimedJob("a"), claimedJob("b")],
      { concurrency: 1 },
      ({ path, body }) =>
        path === "/v1/reports" && (body as { claim?: unknown }).claim !== undefined
          ? problemBody(404, "job-not-found")
          : null,
    );
    await clock.advance(120_000);
    expect(errors.length).toBeGreaterThan(0);
    expect(reports()).toContainEqual({ lease: "lease-b", ok: true, result: null });
    await Promise.all([worker.stop(), clock.advance(60_000)]);
    await worker.closed;
  });
});
