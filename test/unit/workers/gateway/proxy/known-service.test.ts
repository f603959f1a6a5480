import { describe, expect, test } from "vitest";
import type { ServiceSettings } from "../../../../../domain/service/settings.ts";
import { KnownService } from "../../../../../workers/gateway/proxy/known-service.ts";
import { instanceUrlOf, serviceReply, serviceSettings } from "../../../../rigs/service-parts.ts";

const NOW = 1_000_000;
const [A, B, C] = ["a", "b", "c"].map(instanceUrlOf) as [string, string, string];
const OPEN = { state: "open", nextProbeMs: 800 } as const;
const HALF_OPEN = { state: "halfOpen", nextProbeMs: null, round: 4 } as const;

function known(reply = serviceReply()): KnownService {
  return new KnownService(reply, NOW);
}

/** The instances that so many requests in a row are sent to. */
function chosen(service: KnownService, count: number, { now = NOW, tried = [] as string[] } = {}): string[] {
  const facts = { key: null, tried: new Set(tried), random: () => 0 };
  return Array.from({ length: count }, () => service.choose(facts, now)?.url ?? "none");
}

function fails(service: KnownService, url: string, times: number, now = NOW): void {
  for (let i = 0; i < times; i++) {
    const attempt = service.begin(url, { ms: 1_000, probe: null }, now);
    attempt.note({ ok: false, ms: null }, now);
    attempt.end();
  }
}

describe("which instance", () => {
  test("those that the object says are well", () => {
    const service = known(serviceReply(serviceSettings(), { states: { [B]: { state: "unhealthy" } } }));
    expect(chosen(service, 4)).toEqual([A, C, A, C]);
  });

  test("one that fails here three times in a row is left at once, as long as the settings say", () => {
    const service = known();
    fails(service, A, 2);
    expect(new Set(chosen(service, 3))).toEqual(new Set([A, B, C]));
    fails(service, A, 1);
    expect(new Set(chosen(service, 6))).toEqual(new Set([B, C]));
    expect(new Set(chosen(service, 6, { now: NOW + 29_999 }))).toEqual(new Set([B, C]));
    expect(chosen(service, 60, { now: NOW + 31_000 })).toContain(A);
  });

  test("here and at the object together no more are out than the percentage lets be", () => {
    const service = known(serviceReply(serviceSettings(), { states: { [B]: { state: "ejected" } } }));
    fails(service, A, 10);
    expect(new Set(chosen(service, 6))).toEqual(new Set([A, C]));
  });

  test("nobody is out here where the settings ask for no ejection any more", () => {
    const service = known();
    fails(service, A, 3);
    service.learn(serviceReply(serviceSettings({ outlier: null, version: 2 })), NOW);
    expect(new Set(chosen(service, 6))).toEqual(new Set([A, B, C]));
  });

  test("one that comes back here is asked little at first", () => {
    const service = known();
    fails(service, A, 3);
    chosen(service, 1);
    const at = NOW + 30_000;
    const parts = chosen(service, 210, { now: at }).filter((url) => url === A).length;
    expect(parts).toBeGreaterThan(0);
    expect(parts).toBeLessThan(20);
  });

  test("another than those that were tried", () => {
    expect(new Set(chosen(known(), 4, { tried: [A, B] }))).toEqual(new Set([C]));
  });

  test("quick ones are told from slow ones by what was seen here, and what nobody saw here by the object", () => {
    const settings = serviceSettings({
      strategy: "p2c",
      instances: [
        { url: A, weight: 1, zone: null },
        { url: B, weight: 1, zone: null },
      ],
    });
    const service = known(serviceReply(settings, { states: { [A]: { ewmaMs: 500 }, [B]: { ewmaMs: 5 } } }));
    expect(chosen(service, 1)).toEqual([B]);
    const attempt = service.begin(B, { ms: 1_000, probe: null }, NOW);
    attempt.note({ ok: true, ms: 2_000 }, NOW);
    attempt.end();
    expect(chosen(service, 1)).toEqual([A]);
  });

  test("the one with less under way, until that has ended", () => {
    const settings = serviceSettings({ strategy: "leastRequests" });
    const service = known(serviceReply(settings));
    const attempt = service.begin(A, { ms: 1_000, probe: null }, NOW);
    expect(chosen(service, 1)).toEqual([B]);
    attempt.end();
    expect(chosen(service, 1)).toEqual([A]);
  });
});

describe("what the object is told", () => {
  test("what became of each instance's requests, once", () => {
    const service = known();
    fails(service, A, 2);
    const attempt = service.begin(B, { ms: 1_000, probe: null }, NOW);
    attempt.note({ ok: true, ms: 30 }, NOW);
    attempt.note({ ok: false, ms: null }, NOW);
    expect(service.report().reports).toEqual([
      { url: A, succeeded: 0, failed: 2, failedSinceSuccess: 2, timed: { count: 0, sumMs: 0, maxMs: 0 } },
      { url: B, succeeded: 1, failed: 0, failedSinceSuccess: 0, timed: { count: 1, sumMs: 30, maxMs: 30 } },
    ]);
    expect(service.report().reports).toEqual([]);
  });

  test("what did not come through is told the next time, before what came after it", () => {
    const service = known();
    fails(service, A, 2);
    const lost = service.report();
    fails(service, A, 1);
    service.putBack(lost);
    expect(service.report().reports[0]).toMatchObject({ failed: 3, failedSinceSuccess: 3 });
  });

  test("a request of which nobody knows what became says nothing", () => {
    const service = known();
    service.begin(A, { ms: 1_000, probe: null }, NOW).note(null, NOW);
    expect(service.report()).toEqual({ reports: [], probes: [], wantsProbes: 0 });
  });
});

describe("the breaker", () => {
  test("closed, everything passes", () => {
    expect(known().verdict(NOW)).toEqual({ type: "pass", probe: null });
  });

  test("open, nothing does, and it is said when a probe may be sent", () => {
    const service = known(serviceReply(serviceSettings(), { breaker: OPEN }));
    expect(service.verdict(NOW)).toEqual({ type: "open", nextMs: 800 });
    expect(service.verdict(NOW + 300)).toEqual({ type: "open", nextMs: 500 });
    expect(service.verdict(NOW + 5_000)).toEqual({ type: "open", nextMs: 0 });
  });

  test("half open, as many pass as were given, and what becomes of them is told as a probe's", () => {
    const service = known(
      serviceReply(serviceSettings(), { breaker: HALF_OPEN, probes: { count: 1, leaseMs: 5_000 } }),
    );
    const verdict = service.verdict(NOW);
    expect(verdict).toEqual({ type: "pass", probe: { round: 4 } });
    expect(service.verdict(NOW).type).toBe("open");
    if (verdict.type === "pass")
      service.begin(A, { ms: 1_000, probe: verdict.probe }, NOW).note({ ok: true, ms: 5 }, NOW);
    const report = service.report();
    expect(report.probes).toEqual([{ round: 4, succeeded: 1, failed: 0, unused: 0, spent: 0 }]);
    expect(report.wantsProbes).toBe(1);
    expect(report.reports).toHaveLength(1);
  });

  test.each([
    ["the breaker rests again", { state: "open", nextProbeMs: 800, round: 4 }],
    ["the next has begun", { ...HALF_OPEN, round: 5 }],
  ] as const)("of a round's probes those that are left pass no more when %s", (_what, breaker) => {
    const service = known(
      serviceReply(serviceSettings(), { breaker: HALF_OPEN, probes: { count: 3, leaseMs: 30_000 } }),
    );
    expect(service.verdict(NOW).type).toBe("pass");
    service.learn(serviceReply(serviceSettings(), { breaker }), NOW + 1_000);
    expect(service.verdict(NOW + 1_000).type).toBe("open");
    expect(service.report().wantsProbes).toBe(1);
  });

  test("a probe that is not sent is given back", () => {
    const service = known(
      serviceReply(serviceSettings(), { breaker: HALF_OPEN, probes: { count: 1, leaseMs: 5_000 } }),
    );
    const verdict = service.verdict(NOW);
    service.giveBack(verdict.type === "pass" ? verdict.probe : null);
    expect(service.report().probes).toEqual([{ round: 4, succeeded: 0, failed: 0, unused: 1, spent: 0 }]);
  });
});

describe("the share", () => {
  test.each([
    ["no limit", { bulkhead: null }, undefined, Number.POSITIVE_INFINITY],
    ["all of the limit where the object says nothing", {}, undefined, 10],
    ["what the object says", {}, 4, 4],
    ["never more than the limit", {}, 40, 10],
  ] as [string, Partial<ServiceSettings>, number | undefined, number][])("%s", (_what, settings, share, expected) => {
    expect(known(serviceReply(serviceSettings(settings), share === undefined ? {} : { share })).share).toBe(expected);
  });

  test("no more requests are let through than it, until one ends", () => {
    const service = known(serviceReply(serviceSettings(), { share: 2 }));
    const first = service.enter(1_000, NOW);
    expect(service.enter(1_000, NOW)).not.toBeNull();
    expect(service.enter(1_000, NOW)).toBeNull();
    expect(service.underWay(NOW)).toEqual({ requests: 2, inFlight: {} });
    first?.end();
    expect(service.enter(1_000, NOW)).not.toBeNull();
  });
});

test("requests are sent again as far as the budget goes", () => {
  const service = known(serviceReply(serviceSettings({ bulkhead: null })));
  for (let i = 0; i < 10; i++) service.enter(1_000, NOW);
  let retries = 0;
  while (service.mayRetry(NOW)) retries++;
  expect(retries).toBe(5);
});

test.each([OPEN, HALF_OPEN])("while the breaker is not closed none is sent again: %j", (breaker) => {
  const service = known(serviceReply(serviceSettings({ bulkhead: null }), { breaker }));
  expect(service.mayRetry(NOW)).toBe(false);
});

test("how old it is, and after the clock stepped back as old as can be", () => {
  expect(known().ageMs(NOW + 700)).toBe(700);
  expect(known().ageMs(NOW - 1)).toBe(Number.POSITIVE_INFINITY);
});
