import { describe, expect, test, vi } from "vitest";
import {
  Dure,
  type DureError,
  type Handler,
  Interrupted,
  NonRetryable,
  type WorkerOptions,
} from "../../../client/src/index.ts";
import {
  type Answer,
  claimedJob,
  errorLog,
  FakeClock,
  fakeServer,
  gate,
  problemBody,
  type SeenRequest,
  settle,
} from "../../rigs/client-fakes.ts";

/** A queue's jobs, handed out by claims; an empty claim is held until the clock reaches its wait. */
function start(
  jobs: Record<string, unknown>[],
  options: WorkerOptions & { handler?: Handler },
  script: (request: SeenRequest) => Answer | null = () => null,
) {
  const clock = new FakeClock();
  const errors: unknown[] = [];
  const waiting = [...jobs];
  const give = (claim: { max: number }) => waiting.splice(0, claim.max);
  const server = fakeServer(async (request) => {
    const scripted = script(request);
    if (scripted !== null) return scripted;
    const body = request.body as { max: number; wait?: number; reports: unknown[]; claim?: { max: number } };
    if (request.path.endsWith("/claim")) {
      if (waiting.length === 0) await clock.sleep((body.wait ?? 0) * 1000);
      return { body: { jobs: give(body) } };
    }
    if (request.path === "/v1/reports") {
      return {
        body: { items: body.reports.map(() => ({ status: "recorded" })), jobs: body.claim ? give(body.claim) : [] },
      };
    }
    return { body: { leaseExpiresAt: "2026-12-01T00:00:00Z", cancelled: false } };
  });
  const dure = new Dure({ url: "http://dure", key: "k", fetch: server.fetch, clock, random: () => 1 });
  const { handler = () => undefined, ...rest } = options;
  const worker = dure.worker("q", handler, { log: errorLog(errors), ...rest });
  const reports = () =>
    server.seen
      .filter(({ path }) => path === "/v1/reports")
      .flatMap(({ body }) => (body as { reports: unknown[] }).reports);
  const heartbeats = () => server.seen.filter(({ path }) => path.endsWith("/extend"));
  return { clock, server, worker, errors, reports, heartbeats };
}

describe("a worker", () => {
  test("claims, runs and reports; outcomes ride on the next claim", async () => {
    const { server, reports } = start([claimedJob("a"), claimedJob("b"), claimedJob("c")], {
      concurrency: 2,
      name: "host-1",
      handler: (job) => ({ did: job.id }),
    });
    await settle();
    expect(server.seen[0]).toMatchObject({
      method: "POST",
      path: "/v1/queues/q/claim",
      body: { max: 2, wait: 10, leaseSeconds: 30, worker: "host-1" },
      headers: { authorization: "Bearer k" },
    });
    expect(server.seen[1]).toMatchObject({
      path: "/v1/reports",
      body: {
        reports: [
          { lease: "lease-a", ok: true, result: { did: "a" } },
          { lease: "lease-b", ok: true, result: { did: "b" } },
        ],
        claim: { queue: "q", max: 2 },
      },
    });
    expect(reports()).toHaveLength(3);
  });

  test("never runs more than its concurrency", async () => {
    let now = 0;
    let most = 0;
    const { clock, worker, reports } = start(
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
    const { server } = start([claimedJob("a")], { concurrency: 2, handler: () => done.promise });
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
    const { reports } = start([claimedJob("a")], {
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
    const { reports } = start([claimedJob("a")], { handler: () => result });
    await settle();
    expect(reports()).toMatchObject([{ ok: false, error: { code, retryable: false } }]);
  });
});

describe("heartbeats", () => {
  test("come every third of the lease and end with the job", async () => {
    const done = gate();
    const { clock, heartbeats } = start([claimedJob("a")], { leaseSeconds: 30, handler: () => done.promise });
    await clock.advance(9_999);
    expect(heartbeats()).toHaveLength(0);
    await clock.advance(20_001);
    expect(heartbeats()).toHaveLength(3);
    expect(heartbeats()[0]).toMatchObject({ path: "/v1/leases/lease-a/extend", body: { leaseSeconds: 30 } });
    done.open();
    await clock.advance(60_000);
    expect(heartbeats()).toHaveLength(3);
  });

  test("a cancelled job reaches its handler, and its outcome is not reported", async () => {
    let reason: unknown;
    const { clock, reports } = start(
      [claimedJob("a")],
      {
        handler: (_, { signal }) =>
          new Promise((_, reject) => {
            signal.addEventListener("abort", () => {
              reason = signal.reason;
              reject(signal.reason);
            });
          }),
      },
      ({ path }) => (path.endsWith("/extend") ? { body: { leaseExpiresAt: null, cancelled: true } } : null),
    );
    await clock.advance(10_000);
    expect(reason).toBeInstanceOf(Interrupted);
    expect(reason).toMatchObject({ code: "cancelled" });
    expect(reports()).toEqual([]);
  });

  test.each([
    ["a superseded lease", problemBody(409, "stale-lease"), 10_000],
    ["no answer until the lease is over", "no-answer" as const, 30_000],
  ])("%s interrupts the handler, and its outcome is not reported", async (_, answer, at) => {
    let reason: unknown;
    const done = gate();
    const { clock, reports } = start(
      [claimedJob("a")],
      {
        handler: (_, { signal }) => {
          signal.addEventListener("abort", () => {
            reason = signal.reason;
          });
          return done.promise;
        },
      },
      ({ path }) => (path.endsWith("/extend") ? answer : null),
    );
    await clock.advance(at - 1);
    expect(reason).toBeUndefined();
    await clock.advance(1);
    expect(reason).toMatchObject({ code: "lease-lost" });
    done.open();
    await clock.advance(1000);
    expect(reports()).toEqual([]);
  });

  test("one lost heartbeat is made up for", async () => {
    let calls = 0;
    const done = gate();
    const { clock, reports } = start([claimedJob("a")], { handler: () => done.promise }, ({ path }) =>
      path.endsWith("/extend") && ++calls === 1 ? "no-answer" : null,
    );
    await clock.advance(60_000);
    done.open();
    await settle();
    expect(reports()).toMatchObject([{ ok: true }]);
  });

  test("the job's timeout ends the attempt, however often it is extended", async () => {
    let aborted = false;
    const { clock, reports } = start([claimedJob("a", { timeout: 25 })], {
      handler: (_, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => {
            aborted = true;
            resolve("late");
          });
        }),
    });
    await clock.advance(24_999);
    expect(aborted).toBe(false);
    await clock.advance(1);
    expect(aborted).toBe(true);
    expect(reports()).toEqual([]);
  });
});

describe("when the network fails", () => {
  test("a report whose answer was lost is sent again, and its being stale is no error", async () => {
    let lost = 0;
    const { clock, worker, reports, errors } = start([claimedJob("a")], {}, ({ path, body }) => {
      if (path !== "/v1/reports") return null;
      if (lost++ < 2) return "no-answer";
      const { body: problem } = problemBody(409, "stale-lease");
      return {
        body: { items: (body as { reports: unknown[] }).reports.map(() => ({ status: "stale", problem })), jobs: [] },
      };
    });
    await clock.advance(10_000);
    expect(reports()).toEqual(Array(3).fill({ lease: "lease-a", ok: true, result: null }));
    expect(errors.map((error) => (error as DureError).code)).toEqual(["network", "network"]);
    expect(worker.running).toBe(0);
  });

  test("an outcome that rode on a claim whose answer was lost is sent again, alone and at once", async () => {
    const { server, reports } = start([claimedJob("a"), claimedJob("b")], { concurrency: 1 }, ({ path, body }) =>
      path === "/v1/reports" && "claim" in (body as object) ? "no-answer" : null,
    );
    await settle();
    expect(server.seen.slice(1)).toMatchObject([{ body: { claim: { queue: "q" } } }, { path: "/v1/reports" }]);
    expect(reports()).toEqual(Array(2).fill({ lease: "lease-a", ok: true, result: null }));
  });

  test("a stale first report is told", async () => {
    const { errors } = start([claimedJob("a")], {}, ({ path }) =>
      path === "/v1/reports"
        ? { body: { items: [{ status: "stale", problem: problemBody(409, "stale-lease").body }], jobs: [] } }
        : null,
    );
    await settle();
    expect(errors).toMatchObject([{ code: "stale-lease" }]);
  });

  test("claims go on after a growing pause, and after what Retry-After asks", async () => {
    let calls = 0;
    const { clock, server, reports } = start([claimedJob("a")], {}, ({ path }) => {
      if (!path.endsWith("/claim")) return null;
      calls++;
      if (calls <= 2) return "no-answer";
      return calls === 3 ? { ...problemBody(503, "unavailable"), headers: { "retry-after": "7" } } : null;
    });
    await clock.advance(200 + 400 - 1);
    expect(server.seen).toHaveLength(2);
    await clock.advance(1);
    expect(server.seen).toHaveLength(3);
    await clock.advance(7000 + 800 - 1);
    expect(server.seen).toHaveLength(3);
    await clock.advance(1);
    expect(reports()).toHaveLength(1);
  });

  test("a refused report does not hold back the others", async () => {
    const { clock, reports, server } = start(
      [claimedJob("a"), claimedJob("bad"), claimedJob("c")],
      {},
      ({ path, body }) =>
        path === "/v1/reports" && JSON.stringify(body).includes("lease-bad")
          ? problemBody(400, "invalid-request")
          : null,
    );
    await clock.advance(60_000);
    const good = server.seen.filter(
      ({ path, body }) => path === "/v1/reports" && !JSON.stringify(body).includes("bad"),
    );
    expect(
      good.flatMap(({ body }) => (body as { reports: { lease: string }[] }).reports.map(({ lease }) => lease)),
    ).toEqual(["lease-a", "lease-c"]);
    const before = reports().length;
    await clock.advance(60_000);
    expect(reports()).toHaveLength(before);
  });
});

describe("stop", () => {
  test("claims no more, lets handlers end and delivers their outcomes", async () => {
    const done = gate<string>();
    const { clock, server, worker, reports } = start([claimedJob("a"), claimedJob("b")], {
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
    const { clock, worker, reports } = start([claimedJob("a")], { waitSeconds: 1 }, ({ path }) =>
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

  test("waits for a claim that is held, and runs what it brings", async () => {
    const late = gate<Answer>();
    let claims = 0;
    const server = fakeServer((request) => {
      if (request.path.endsWith("/claim")) return claims++ === 0 ? late.promise : { body: { jobs: [] } };
      return { body: { items: [{ status: "recorded" }], jobs: [] } };
    });
    const dure = new Dure({ url: "http://dure", key: "k", fetch: server.fetch, clock: new FakeClock() });
    const worker = dure.worker("q", () => 7, { log: null });
    await settle();
    const stop = worker.stop();
    await settle();
    late.open({ body: { jobs: [claimedJob("late")] } });
    await stop;
    expect(claims).toBe(1);
    expect(server.seen.at(-1)?.body).toEqual({ reports: [{ lease: "lease-late", ok: true, result: 7 }] });
  });

  test("after the grace handlers are aborted, and what they leave may be tried elsewhere", async () => {
    const { clock, worker, reports } = start([claimedJob("a")], {
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
    expect(reports()).toMatchObject([{ ok: false, error: { code: "worker-stopped", retryable: true } }]);
  });

  test("gives up on a handler that ignores its signal", async () => {
    const { clock, worker } = start([claimedJob("a")], { concurrency: 1, handler: () => new Promise(() => undefined) });
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
    const { clock, server, worker } = start([], { log }, () => problemBody(status, code));
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
    const { clock, worker, reports } = start([claimedJob("a")], {}, () =>
      ++calls === 1 ? problemBody(status, "unavailable") : null,
    );
    await clock.advance(60_000);
    expect(reports()).toHaveLength(1);
    await Promise.all([worker.stop(), clock.advance(60_000)]);
    await worker.closed;
  });

  test("lets the running handlers end, and delivers their outcomes", async () => {
    const done = gate();
    const { clock, server, worker, reports } = start(
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
    const { clock, worker, reports, errors } = start(
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

describe("the log of a worker", () => {
  test("is the console, which hears of a handler that failed", async () => {
    const warn = vi.spyOn(console, "warn").mockReturnValue();
    const info = vi.spyOn(console, "info").mockReturnValue();
    const failure = new Error("no luck");
    const clock = new FakeClock();
    const jobs = [claimedJob("a")];
    const { fetch } = fakeServer(async ({ path }) => {
      if (!path.endsWith("/claim")) return { body: { items: [{ status: "recorded" }], jobs: [] } };
      if (jobs.length === 0) await clock.sleep(10_000);
      return { body: { jobs: jobs.splice(0) } };
    });
    const handler = () => {
      throw failure;
    };
    new Dure({ url: "http://dure", key: "k", fetch, clock }).worker("q", handler);
    await settle();
    expect(info).toHaveBeenCalledWith("dure: claims jobs of the queue q at http://dure, 10 at once");
    expect(warn).toHaveBeenCalledWith("dure: attempt 1 of the job a has failed:", failure);
    vi.restoreAllMocks();
  });
});
