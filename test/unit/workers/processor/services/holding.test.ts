import { describe, expect, test } from "vitest";
import type { ServiceWorkReply, ServiceWorkRequest } from "../../../../../contract/rpc/service.ts";
import { Holding, type Reserved, type Taken } from "../../../../../workers/processor/services/holding.ts";
import { A, ServiceRig, START } from "../../../../rigs/service-rig.ts";

type Granted = Extract<ServiceWorkReply, { type: "permits" }>;

const at = (now: number) => ({ now, random: () => 0.25 });
const ask = (holding: Holding, now: number, waiting = 0) => holding.request("a", { waiting, keeps: false, now });

/** A holding that has heard this answer at the start. */
function heard(over: Partial<Granted>, request?: ServiceWorkRequest): { holding: Holding; reply: Granted } {
  const holding = new Holding();
  const reply: Granted = { ...new ServiceRig().work("a", { need: 3 }), ...over };
  holding.heard(request ?? ask(holding, START, 3), reply, { sentAt: START, now: START });
  return { holding, reply };
}

describe("starts", () => {
  test("are no more than the answer gave", () => {
    const { holding } = heard({ permits: 3, starts: 2 });
    expect([1, 2, 3].map(() => holding.take(null, at(START)) !== null)).toEqual([true, true, false]);
  });

  test("that were not made are given back with the next request, and made no more, answered or not", () => {
    const { holding, reply } = heard({ permits: 3, starts: 3 });
    holding.take(null, at(START));
    const request = ask(holding, START + 10);
    expect(request).toMatchObject({ used: 1, permits: 3, startsLeft: 2 });
    expect(holding.take(null, at(START + 10))).toBeNull();
    holding.unheard(request);
    expect(ask(holding, START + 20)).toMatchObject({ startsLeft: 2 });
    expect(holding.take(null, at(START + 20))).toBeNull();
    holding.heard(request, { ...reply, starts: 1 }, { sentAt: START + 20, now: START + 22 });
    expect(holding.take(null, at(START + 22))).not.toBeNull();
    expect(ask(holding, START + 30)).toMatchObject({ startsLeft: 0 });
  });

  test("made while the answer was on its way count among those that it gives", () => {
    const { holding, reply } = heard({ permits: 3, starts: null });
    const request = ask(holding, START + 1, 2);
    holding.take(null, at(START + 2));
    holding.heard(request, { ...reply, starts: 2 }, { sentAt: START + 1, now: START + 3 });
    expect([1, 2].map(() => holding.take(null, at(START + 3)) !== null)).toEqual([true, false]);
  });
});

describe("what is reserved", () => {
  test("counts as under way, and goes to an instance when it is begun", () => {
    const { holding } = heard({ permits: 2, starts: null });
    const first = holding.reserve(START) as Reserved;
    expect(holding.reserve(START)).not.toBeNull();
    expect(holding.reserve(START)).toBeNull();
    expect(ask(holding, START + 1)).toMatchObject({ used: 2, inFlight: {} });
    expect(holding.begin(first, null, at(START + 1))?.url).toMatch(/^https:/);
    expect(ask(holding, START + 2)).toMatchObject({ used: 2, inFlight: { [A]: expect.any(Number) } });
  });

  test("can be given back, with its start", () => {
    const { holding } = heard({ permits: 3, starts: 1 });
    const reserved = holding.reserve(START) as Reserved;
    expect(holding.reserve(START)).toBeNull();
    holding.release(reserved);
    expect(holding.reserve(START)).not.toBeNull();
    expect(ask(holding, START + 1)).toMatchObject({ used: 1, startsLeft: 0 });
  });

  test("gives no start back that the service was told of, and a probe as one that was not made", () => {
    const { holding } = heard({ permits: 3, starts: 1 });
    const reserved = holding.reserve(START) as Reserved;
    expect(ask(holding, START + 1)).toMatchObject({ used: 1, startsLeft: 0 });
    holding.release(reserved);
    expect(ask(holding, START + 2)).toMatchObject({ used: 0, startsLeft: 0 });
    const { reply } = heard({});
    const breaker = { state: "halfOpen", nextProbeMs: null, round: 4 } as const;
    const { holding: half } = heard({ permits: 3, starts: 1, snapshot: { ...reply.snapshot, breaker } });
    const probe = half.reserve(START) as Reserved;
    ask(half, START + 1);
    half.release(probe);
    expect(ask(half, START + 2).probes).toEqual([{ round: 4, succeeded: 0, failed: 0, unused: 1, spent: 0 }]);
  });

  test("is not begun where the service has taken it back meanwhile", () => {
    const { holding, reply } = heard({ permits: 1, starts: null });
    const reserved = holding.reserve(START) as Reserved;
    const request = ask(holding, START + 1);
    holding.heard(request, { ...reply, permits: 0 }, { sentAt: START + 1, now: START + 2 });
    expect(holding.begin(reserved, null, at(START + 2))).toBeNull();
  });

  test("is kept by what is old, and not begun by it", () => {
    const { holding } = heard({ permits: 1, starts: null });
    const reserved = holding.reserve(START + 5_000) as Reserved;
    expect(holding.begin(reserved, null, at(START + 5_000))).toBeNull();
    expect(holding.isFresh(START + 5_000)).toBe(false);
    holding.release(reserved);
    expect(holding.reserve(START + 40_000)).toBeNull();
  });
});

test("after the end of its lease, or by what is older than two seconds, nothing is started", () => {
  const { holding } = heard({ leaseMs: 1_000 });
  expect(holding.take(null, at(START + 999))).not.toBeNull();
  expect(holding.take(null, at(START + 1_000))).toBeNull();
  expect(ask(holding, START + 1_000)).toMatchObject({ used: 1, permits: 0, startsLeft: 0 });
  const { holding: old } = heard({ leaseMs: 30_000 });
  expect(old.take(null, at(START + 1_999))).not.toBeNull();
  expect(old.take(null, at(START + 2_000))).toBeNull();
});

test("what a request told is told again where nobody heard it, with what came since", () => {
  const { holding } = heard({});
  const taken = () => holding.take(null, at(START)) as Taken;
  const first = taken();
  const second = taken();
  holding.end({ ...first, url: A }, { ok: false, ms: null }, START);
  const request = ask(holding, START + 1);
  expect(request.reports).toMatchObject([{ url: A, failed: 1 }]);
  holding.end({ ...second, url: A }, { ok: true, ms: 7 }, START + 2);
  holding.unheard(request);
  expect(ask(holding, START + 3).reports).toMatchObject([
    { url: A, failed: 1, succeeded: 1, failedSinceSuccess: 0, timed: { count: 1, sumMs: 7 } },
  ]);
});

test("probes are told of by their round, one that says nothing as spent, and one that was not made as unused", () => {
  const { reply } = heard({});
  const breaker = { state: "halfOpen", nextProbeMs: null, round: 4 } as const;
  const { holding } = heard({ permits: 4, starts: 4, snapshot: { ...reply.snapshot, breaker } });
  const all = [1, 2, 3, 4].map(() => holding.take(null, at(START)) as Taken);
  expect(all.map(({ round }) => round)).toEqual([4, 4, 4, 4]);
  const outcomes = [{ ok: true, ms: 1 }, { ok: false, ms: null }, null, "unsent"] as const;
  all.forEach((one, i) => {
    holding.end(one, outcomes[i] ?? null, START);
  });
  const told = { round: 4, succeeded: 1, failed: 1, unused: 1, spent: 1 };
  const request = ask(holding, START + 1);
  expect(request.probes).toEqual([told]);
  holding.unheard(request);
  expect(ask(holding, START + 2).probes).toEqual([told]);
});
