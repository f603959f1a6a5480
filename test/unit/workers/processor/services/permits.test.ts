import { describe, expect, test } from "vitest";
import type { Acquired, Permit, PermitPorts } from "../../../../../workers/processor/services/permit-ports.ts";
import type { ServicePermits } from "../../../../../workers/processor/services/permits.ts";
import { LATE_MS, MAILER, PermitsRig } from "../../../../rigs/permits-rig.ts";
import { reportOf } from "../../../../rigs/service-rig.ts";

const types = (all: Acquired[]) => all.map(({ type }) => type).sort();
const count = (all: Acquired[], type: Acquired["type"]) => all.filter((one) => one.type === type).length;

/** The permit that is expected to be there. */
function permitOf(acquired: Acquired): Permit {
  if (acquired.type !== "permit") throw new Error(`no permit: ${JSON.stringify(acquired)}`);
  return acquired.permit;
}

/** Runs `jobs` to their end in virtual time. */
async function all<T>(rig: PermitsRig, jobs: Promise<T>[], ms = 60_000): Promise<T[]> {
  let done = false;
  const results = Promise.all(jobs);
  void results.then(() => {
    done = true;
  });
  await rig.clock.run(rig.clock.now() + ms, () => done);
  return results;
}

describe("permits of a service", () => {
  test("are asked for once by all jobs that come together, and used by those that follow", async () => {
    const rig = new PermitsRig();
    const pool = rig.pool("a");
    const first = await all(
      rig,
      Array.from({ length: 6 }, () => rig.job(pool)),
    );
    expect(types(first)).toEqual(Array(6).fill("permit"));
    expect(rig.calls.map(({ need }) => need)).toEqual([6]);
    for (let round = 0; round < 20; round++)
      await all(
        rig,
        Array.from({ length: 6 }, () => rig.job(pool)),
      );
    expect(rig.calls).toHaveLength(1);
    await rig.run(2_000);
    // What happened is told with what is given back.
    expect(rig.calls).toHaveLength(2);
    expect(rig.calls[1]).toMatchObject({ need: 0, used: 0 });
    expect(rig.calls[1]?.reports.reduce((sum, { succeeded }) => sum + succeeded, 0)).toBe(126);
    expect(rig.service.state().inFlight).toBe(0);
  });

  test("a thousand jobs in an isolate take few calls", async () => {
    const rig = new PermitsRig();
    const pool = rig.pool("a");
    const line = async () => {
      for (let i = 0; i < 100; i++) expect((await rig.job(pool, { ms: 20 })).type).toBe("permit");
    };
    await all(rig, Array.from({ length: 10 }, line));
    await rig.run(2_000);
    // One for the permits, one to give them back, one for each two seconds between.
    expect(rig.calls.length).toBeLessThanOrEqual(4);
  });

  test("are never more than there are, whatever several isolates ask for and whatever is lost on the way", async () => {
    for (let seed = 0; seed < 30; seed++) {
      const rig = new PermitsRig({ bulkhead: { maxInFlight: 4, maxWaiting: 0 } });
      rig.fault = (call) =>
        (["before", "after", null, null, "never", null, null] as const)[(call * 3 + seed) % 7] ?? null;
      const pools = ["a", "b", "c"].map((name) => rig.pool(name));
      const line = async (i: number) => {
        for (let n = 0; n < 12; n++) {
          await rig.job(pools[i % 3] ?? rig.pool("x"), { ms: 10 + ((i * 37 + n * 11 + seed) % 90) });
          await rig.sleep((i * 13 + seed) % 40);
        }
      };
      await all(
        rig,
        Array.from({ length: 12 }, (_, i) => line(i)),
        600_000,
      );
      expect(rig.most).toBeLessThanOrEqual(4);
      expect(rig.underWay).toBe(0);
      await rig.run(60_000);
      rig.service.now = rig.clock.now();
      expect(rig.service.state().inFlight).toBe(0);
    }
  });

  test("that another isolate has are missing here: the job is held, and says why", async () => {
    const rig = new PermitsRig({ bulkhead: { maxInFlight: 2, maxWaiting: 0 } });
    const [a, b] = [rig.pool("a"), rig.pool("b")];
    void rig.job(a, { ms: 5_000 });
    void rig.job(a, { ms: 5_000 });
    await rig.run(10);
    const [acquired] = await all(rig, [rig.acquire(b)]);
    expect(acquired).toEqual({ type: "held", refusal: { reason: "bulkhead", nextMs: 1_000, inUse: 2, limit: 2 } });
    // Until then nobody is asked again.
    const calls = rig.calls.length;
    const [again] = await all(rig, [rig.acquire(b)]);
    expect(again).toMatchObject({ type: "held", refusal: { reason: "bulkhead" } });
    expect(rig.calls).toHaveLength(calls);
  });

  test("that come back here go to the jobs that wait here, without a call", async () => {
    const rig = new PermitsRig({ bulkhead: { maxInFlight: 2, maxWaiting: 0 } });
    const pool = rig.pool("a");
    const jobs = await all(
      rig,
      Array.from({ length: 6 }, () => rig.job(pool, { ms: 100 })),
    );
    expect(types(jobs)).toEqual(Array(6).fill("permit"));
    expect(rig.most).toBe(2);
    expect(rig.calls).toHaveLength(1);
  });

  test("a job waits in hand for half a second, and goes back then", async () => {
    const rig = new PermitsRig({ bulkhead: { maxInFlight: 1, maxWaiting: 0 } });
    const pool = rig.pool("a");
    void rig.job(pool, { ms: 10_000 });
    const [held] = await all(rig, [rig.acquire(pool)]);
    expect(held).toMatchObject({ type: "held", refusal: { reason: "bulkhead" } });
    expect(rig.clock.now()).toBeLessThan(rig.service.now + 1_000);
  });

  test("are renewed while a request is under way, and the request is stopped where that fails", async () => {
    const rig = new PermitsRig();
    const pool = rig.pool("a");
    const [acquired] = await all(rig, [rig.acquire(pool)]);
    const permit = permitOf(acquired as Acquired);
    await rig.run(100_000);
    expect(permit.signal.aborted).toBe(false);
    expect(rig.calls.length).toBeGreaterThan(3);
    expect(rig.calls.length).toBeLessThan(12);
    rig.fault = () => "before";
    await rig.run(31_000);
    expect(permit.signal.aborted).toBe(true);
    permit.end(null);
  });
});

describe("a service that is down", () => {
  test("is open after some failures, and its jobs are held without a call", async () => {
    const breaker = { failureRate: 0.5, minRequests: 10, windowMs: 10_000, openForMs: 3_600_000, halfOpenProbes: 2 };
    const rig = new PermitsRig({ outlier: null, breaker });
    const pool = rig.pool("a");
    const failing: Acquired[] = [];
    for (let i = 0; i < 10; i++) {
      failing.push(
        ...(await all(
          rig,
          Array.from({ length: 4 }, () => rig.job(pool, { ms: 5, ok: false })),
        )),
      );
      await rig.run(100);
    }
    expect(rig.service.state().breaker.state).toBe("open");
    expect(count(failing, "permit")).toBeLessThan(40);
    const [held] = await all(rig, [rig.acquire(pool)]);
    expect(held).toMatchObject({ type: "held", refusal: { reason: "service-open" } });
    const calls = rig.calls.length;
    const many = await all(
      rig,
      Array.from({ length: 50 }, () => rig.acquire(pool)),
    );
    expect(count(many, "held")).toBe(50);
    expect(rig.calls).toHaveLength(calls);
  });

  test("opens before many have failed that fail at once", async () => {
    const rig = new PermitsRig({
      breaker: { failureRate: 0.5, minRequests: 5, windowMs: 10_000, openForMs: 5_000, halfOpenProbes: 2 },
    });
    const pool = rig.pool("a");
    let begun = 0;
    const line = async () => {
      for (let i = 0; i < 50; i++) {
        if ((await rig.job(pool, { ms: 1, ok: false })).type !== "permit") return;
        begun += 1;
      }
    };
    await all(rig, Array.from({ length: 6 }, line));
    expect(begun).toBeLessThan(60);
    expect(rig.service.state().breaker.state).toBe("open");
  });

  test("is tried with as many probes as it lets, and taken back when they succeed", async () => {
    const rig = new PermitsRig({ outlier: null });
    const pool = rig.pool("a");
    for (let i = 0; i < 6; i++) {
      await all(
        rig,
        Array.from({ length: 4 }, () => rig.job(pool, { ms: 5, ok: false })),
      );
      await rig.run(250);
    }
    await rig.run(6_000);
    const probes = await all(
      rig,
      Array.from({ length: 6 }, () => rig.job(pool, { ms: 50 })),
    );
    expect(count(probes, "permit")).toBe(2);
    await rig.run(1_500);
    expect(rig.service.state().breaker.state).toBe("closed");
    const after = await all(
      rig,
      Array.from({ length: 6 }, () => rig.job(pool)),
    );
    expect(count(after, "permit")).toBe(6);
  });

  test("is tried with no more probes than it lets, where they tell nothing, until another rest is over", async () => {
    const rig = new PermitsRig({ outlier: null });
    const pool = rig.pool("a");
    for (let i = 0; i < 6; i++) {
      await all(
        rig,
        Array.from({ length: 4 }, () => rig.job(pool, { ms: 5, ok: false })),
      );
      await rig.run(250);
    }
    await rig.run(6_000);
    let sent = 0;
    const hurry = async () => {
      const acquired = await all(
        rig,
        Array.from({ length: 4 }, () => rig.acquire(pool)),
      );
      for (const one of acquired) {
        if (one.type !== "permit") continue;
        sent++;
        one.permit.end(null);
      }
      await rig.run(400);
    };
    for (let i = 0; i < 5; i++) await hurry();
    expect([sent, rig.service.state().breaker.state]).toEqual([2, "halfOpen"]);
    await rig.run(4_000);
    for (let i = 0; i < 3; i++) await hurry();
    expect(sent).toBe(4);
  });

  test("an instance that fails is passed over here before the service has said so", async () => {
    const rig = new PermitsRig({ breaker: null });
    const pool = rig.pool("a");
    const urls = new Map<string, number>();
    for (let i = 0; i < 30; i++) {
      const acquired = await all(rig, [rig.acquire(pool)]);
      const permit = permitOf(acquired[0] as Acquired);
      urls.set(permit.url, (urls.get(permit.url) ?? 0) + 1);
      const ok = permit.url !== "https://a.example";
      permit.end({ ok, ms: ok ? 20 : null });
    }
    expect(urls.get("https://a.example") ?? 0).toBeLessThanOrEqual(4);
  });
});

describe("a service that cannot be asked", () => {
  test("holds its jobs, and what was to be told is told later", async () => {
    const rig = new PermitsRig();
    const pool = rig.pool("a");
    await all(rig, [rig.job(pool)]);
    rig.fault = () => "before";
    await rig.run(3_000);
    const [held] = await all(rig, [rig.acquire(pool)]);
    expect(held).toEqual({ type: "held", refusal: { reason: "unreachable", nextMs: 2_000 } });
    rig.fault = () => null;
    await all(rig, [rig.job(pool)]);
    await rig.run(3_000);
    expect(rig.service.state().instances.map(({ successRate }) => successRate)).toContain(1);
    const told = rig.calls.flatMap(({ reports }) => reports).reduce((sum, { succeeded }) => sum + succeeded, 0);
    expect(told).toBeGreaterThanOrEqual(2);
  });

  test("one that is not there is unknown", async () => {
    const rig = new PermitsRig();
    rig.isUnknown = true;
    expect(await all(rig, [rig.acquire(rig.pool("a"))])).toEqual([{ type: "unknown" }]);
  });

  test("the call of an invocation that has ended holds up nobody for ever", async () => {
    const rig = new PermitsRig();
    const pool = rig.pool("a");
    rig.fault = (call) => (call === 0 ? "never" : null);
    void rig.acquire(pool);
    await rig.run(100);
    const [late] = await all(rig, [rig.acquire(pool)]);
    expect(late).toMatchObject({ type: "held" });
    const [next] = await all(rig, [rig.acquire(pool)]);
    expect(next).toMatchObject({ type: "permit" });
  });
});

describe("permits for jobs that have still to be claimed", () => {
  const reserve = (rig: PermitsRig, pool = rig.pool("a"), count = 6) => pool.source(rig.ports()).reserve(MAILER, count);

  test("are asked for, kept, and used by the jobs that come, without another call", async () => {
    const rig = new PermitsRig();
    const pool = rig.pool("a");
    const [reservation] = await all(rig, [reserve(rig, pool)]);
    expect(reservation).toMatchObject({ refusal: null });
    const kept = reservation?.permits ?? [];
    expect(kept).toHaveLength(6);
    const acquired = await all(
      rig,
      kept.map((one) => rig.acquire(pool, rig.ports(), { kept: one })),
    );
    expect(types(acquired)).toEqual(Array(6).fill("permit"));
    expect(rig.calls).toHaveLength(1);
    // Each is there for one job.
    const again = rig.acquire(pool, rig.ports(), { kept: kept[0] ?? null });
    await all(rig, [again]);
    expect(rig.calls).toHaveLength(2);
    for (const one of acquired) permitOf(one).end(null);
    await rig.run(5_000);
  });

  test("are as many as there are, with the reason, and nobody else gets them meanwhile", async () => {
    const rig = new PermitsRig({ bulkhead: { maxInFlight: 2, maxWaiting: 0 } });
    const pool = rig.pool("a");
    const [first] = await all(rig, [reserve(rig, pool)]);
    expect(first?.permits).toHaveLength(2);
    expect(first?.refusal).toMatchObject({ reason: "bulkhead", limit: 2 });
    expect(pool.source(rig.ports()).spare(MAILER, 6)).toEqual([]);
    const [other] = await all(rig, [rig.acquire(rig.pool("b"))]);
    expect(other?.type).toBe("held");
    for (const one of first?.permits ?? []) one.release();
    expect(pool.source(rig.ports()).spare(MAILER, 6)).toHaveLength(2);
  });

  test("that are not used go back to the service", async () => {
    const rig = new PermitsRig();
    const pool = rig.pool("a");
    const [reservation] = await all(rig, [reserve(rig, pool)]);
    for (const one of reservation?.permits ?? []) {
      one.release();
      one.release();
    }
    await rig.run(2_000);
    expect(rig.service.state().inFlight).toBe(0);
    expect(rig.calls).toHaveLength(2);
  });

  test("wait half a second for what comes back here, and are refused then", async () => {
    const rig = new PermitsRig({ bulkhead: { maxInFlight: 1, maxWaiting: 0 } });
    const pool = rig.pool("a");
    void rig.job(pool, { ms: 300 });
    await rig.run(10);
    const [soon] = await all(rig, [reserve(rig, pool)]);
    expect(soon?.permits).toHaveLength(1);
    soon?.permits[0]?.release();
    void rig.job(pool, { ms: 5_000 });
    const [late] = await all(rig, [reserve(rig, pool)]);
    expect(late).toMatchObject({ permits: [], refusal: { reason: "bulkhead" } });
  });

  test("begin by what is asked for anew where what is known is old, and are held where they were taken back", async () => {
    const rig = new PermitsRig({
      outlier: null,
      breaker: { failureRate: 0.5, minRequests: 2, windowMs: 10_000, openForMs: 60_000, halfOpenProbes: 1 },
    });
    const pool = rig.pool("a");
    const [reservation] = await all(rig, [reserve(rig, pool, 2)]);
    const [one, two] = reservation?.permits ?? [];
    await rig.run(3_000);
    const [acquired] = await all(rig, [rig.acquire(pool, rig.ports(), { kept: one ?? null })]);
    expect(acquired?.type).toBe("permit");
    expect(rig.calls).toHaveLength(2);
    permitOf(acquired as Acquired).end(null);
    rig.service.now = rig.clock.now();
    rig.service.report(reportOf("https://a.example", { failed: 5, failedSinceSuccess: 5 }));
    await rig.run(3_000);
    const [held] = await all(rig, [rig.acquire(pool, rig.ports(), { kept: two ?? null })]);
    expect(held).toMatchObject({ type: "held", refusal: { reason: "service-open" } });
    await rig.run(2_000);
    expect(rig.service.state().inFlight).toBe(0);
  });

  test("of a service that is not there are none, and that is said", async () => {
    const rig = new PermitsRig();
    rig.isUnknown = true;
    expect(await all(rig, [reserve(rig)])).toEqual([{ permits: [], unknown: true }]);
  });
});

test("an answer that comes when another call has been made counts for nothing", async () => {
  const rig = new PermitsRig();
  const pool = rig.pool("a");
  rig.fault = (call) => (call === 0 ? "late" : null);
  void rig.job(pool);
  await rig.run(6_000);
  await all(rig, [rig.job(pool)]);
  await all(rig, [pool.giveBack(rig.ports())]);
  expect(rig.service.state().inFlight).toBe(0);
  await rig.run(LATE_MS - 6_000 + 500);
  const calls = rig.calls.length;
  await all(rig, [rig.job(pool)]);
  // It is asked for anew, and not taken from what was given back.
  expect(rig.calls.length).toBe(calls + 1);
});

test("a job that is cancelled while it waits takes nothing", async () => {
  const rig = new PermitsRig();
  const pool = rig.pool("a");
  const cancel = new AbortController();
  const waiting = rig.acquire(pool, rig.ports(), { signal: cancel.signal });
  cancel.abort();
  expect((await waiting).type).toBe("held");
  await rig.run(5_000);
  expect(rig.service.state().inFlight).toBe(0);
});

test("a job whose time is up before it gets a permit is held, and not late", async () => {
  const rig = new PermitsRig();
  rig.fault = () => "never";
  const startedAt = rig.clock.now();
  const [acquired] = await all(rig, [rig.acquire(rig.pool("a"), rig.ports(), { deadlineAt: startedAt + 1_000 })]);
  expect(acquired).toMatchObject({ type: "held", refusal: { reason: "unreachable" } });
  expect(rig.clock.now() - startedAt).toBe(950);
});

test("an invocation that ends gives back what nobody uses", async () => {
  const rig = new PermitsRig();
  const pool = rig.pool("a");
  await all(
    rig,
    Array.from({ length: 3 }, () => rig.job(pool)),
  );
  await all(rig, [pool.giveBack(rig.ports())]);
  expect(rig.service.state().inFlight).toBe(0);
  expect(rig.calls).toHaveLength(2);
  // There is nothing more to say.
  await all(rig, [pool.giveBack(rig.ports())]);
  await rig.run(5_000);
  expect(rig.calls).toHaveLength(2);
});

describe("an invocation that ended while it waited", () => {
  /** Its timers never fire, and nothing goes on from what it waits for. */
  function ended(rig: PermitsRig, begin: (ports: PermitPorts) => unknown): void {
    const { then } = Promise.prototype;
    Reflect.set(Promise.prototype, "then", () => new Promise(() => undefined));
    try {
      begin({ ...rig.ports(), after: () => () => undefined });
    } finally {
      Reflect.set(Promise.prototype, "then", then);
    }
  }

  test.each([
    ["a job", (rig: PermitsRig, pool: ServicePermits) => (ports: PermitPorts) => rig.acquire(pool, ports)],
    ["a loop", (_: PermitsRig, pool: ServicePermits) => (ports: PermitPorts) => pool.source(ports).reserve(MAILER, 1)],
  ])("%s keeps no permit that came back here for it", async (_what, begin) => {
    const rig = new PermitsRig({ bulkhead: { maxInFlight: 1, maxWaiting: 0 } });
    const pool = rig.pool("a");
    void rig.job(pool, { ms: 300 });
    await rig.run(10);
    ended(rig, begin(rig, pool));
    await rig.run(400);
    let began = 0;
    const line = async () => {
      for (let i = 0; i < 60; i++) {
        if ((await rig.job(pool)).type === "permit") began++;
        await rig.sleep(100);
      }
    };
    await all(rig, [line()]);
    expect(began).toBeGreaterThan(20);
    expect(rig.most).toBe(1);
    await rig.run(5_000);
    rig.service.now = rig.clock.now();
    expect(rig.service.state().inFlight).toBe(0);
  });
});
