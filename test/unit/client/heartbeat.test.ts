import { describe, expect, test } from "vitest";
import {
  Dure,
  type Handler,
  type HandlerContext,
  Interrupted,
  JsonText,
  NonRetryable,
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
import { startWorker } from "../../rigs/worker-rig.ts";

describe("heartbeats", () => {
  test("come every third of the lease and end with the job", async () => {
    const done = gate();
    const { clock, heartbeats } = startWorker([claimedJob("a")], { leaseSeconds: 30, handler: () => done.promise });
    await clock.advance(9_999);
    expect(heartbeats()).toHaveLength(0);
    await clock.advance(20_001);
    expect(heartbeats()).toHaveLength(3);
    expect(heartbeats()[0]).toMatchObject({ path: "/v1/leases/extend", body: { lease: "lease-a", leaseSeconds: 30 } });
    done.open();
    await clock.advance(60_000);
    expect(heartbeats()).toHaveLength(3);
  });

  test("begin before the attempt's time is up: without one the shard would not know that the job was begun", async () => {
    const never = () => new Promise<never>(() => undefined);
    const { clock, heartbeats } = startWorker([claimedJob("a", { timeout: 2 })], { leaseSeconds: 30, handler: never });
    await clock.advance(999);
    expect(heartbeats()).toHaveLength(0);
    await clock.advance(1);
    expect(heartbeats()).toHaveLength(1);
  });

  test("a cancelled job reaches its handler, and its outcome is not reported", async () => {
    let reason: unknown;
    const { clock, reports } = startWorker(
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
    const { clock, reports } = startWorker(
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
    const { clock, reports } = startWorker([claimedJob("a")], { handler: () => done.promise }, ({ path }) =>
      path.endsWith("/extend") && ++calls === 1 ? "no-answer" : null,
    );
    await clock.advance(60_000);
    done.open();
    await settle();
    expect(reports()).toMatchObject([{ ok: true }]);
  });

  test("the job's timeout ends the attempt, however often it is extended", async () => {
    let aborted = false;
    const { clock, reports } = startWorker([claimedJob("a", { timeout: 25 })], {
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

const EXTENDED = { body: { leaseExpiresAt: "2026-12-01T00:00:00Z", cancelled: false } };

interface Sent {
  at: number;
  leaseSeconds?: number;
  progress?: { percent?: number; message?: string };
  checkpoint?: unknown;
}

/** A worker with one job, whose handler is driven by the test; `extend` answers heartbeats. */
function running(
  extend: (beat: number, request: SeenRequest) => Answer | Promise<Answer> = () => EXTENDED,
  over: Record<string, unknown> = {},
) {
  const clock = new FakeClock();
  const startedAt = clock.now();
  const beats: Sent[] = [];
  const reports: unknown[] = [];
  const errors: unknown[] = [];
  const jobs = [claimedJob("a", over)];
  const order: string[] = [];
  const { fetch } = fakeServer(async (request) => {
    const sent = request.body as Sent & { lease?: string; wait?: number; reports?: unknown[]; claim?: unknown };
    const { lease, ...body } = sent;
    if (request.path.endsWith("/extend")) {
      expect(lease).toBe("lease-a");
      beats.push({ ...body, at: clock.now() - startedAt });
      order.push("extend");
      return extend(beats.length, request);
    }
    if (request.path === "/v1/reports") {
      reports.push(...(body.reports ?? []));
      order.push("report");
      return { body: { items: (body.reports ?? []).map(() => ({ status: "recorded" })), jobs: [] } };
    }
    if (jobs.length === 0) await clock.sleep((body.wait ?? 0) * 1000);
    return { body: { jobs: jobs.splice(0) } };
  });
  const dure = new Dure({ url: "http://dure", key: "k", fetch, clock, random: () => 1 });
  const end = gate<unknown>();
  let context: HandlerContext | null = null;
  let checkpoint: unknown;
  const handler: Handler = async (job, given) => {
    context = given;
    checkpoint = job.checkpoint;
    const result = await end.promise;
    if (result instanceof Error) throw result;
    return result;
  };
  dure.worker("q", handler, { log: errorLog(errors) });
  return {
    clock,
    beats,
    reports,
    errors,
    order,
    end: end.open,
    checkpoint: () => checkpoint,
    context: () => {
      if (context === null) throw new Error("not started");
      return context;
    },
  };
}

describe("a handler's progress", () => {
  test("goes out at once, then once a second at most; the last of each field wins", async () => {
    const { clock, beats, context, end, reports } = running();
    await clock.advance(100);
    await context().progress({ percent: 1 });
    await settle();
    await context().progress({ percent: 2, message: "two" });
    await context().progress({ percent: 3, checkpoint: { page: 7 } });
    await clock.advance(3000);
    expect(beats).toEqual([
      { at: 100, leaseSeconds: 30, progress: { percent: 1 } },
      { at: 1100, leaseSeconds: 30, progress: { percent: 3, message: "two" }, checkpoint: { page: 7 } },
    ]);
    end("done");
    await settle();
    expect(reports).toEqual([{ lease: "lease-a", ok: true, result: "done" }]);
    expect(beats).toHaveLength(2);
  });

  test("moves the lease as a heartbeat does", async () => {
    const { clock, beats, context } = running();
    await clock.advance(9000);
    await context().progress({ percent: 1 });
    await clock.advance(9999);
    expect(beats).toHaveLength(1);
    await clock.advance(2);
    expect(beats[1]).toEqual({ at: 19_000, leaseSeconds: 30 });
  });

  test("that is not confirmed goes before the failure that follows, so that the next attempt has it", async () => {
    const { clock, beats, context, end, order } = running();
    await clock.advance(100);
    await context().progress({ checkpoint: 1 });
    await settle();
    await context().progress({ checkpoint: 2 });
    end(new Error("boom"));
    await settle();
    expect(beats.map(({ checkpoint }) => checkpoint)).toEqual([1, 2]);
    expect(order).toEqual(["extend", "extend", "report"]);
  });

  test("that is not confirmed is of no use to a success", async () => {
    const { clock, beats, context, end, order } = running();
    await clock.advance(100);
    await context().progress({ checkpoint: 1 });
    await settle();
    await context().progress({ checkpoint: 2 });
    end(null);
    await settle();
    expect(beats).toHaveLength(1);
    expect(order).toEqual(["extend", "report"]);
  });

  test("is sent again when there was no answer, with what was said since", async () => {
    const { clock, beats, context } = running((beat) => (beat === 1 ? "no-answer" : EXTENDED));
    await clock.advance(100);
    await context().progress({ percent: 1, checkpoint: "a" });
    await settle();
    await context().progress({ percent: 2 });
    await clock.advance(5000);
    expect(beats.slice(1)).toEqual([{ at: 300, leaseSeconds: 30, progress: { percent: 2 }, checkpoint: "a" }]);
  });

  test("that comes while the last one is under way is not taken for confirmed with it", async () => {
    const answered = gate();
    const { clock, beats, context } = running(async (beat) => {
      if (beat === 1) await answered.promise;
      return EXTENDED;
    });
    await clock.advance(100);
    await context().progress({ percent: 1 });
    await settle();
    await context().progress({ percent: 2 });
    await settle();
    answered.open();
    await clock.advance(2000);
    expect(beats.map(({ progress }) => progress)).toEqual([{ percent: 1 }, { percent: 2 }]);
  });

  test("that the server never takes is dropped, which is logged, and the heartbeats go on", async () => {
    const { clock, beats, context, errors } = running((beat) =>
      beat === 1 ? problemBody(413, "checkpoint-too-large") : EXTENDED,
    );
    await clock.advance(100);
    await context().progress({ checkpoint: "a" });
    await clock.advance(1000);
    expect(beats.slice(1)).toEqual([{ at: 300, leaseSeconds: 30 }]);
    expect(errors).toMatchObject([{ code: "checkpoint-too-large" }]);
    expect(context().signal.aborted).toBe(false);
  });

  test("gives up after a few tries when the server is away at the end, and reports all the same", async () => {
    const { clock, context, end, order } = running(() => ({ status: 503 }));
    await clock.advance(100);
    await context().progress({ checkpoint: 1 });
    end(new NonRetryable("boom"));
    await clock.advance(5000);
    expect(order.at(-1)).toBe("report");
    expect(order.filter((what) => what === "extend").length).toBeLessThanOrEqual(4);
  });

  test("that is faulty fails the handler on the spot", async () => {
    const { clock, beats, context } = running();
    await clock.advance(100);
    expect(() => context().progress({ checkpoint: 1n })).toThrow(RangeError);
    expect(() => context().progress({ checkpoint: "x".repeat(65_536) })).toThrow(RangeError);
    expect(() => context().progress({ checkpoint: new JsonText(`[${" ".repeat(65_536)}]`) })).toThrow(RangeError);
    expect(() => context().progress({ percent: Number.NaN })).toThrow(RangeError);
    await clock.advance(2000);
    expect(beats).toEqual([]);
  });

  test("after its end is not heard", async () => {
    const { clock, beats, context, end } = running();
    await clock.advance(100);
    end(null);
    await settle();
    await context().progress({ percent: 1 });
    await clock.advance(60_000);
    expect(beats).toEqual([]);
  });

  test("under a cancelled job aborts its signal, and nothing is reported", async () => {
    const { clock, context, end, reports } = running(() => ({ body: { leaseExpiresAt: null, cancelled: true } }));
    await clock.advance(100);
    await context().progress({ percent: 1 });
    await settle();
    expect(context().signal.reason).toEqual(new Interrupted("cancelled"));
    end(new Error("stopped"));
    await settle();
    expect(reports).toEqual([]);
  });
});

test("a handler is given the checkpoint of the attempt before", async () => {
  const { clock, checkpoint } = running(() => EXTENDED, { checkpoint: { page: 7 } });
  await clock.advance(10);
  expect(checkpoint()).toEqual({ page: 7 });
});
