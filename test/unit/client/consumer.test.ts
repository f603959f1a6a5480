import { describe, expect, test } from "vitest";
import { consumer, type DureError, NonRetryable } from "../../../client/src/consumer.ts";
import { errorLog, gate, settle } from "../../rigs/client-fakes.ts";
import { BELL, type Env, problem, range, startConsumer } from "../../rigs/consumer-rig.ts";

describe("a bell", () => {
  test("makes a consumer claim, run and report until its queue is dry; outcomes ride on the next claim", async () => {
    const { ring, calls, claims, reports, errors } = startConsumer(
      { q: range(5) },
      { concurrency: 2, leaseSeconds: 40 },
    );
    await ring(BELL).promise;
    expect(claims[0]).toEqual({
      queue: "q",
      begins: true,
      max: 2,
      leaseSeconds: 40,
      worker: expect.stringMatching(/^consumer\/.{36}$/),
    });
    expect(new Set(claims.map(({ worker }) => worker)).size).toBe(1);
    expect(calls).toEqual(["claim q", ...Array(3).fill("report and claim q")]);
    expect(reports).toEqual(range(5).map((id) => ({ lease: `lease-${id}`, ok: true, result: id })));
    expect(errors).toEqual([]);
  });

  test("is acknowledged before anything is called, and several in a batch are one visit", async () => {
    const held = gate();
    const { ring, acked, calls } = startConsumer({ q: [] }, {}, { claim: () => held.promise });
    const run = ring(BELL, BELL, { ...BELL, shard: "shard-1" });
    expect(acked).toHaveLength(3);
    await settle();
    expect(calls).toEqual(["claim q"]);
    expect(run.ended).toBe(false);
    held.open();
    await run.promise;
    expect(calls).toEqual(["claim q"]);
  });

  test.each([[null], ["text"], [7], [{ v: 1, kind: "history", shard: "shard-0" }], [{ ...BELL, v: 2 }], [{}]])(
    "that is none (%j) is acknowledged and told, and the others are heard",
    async (body) => {
      const { ring, acked, calls, errors } = startConsumer({ q: [] }, {});
      await ring(body).promise;
      expect(calls).toEqual([]);
      await ring(body, BELL).promise;
      expect(calls).toEqual(["claim q"]);
      expect(acked).toHaveLength(3);
      expect(errors).toHaveLength(2);
      expect(String(errors[0])).toContain(JSON.stringify(body));
    },
  );

  test("asks all queues; each bell begins with another", async () => {
    const { ring, claims } = startConsumer({ a: [], b: [], c: [] }, {});
    for (let i = 0; i < 4; i++) await ring(BELL).promise;
    expect(claims.map(({ queue }) => queue).join("")).toBe("abcbcacababc");
  });

  test("finds queues taking turns, so that a long one does not stand before the others", async () => {
    const { ring, reports } = startConsumer({ long: range(30, "l"), short: range(3, "s") }, { concurrency: 3 });
    await ring(BELL).promise;
    const order = reports.map(({ lease }) => lease.replace("lease-", "")[0]).join("");
    expect(order).toMatch(/^lllsss/);
    expect(reports).toHaveLength(33);
  });

  test("of a queue that is not there is told, and the others go on", async () => {
    const { ring, waiting, reports, errors } = startConsumer({ gone: [], q: range(12) }, { concurrency: 4 });
    waiting.delete("gone");
    await ring(BELL).promise;
    expect(reports).toHaveLength(12);
    expect(errors).toMatchObject([{ code: "queue-not-found", status: 404 }]);
  });

  test("makes handlers of the bindings where they are given as a function, and may be bound under another name", async () => {
    const { ring, calls } = startConsumer(
      { q: [] },
      { handlers: (env) => ({ [env.DURE === undefined ? "none" : "q"]: () => null }), dure: (env) => env.DURE },
    );
    await ring(BELL).promise;
    expect(calls).toEqual(["claim q"]);
  });
});

describe("what a handler does", () => {
  test.each([
    ["throws", new Error("no luck"), { code: "handler-error", message: "no luck", retryable: true }],
    ["throws NonRetryable", new NonRetryable("bad"), { code: "non-retryable", message: "bad", retryable: false }],
  ])("%s: the attempt fails, and the others go on", async (_, thrown, error) => {
    const { ring, reports } = startConsumer(
      { q: range(2) },
      {
        handlers: {
          q: ({ id }) => {
            if (id === "j0") throw thrown;
          },
        },
      },
    );
    await ring(BELL).promise;
    expect(reports).toEqual([
      { lease: "lease-j0", ok: false, error },
      { lease: "lease-j1", ok: true, result: null },
    ]);
  });

  test("its result arrives as its JSON, as over HTTP", async () => {
    const at = new Date(0);
    const { ring, reports } = startConsumer({ q: ["a"] }, { handlers: { q: () => ({ at, gone: undefined }) } });
    await ring(BELL).promise;
    expect(reports).toEqual([{ lease: "lease-a", ok: true, result: { at: at.toJSON() } }]);
  });

  test("a cancelled job reaches it, and its outcome is not reported", async () => {
    let reason: unknown;
    const { clock, ring, reports } = startConsumer(
      { q: ["a"] },
      {
        handlers: {
          q: (_, { signal }) =>
            new Promise((_, reject) =>
              signal.addEventListener("abort", () => {
                reason = signal.reason;
                reject(signal.reason);
              }),
            ),
        },
      },
      { extend: () => ({ cancelled: true }) },
    );
    const run = ring(BELL);
    await clock.advance(10_000);
    expect(run.ended).toBe(true);
    expect(reason).toMatchObject({ code: "cancelled" });
    expect(reports).toEqual([]);
  });

  test.each([
    ["a superseded lease", problem(409, "stale-lease"), 10_000],
    ["no answer until the lease is over", new Error("Network connection lost."), 30_000],
  ])("%s interrupts it, and its outcome is not reported", async (_, thrown, at) => {
    let reason: unknown;
    const done = gate();
    const { clock, ring, reports } = startConsumer(
      { q: ["a"] },
      {
        handlers: {
          q: (_, { signal }) => {
            signal.addEventListener("abort", () => {
              reason = signal.reason;
            });
            return done.promise;
          },
        },
      },
      {
        extend: () => {
          throw thrown;
        },
      },
    );
    const run = ring(BELL);
    await clock.advance(at - 1);
    expect(reason).toBeUndefined();
    await clock.advance(1);
    expect(reason).toMatchObject({ code: "lease-lost" });
    done.open();
    await run.promise;
    expect(reports).toEqual([]);
  });
});

describe("when calls fail", () => {
  test("a claim that fails is told; its queue is left to the next bell, the others go on", async () => {
    let failing = true;
    const { ring, calls, reports, errors } = startConsumer(
      { a: range(3, "a"), b: range(3, "b") },
      {},
      {
        claim: ({ queue }) => {
          if (queue === "a" && failing) throw new Error("Network connection lost.");
        },
      },
    );
    await ring(BELL).promise;
    expect(calls.filter((call) => call === "claim a")).toHaveLength(1);
    expect(reports.map(({ lease }) => lease)).toEqual(range(3, "lease-b"));
    expect(errors).toMatchObject([{ code: "network", status: 0 }]);
    failing = false;
    await ring(BELL).promise;
    expect(reports).toHaveLength(6);
  });

  test("outcomes that rode on a claim that failed go again, alone", async () => {
    let claims = 0;
    const { ring, calls, reports } = startConsumer(
      { q: range(2) },
      { concurrency: 1 },
      {
        claim: () => {
          if (++claims > 1) throw problem(503, "unavailable");
        },
      },
    );
    await ring(BELL).promise;
    expect(calls).toEqual(["claim q", "report and claim q", "report"]);
    expect(reports).toEqual([{ lease: "lease-j0", ok: true, result: "j0" }]);
  });

  test.each([["report"], ["reported"]] as const)(
    "a report that fails (%s) is sent again until it is answered",
    async (when) => {
      let left = 3;
      const { clock, ring, reports, errors, calls } = startConsumer(
        { q: ["a"] },
        {},
        {
          [when]: () => {
            if (left-- > 0) throw new Error("Network connection lost.");
          },
        },
      );
      const run = ring(BELL);
      await clock.advance(2_000);
      expect(run.ended).toBe(true);
      expect(reports).toEqual([{ lease: "lease-a", ok: true, result: "a" }]);
      expect(calls.filter((call) => call.startsWith("report"))).toHaveLength(4);
      expect(errors.map((error) => (error as DureError).code)).toEqual(["network", "network", "network"]);
    },
  );

  test("an outcome that cannot be delivered for a whole lease is given up: the job runs again", async () => {
    const { clock, ring, reports } = startConsumer(
      { q: ["a"] },
      { leaseSeconds: 20 },
      {
        report: () => {
          throw problem(503, "unavailable");
        },
      },
    );
    const run = ring(BELL);
    await clock.advance(19_999);
    expect(run.ended).toBe(false);
    await clock.advance(1);
    expect(run.ended).toBe(true);
    expect(reports).toEqual([]);
  });

  test("a report that Dure will never take does not hold back the others", async () => {
    const { clock, ring, reports } = startConsumer(
      { q: ["a", "bad", "c"] },
      {},
      {
        report: (said) => {
          if (said.some(({ lease }) => lease === "lease-bad")) throw problem(413, "result-too-large");
        },
      },
    );
    const run = ring(BELL);
    await clock.advance(30_000);
    expect(run.ended).toBe(true);
    expect(reports.map(({ lease }) => lease)).toEqual(["lease-a", "lease-c"]);
  });

  test("a claim that is never answered holds the invocation for half a minute", async () => {
    const { clock, ring, errors } = startConsumer({ q: [] }, {}, { claim: () => new Promise(() => undefined) });
    const run = ring(BELL);
    await clock.advance(29_999);
    expect(run.ended).toBe(false);
    await clock.advance(1);
    expect(run.ended).toBe(true);
    expect(errors).toMatchObject([{ code: "network" }]);
  });

  test("nothing is thrown for want of a binding: a batch that failed would be delivered again", async () => {
    const errors: unknown[] = [];
    const worker = consumer({ handlers: { q: () => null }, log: errorLog(errors) });
    const messages = [{ body: BELL, ack: () => undefined }];
    await worker.queue({ messages }, {} as Env);
    expect(errors).toHaveLength(1);
  });
});
