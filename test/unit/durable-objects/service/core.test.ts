import { describe, expect, test } from "vitest";
import type { InstanceReport } from "../../../../contract/rpc/service.ts";
import { IN_USE_MS, REMEMBER_MS, ServiceCore } from "../../../../durable-objects/service/core.ts";
import { A, B, C, reportOf, ServiceRig } from "../../../rigs/service-rig.ts";
import { openSql } from "../../../simulation/node-sqlite.ts";

const failures = (url: string, failed: number) => reportOf(url, { failed, failedSinceSuccess: failed });
const successes = (url: string, succeeded: number) => reportOf(url, { succeeded });

describe("settings", () => {
  test("of two the newer is kept, told again it changes nothing", () => {
    const rig = new ServiceRig();
    rig.configure({ version: 3, timeoutMs: 3 });
    expect(rig.rows(() => rig.core.configure({ ...rig.work("h").snapshot.settings }))).toBe(0);
    rig.configure({ version: 2, timeoutMs: 2 });
    expect(rig.work("h").snapshot.settings).toMatchObject({ version: 3, timeoutMs: 3 });
    rig.restart();
    expect(rig.work("h").snapshot.settings).toMatchObject({ version: 3, timeoutMs: 3 });
  });

  test("an object that was told of no service knows none, and writes nothing", () => {
    const sql = openSql();
    const ports = { sql, now: () => 0, random: () => 0, alarmAt: null, setAlarm: () => undefined };
    const core = new ServiceCore({
      ...ports,
      probe: async () => ({ type: "answered", status: 200 }),
      forget: async () => undefined,
    });
    expect(core.work({ v: 1, holder: "h", need: 1, used: 0, permits: 0, startsLeft: 0, reports: [] }).type).toBe(
      "unknown",
    );
    expect(core.observe({ v: 1, reports: [] }).type).toBe("unknown");
    expect(core.state()).toBeNull();
    expect(sql.all("SELECT name FROM sqlite_master")).toEqual([]);
  });

  test("a deleted service is known to nobody, is not revived by what comes late, and is forgotten an hour later", async () => {
    const rig = new ServiceRig();
    rig.work("h", { need: 5 });
    rig.configure({ deleted: true, instances: [], version: 5 });
    expect(rig.core.observe({ v: 1, reports: [] })).toEqual({ type: "unknown" });
    rig.configure({ deleted: false, version: 4 });
    expect(rig.core.state()).toBeNull();
    await rig.pass(REMEMBER_MS - 1);
    expect(rig.forgotten).toBe(false);
    await rig.pass(REMEMBER_MS);
    expect(rig.forgotten).toBe(true);
    rig.configure({ version: 1, createdAt: rig.now });
    expect(rig.work("h", { need: 5 }).permits).toBe(5);
  });

  test("one that was made again begins with all of its permits, and a breaker of its own", () => {
    const rig = new ServiceRig();
    rig.work("h", { need: 10 });
    rig.report(failures(B, 10));
    rig.configure({ deleted: true });
    rig.configure({ deleted: false });
    expect(rig.work("other", { need: 10 }).permits).toBe(10);
    expect(rig.state()).toMatchObject({ breaker: { state: "closed" }, events: [] });
  });

  test("an instance that stays keeps what is known of it, one that is gone is forgotten", () => {
    const rig = new ServiceRig();
    rig.report(failures(A, 3));
    expect(rig.states()).toEqual(["ejected", "healthy", "healthy"]);
    rig.configure({ instances: [B, A].map((url) => ({ url, weight: 1, zone: null })) });
    expect(rig.states()).toEqual(["healthy", "ejected"]);
    rig.configure({ instances: [B].map((url) => ({ url, weight: 1, zone: null })) });
    rig.configure({ instances: [A, B].map((url) => ({ url, weight: 1, zone: null })) });
    rig.restart();
    expect(rig.states()).toEqual(["healthy", "healthy"]);
  });
});

describe("instances", () => {
  test("are ejected for failures in a row, come back, and say why, over a restart too", () => {
    const rig = new ServiceRig();
    rig.report(failures(A, 2));
    rig.report(failures(A, 1), successes(B, 5));
    rig.now += 1_000;
    rig.restart();
    const [a, b] = rig.state().instances;
    expect(a).toMatchObject({
      state: "ejected",
      because: "3 requests in a row failed.",
      events: [{ at: rig.now - 1_000, url: A, from: "healthy", to: "ejected" }],
    });
    expect(b).toMatchObject({ state: "healthy", events: [] });
    rig.now += 29_000;
    expect(rig.state().instances[0]).toMatchObject({
      state: "healthy",
      events: [{ to: "healthy" }, { to: "ejected" }],
    });
  });

  test("have what their answers take, and their successes of the last minute", () => {
    const rig = new ServiceRig();
    rig.report(reportOf(A, { succeeded: 3, failed: 1, timed: { count: 4, sumMs: 400, maxMs: 100 } }));
    expect(rig.state().instances[0]).toMatchObject({ ewmaMs: 100, successRate: 0.75 });
    expect(rig.state().instances[1]).toMatchObject({ ewmaMs: null, successRate: null });
    rig.now += 61_000;
    expect(rig.state().instances[0]?.successRate).toBeNull();
  });

  test("have under way what reporters say, until they say otherwise or are heard of no more", () => {
    const rig = new ServiceRig();
    rig.work("h", { need: 5, used: 3, inFlight: { [A]: 2, [B]: 1, "https://elsewhere.example": 9 } });
    rig.core.observe({ v: 1, holder: "p", reports: [], inFlight: { [A]: 5 } });
    const inFlight = () => rig.state().instances.map((instance) => instance.inFlight);
    expect(inFlight()).toEqual([7, 1, 0]);
    rig.work("h", { need: 5, used: 1, inFlight: { [C]: 1 } });
    expect(inFlight()).toEqual([5, 0, 1]);
    rig.now += 15_000;
    expect(inFlight()).toEqual([0, 0, 0]);
  });

  test.each<[string, InstanceReport]>([
    ["an instance that there is not", failures("https://evil.example", 100)],
    ["a number below zero", reportOf(A, { failed: -5, failedSinceSuccess: -5 })],
    ["a number that no isolate can come to", failures(A, 2 ** 53)],
    ["no whole number", failures(A, 2.5)],
    ["no number", failures(A, Number.NaN)],
    ["more failures in a row than failures", reportOf(A, { failed: 1, failedSinceSuccess: 5 })],
    ["times that cannot be", reportOf(A, { succeeded: 1, timed: { count: 1, sumMs: -1, maxMs: 2 ** 60 } })],
  ])("are not changed by a report of %s", (_, report) => {
    const rig = new ServiceRig();
    const before = rig.state();
    for (let i = 0; i < 5; i++) rig.report(report);
    expect(rig.state()).toEqual(before);
  });
});

describe("the breaker", () => {
  test("opens, lets as many probes pass as it may, and closes", () => {
    const rig = new ServiceRig();
    const first = rig.work("h", { need: 4 });
    expect(first).toMatchObject({ permits: 4, starts: null, refusal: null });
    rig.report(failures(B, 10));
    expect(rig.work("h", { need: 4, used: 1, permits: 4 })).toMatchObject({
      permits: 0,
      starts: 0,
      refusal: { reason: "service-open", nextMs: 5_000 },
      snapshot: { breaker: { state: "open", nextProbeMs: 5_000 } },
    });
    rig.now += 5_000;
    const half = rig.work("h", { need: 4, used: 1 });
    expect(half).toMatchObject({ permits: 3, starts: 2, snapshot: { breaker: { state: "halfOpen" } } });
    // All probes are given.
    const other = rig.work("other", { need: 4 });
    expect(other).toMatchObject({ permits: 0, starts: 0, refusal: { reason: "service-open" } });
    rig.restart();
    expect(rig.work("other", { need: 4 })).toMatchObject({ starts: 0 });
    const round = half.snapshot.breaker.round ?? 0;
    const probes = [{ round, succeeded: 2, failed: 0, unused: 0 }];
    expect(rig.work("h", { need: 4, permits: 3, reports: [successes(B, 2)], probes })).toMatchObject({
      permits: 4,
      starts: null,
      refusal: null,
    });
    expect(rig.state().events.map(({ from, to }) => `${from} ${to}`)).toEqual([
      "halfOpen closed",
      "open halfOpen",
      "closed open",
    ]);
  });

  test("opens again when a probe fails", () => {
    const rig = new ServiceRig();
    rig.report(failures(B, 10));
    rig.now += 5_000;
    const { snapshot } = rig.work("h", { need: 4 });
    const round = snapshot.breaker.round ?? 0;
    rig.work("h", { need: 4, used: 1, permits: 2, probes: [{ round, succeeded: 0, failed: 1, unused: 0 }] });
    expect(rig.state().breaker).toEqual({ state: "open", nextProbeAt: rig.now + 5_000 });
  });

  test("gets back probes that were not made, and those of a holder that is heard of no more", () => {
    const rig = new ServiceRig();
    rig.report(failures(B, 10));
    rig.now += 5_000;
    rig.work("h", { need: 4 });
    expect(rig.work("other", { need: 4 }).starts).toBe(0);
    rig.work("h", { need: 0, startsLeft: 1, permits: 2 });
    expect(rig.work("other", { need: 4 }).starts).toBe(1);
    rig.now += 30_000;
    expect(rig.work("third", { need: 4 }).starts).toBe(2);
  });

  test("gives another in place of a probe that was sent and told nothing after a rest, also when its holder stays", () => {
    const rig = new ServiceRig();
    rig.report(failures(B, 10));
    rig.now += 5_000;
    const { snapshot } = rig.work("h", { need: 4 });
    const round = snapshot.breaker.round ?? 0;
    const probes = [{ round, succeeded: 0, failed: 0, unused: 1, spent: 1 }];
    rig.work("h", { need: 0, permits: 2, probes });
    rig.restart();
    expect(rig.work("other", { need: 4 }).starts).toBe(1);
    rig.now += 4_999;
    expect(rig.work("third", { need: 4 }).starts).toBe(0);
    rig.now += 1;
    expect(rig.work("fourth", { need: 4 }).starts).toBe(1);
  });

  test("gives probes to the proxy too, out of the same few", () => {
    const rig = new ServiceRig();
    rig.report(failures(B, 10));
    rig.now += 5_000;
    const reply = rig.core.observe({ v: 1, holder: "p", reports: [], wantsProbes: 5 });
    expect(reply).toMatchObject({ type: "snapshot", probes: { count: 2 } });
    expect(rig.work("h", { need: 4 }).starts).toBe(0);
  });

  test("is remembered over a restart, open or half open", () => {
    const rig = new ServiceRig();
    rig.report(failures(B, 10));
    rig.restart();
    expect(rig.state().breaker.state).toBe("open");
    rig.now += 5_000;
    expect(rig.state().breaker.state).toBe("halfOpen");
    rig.restart();
    expect(rig.state().breaker.state).toBe("halfOpen");
  });
});

describe("a rate", () => {
  test("lets no more start than it may, and says when more may", () => {
    const rig = new ServiceRig({ rate: { limit: 5, periodMs: 1_000 } });
    expect(rig.work("h", { need: 8 })).toMatchObject({ permits: 8, starts: 5, refusal: { reason: "rate" } });
    // Those of the other are not told of yet.
    expect(rig.work("other", { need: 8 })).toMatchObject({ starts: 0 });
    rig.now += 500;
    // Three were made, two come back.
    expect(rig.work("h", { need: 8, used: 3, permits: 8, startsLeft: 2 })).toMatchObject({ starts: 2 });
    rig.restart();
    expect(rig.work("other", { need: 2 })).toMatchObject({ starts: 0 });
    rig.now += 1_001;
    expect(rig.work("h", { need: 8, permits: 8, startsLeft: 2 })).toMatchObject({ starts: 5 });
  });
});

describe("checks", () => {
  const healthCheck = {
    path: "/healthz",
    intervalMs: 10_000,
    timeoutMs: 1_000,
    healthyThreshold: 2,
    unhealthyThreshold: 3,
    expect: { from: 200, to: 299 },
  };

  test("are made while the service is in use, and none while nothing uses it", async () => {
    const rig = new ServiceRig({ healthCheck });
    await rig.pass(60_000);
    expect(rig.probed).toEqual([]);
    rig.work("h");
    await rig.pass(1);
    expect(rig.probed).toEqual([`${A}/healthz`, `${B}/healthz`, `${C}/healthz`]);
    await rig.pass(10 * IN_USE_MS);
    const made = rig.probed.length;
    expect(made).toBeLessThanOrEqual(3 * (IN_USE_MS / 10_000 + 1));
    expect(rig.alarmAt).toBeNull();
    await rig.pass(60_000);
    expect(rig.probed).toHaveLength(made);
  });

  test("go on after a restart in use", async () => {
    const rig = new ServiceRig({ healthCheck });
    rig.work("h");
    await rig.pass(1);
    rig.restart();
    await rig.pass(10_000);
    expect(rig.probed).toHaveLength(6);
  });

  test("take an instance out after three that fail, and let it in after two that pass", async () => {
    const rig = new ServiceRig({ healthCheck });
    rig.answer = (url) => (url.startsWith(A) ? { type: "answered", status: 500 } : { type: "answered", status: 204 });
    const seen: string[] = [];
    for (let round = 0; round < 6; round++) {
      if (round === 3) rig.answer = () => ({ type: "answered", status: 200 });
      rig.work("h");
      await rig.pass(10_000);
      seen.push(rig.states()[0] ?? "");
    }
    expect(seen).toEqual(["healthy", "unhealthy", "unhealthy", "unhealthy", "healthy", "healthy"]);
    expect(rig.state().instances[0]).toMatchObject({
      because: "It passes its health checks again.",
      lastCheck: { ok: true, detail: "It answered 200." },
    });
  });

  test("that get no answer say so", async () => {
    const rig = new ServiceRig({ healthCheck });
    rig.answer = () => ({ type: "none", why: "did not answer within 1000 ms" });
    rig.work("h");
    await rig.pass(1);
    expect(rig.state().instances[0]?.lastCheck).toMatchObject({
      ok: false,
      detail: "It did not answer within 1000 ms.",
    });
  });

  test("of a service that has none any more end, and nobody is unhealthy", async () => {
    const rig = new ServiceRig({ healthCheck });
    rig.answer = () => ({ type: "answered", status: 500 });
    for (let round = 0; round < 3; round++) {
      rig.work("h");
      await rig.pass(10_000);
    }
    expect(rig.states()).toEqual(["unhealthy", "unhealthy", "unhealthy"]);
    rig.configure({ healthCheck: null });
    expect(rig.states()).toEqual(["healthy", "healthy", "healthy"]);
    const made = rig.probed.length;
    await rig.pass(60_000);
    expect(rig.probed).toHaveLength(made);
  });
});

describe("rows", () => {
  test("none for what changes nothing but reports", () => {
    const rig = new ServiceRig();
    rig.work("h", { need: 5 });
    rig.now += 5_000;
    const more = { need: 5, used: 5, permits: 5, reports: [successes(A, 50), failures(B, 1)] };
    expect(rig.rows(() => rig.work("h", more))).toBe(0);
    expect(rig.rows(() => rig.core.observe({ v: 1, holder: "p", reports: [successes(C, 50)] }))).toBe(0);
  });

  test("one for other permits, one now and then for the lease, one when all are given back", () => {
    const rig = new ServiceRig();
    expect(rig.rows(() => rig.work("h", { need: 5 }))).toBe(1);
    expect(rig.rows(() => rig.work("h", { need: 7, used: 5, permits: 5 }))).toBe(1);
    rig.now += 10_001;
    expect(rig.rows(() => rig.work("h", { need: 7, used: 5, permits: 7 }))).toBe(1);
    expect(rig.rows(() => rig.work("h", { need: 0, permits: 7 }))).toBe(1);
    expect(rig.rows(() => rig.work("h", { need: 0 }))).toBe(0);
  });

  test("one for the breaker, one for each instance, when they change", () => {
    const rig = new ServiceRig();
    expect(rig.rows(() => rig.report(failures(A, 10)))).toBe(2);
  });
});
