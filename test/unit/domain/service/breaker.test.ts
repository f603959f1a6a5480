import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Breaker,
  breakerAt,
  breakerRoom,
  CLOSED,
  withOutcomes,
  withProbeOutcomes,
  withProbes,
} from "../../../../domain/service/breaker.ts";
import type { BreakerSettings } from "../../../../domain/service/settings.ts";

const SETTINGS: BreakerSettings = {
  failureRate: 0.5,
  minRequests: 10,
  windowMs: 10_000,
  openForMs: 5_000,
  halfOpenProbes: 3,
};
const NOW = 1_000_000;
const LEASE_MS = 60_000;

const reported = (breaker: Breaker, succeeded: number, failed: number, now = NOW) =>
  withOutcomes(breaker, SETTINGS, { succeeded, failed, now });
const OPEN = reported(CLOSED, 0, 10);
const HALF_OPEN = breakerAt(OPEN, SETTINGS, NOW + 5_000);
const probing = (count: number, until = NOW + LEASE_MS) => withProbes(HALF_OPEN, { holder: "a", count, until });
const ended = (breaker: Breaker, outcomes: Partial<Parameters<typeof withProbeOutcomes>[2]>) =>
  withProbeOutcomes(breaker, SETTINGS, {
    round: 1,
    holder: "a",
    succeeded: 0,
    failed: 0,
    unused: 0,
    spent: 0,
    now: NOW + 6_000,
    ...outcomes,
  });

describe("closed", () => {
  test.each([
    ["nothing", 0, 0, "closed"],
    ["too few requests, all of which failed", 0, 9, "closed"],
    ["enough, of which fewer failed than the rate", 6, 4, "closed"],
    ["enough, of which the rate failed", 5, 5, "open"],
    ["enough, all of which failed", 0, 10, "open"],
    ["a thousand that succeeded", 1000, 0, "closed"],
  ] as const)("%s: %i succeeded, %i failed", (_what, succeeded, failed, expected) => {
    expect(reported(CLOSED, succeeded, failed).state).toBe(expected);
  });

  test("lets everything pass", () => {
    expect(breakerRoom(CLOSED, SETTINGS, NOW)).toBe(Number.POSITIVE_INFINITY);
  });

  test("what is further back than the window does not count", () => {
    const before = reported(CLOSED, 0, 9);
    expect(reported(before, 0, 1, NOW + 9_000).state).toBe("open");
    expect(reported(before, 0, 1, NOW + 20_000).state).toBe("closed");
  });

  test("a failure rate of 1 opens only when all fail, and no success opens it", () => {
    const settings = { ...SETTINGS, failureRate: 1 };
    expect(withOutcomes(CLOSED, settings, { succeeded: 1, failed: 99, now: NOW }).state).toBe("closed");
    expect(withOutcomes(CLOSED, settings, { succeeded: 0, failed: 10, now: NOW }).state).toBe("open");
    const eager = { ...SETTINGS, failureRate: 0.0001, minRequests: 1 };
    expect(withOutcomes(CLOSED, eager, { succeeded: 10, failed: 0, now: NOW }).state).toBe("closed");
  });
});

describe("open", () => {
  test("lets nothing pass until its rest is over", () => {
    expect(breakerRoom(OPEN, SETTINGS, NOW)).toBe(0);
    expect(breakerRoom(OPEN, SETTINGS, NOW + 4_999)).toBe(0);
    expect(breakerRoom(OPEN, SETTINGS, NOW + 5_000)).toBe(3);
  });

  test("what was begun before it opened says nothing new", () => {
    expect(reported(OPEN, 100, 0)).toBe(OPEN);
    expect(reported(OPEN, 0, 100, NOW + 4_000)).toBe(OPEN);
  });

  test("a clock that steps back by an hour makes the rest no longer than it was to be", () => {
    const back = breakerAt(OPEN, SETTINGS, NOW - 3_600_000);
    expect(breakerRoom(back, SETTINGS, NOW - 3_600_000)).toBe(0);
    expect(breakerRoom(back, SETTINGS, NOW - 3_600_000 + 5_000)).toBe(3);
  });

  test("gives no probes", () => {
    expect(withProbes(OPEN, { holder: "a", count: 1, until: NOW + 1 })).toBe(OPEN);
  });
});

describe("half open", () => {
  test("probes that are under way, and those that succeeded, leave so much fewer", () => {
    expect(breakerRoom(probing(2), SETTINGS, NOW + 5_000)).toBe(1);
    expect(breakerRoom(ended(probing(2), { succeeded: 1 }), SETTINGS, NOW + 6_000)).toBe(1);
  });

  test("as many successes as it lets probes pass close it, and it begins with an empty window", () => {
    expect(ended(probing(3), { succeeded: 2 }).state).toBe("halfOpen");
    expect(ended(probing(3), { succeeded: 3 })).toEqual({ state: "closed", round: 1, window: [] });
  });

  test("one failure opens it again, for as long as before", () => {
    const again = ended(probing(3), { succeeded: 2, failed: 1 });
    expect(again).toEqual({ state: "open", round: 1, until: NOW + 11_000 });
    expect(breakerAt(again, SETTINGS, NOW + 11_000)).toMatchObject({ state: "halfOpen", round: 2 });
  });

  test("probes that nobody reports come back when their lease ends", () => {
    const breaker = probing(3, NOW + 8_000);
    expect(breakerRoom(breaker, SETTINGS, NOW + 7_999)).toBe(0);
    expect(breakerRoom(breaker, SETTINGS, NOW + 8_000)).toBe(3);
  });

  test("probes that are given back unsent may be sent by another", () => {
    expect(breakerRoom(ended(probing(3), { unused: 2 }), SETTINGS, NOW + 6_000)).toBe(2);
  });

  test("who has no probes any more gives none of another's back", () => {
    expect(breakerRoom(ended(probing(3), { holder: "b", unused: 2 }), SETTINGS, NOW + 6_000)).toBe(0);
  });

  test("probes that were sent and told nothing are spent: others in their place are sent after a rest, whoever asks", () => {
    const breaker = ended(probing(3), { spent: 2, unused: 1 });
    expect(breakerRoom(breaker, SETTINGS, NOW + 6_000)).toBe(1);
    expect(breakerRoom(breaker, SETTINGS, NOW + 10_999)).toBe(1);
    expect(breakerRoom(breaker, SETTINGS, NOW + 11_000)).toBe(3);
    expect(breakerRoom(ended(breaker, { unused: 2 }), SETTINGS, NOW + 6_000)).toBe(1);
    expect(breakerRoom(breaker, SETTINGS, NOW - 3_600_000)).toBe(3);
  });

  test("outcomes of another round, and of requests that are no probes, change nothing", () => {
    const breaker = probing(3);
    expect(ended(breaker, { round: 0, failed: 3 })).toBe(breaker);
    expect(reported(breaker, 0, 100)).toBe(breaker);
  });
});

/** What may happen to a breaker: `who` of two holders begins as many probes as it may, reports, dies, or time passes. */
const anyEvent = fc.oneof(
  fc.record({
    type: fc.constant("ask" as const),
    who: fc.constantFrom("a", "b"),
    wanted: fc.integer({ min: 1, max: 5 }),
  }),
  fc.record({
    type: fc.constant("report" as const),
    who: fc.constantFrom("a", "b"),
    succeeded: fc.nat(3),
    failed: fc.constantFrom(0, 0, 0, 1),
    unused: fc.nat(2),
    spent: fc.nat(2),
  }),
  fc.record({ type: fc.constant("others" as const), succeeded: fc.nat(5), failed: fc.nat(5) }),
  fc.record({ type: fc.constant("time" as const), ms: fc.integer({ min: 0, max: 70_000 }) }),
);

/** Probes that a holder has under way and may still report: a request ends before the lease of its probe does. */
interface Sent {
  who: string;
  round: number;
  until: number;
}

test("never lets more probes be under way than it is set to, whoever reports what, and when", () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 80 }), fc.integer({ min: 1, max: 4 }), (events, halfOpenProbes) => {
      const settings = { ...SETTINGS, halfOpenProbes, minRequests: 3 };
      let now = NOW;
      let breaker: Breaker = withOutcomes(CLOSED, settings, { succeeded: 0, failed: 10, now });
      let sent: Sent[] = [];
      // Those of the last rest that told nothing: they count as if they were under way.
      let spent: Sent[] = [];
      for (const event of events) {
        breaker = breakerAt(breaker, settings, now);
        if (event.type === "time") {
          now += event.ms;
          sent = sent.filter(({ until }) => until > now);
          spent = spent.filter(({ until }) => until > now);
        } else if (event.type === "others") {
          breaker = withOutcomes(breaker, settings, { ...event, now });
        } else if (event.type === "ask" && breaker.state === "halfOpen") {
          const count = Math.min(event.wanted, breakerRoom(breaker, settings, now));
          breaker = withProbes(breaker, { holder: event.who, count, until: now + LEASE_MS });
          const { round } = breaker;
          for (let i = 0; i < count; i++) sent.push({ who: event.who, round, until: now + LEASE_MS });
        } else if (event.type === "report") {
          const mine = sent.filter(({ who }) => who === event.who);
          const round = mine[0]?.round ?? breaker.round;
          const own = mine.filter((one) => one.round === round);
          const succeeded = Math.min(event.succeeded, own.length);
          const failed = Math.min(event.failed, own.length - succeeded);
          const unused = Math.min(event.unused, own.length - succeeded - failed);
          const untold = Math.min(event.spent, own.length - succeeded - failed - unused);
          const ended = own.slice(0, succeeded + failed + unused + untold);
          sent = sent.filter((one) => !ended.includes(one));
          for (let i = 0; i < untold; i++) spent.push({ who: event.who, round, until: now + settings.openForMs });
          const outcomes = { round, holder: event.who, succeeded, failed, unused, spent: untold, now };
          breaker = withProbeOutcomes(breaker, settings, outcomes);
        }
        const underWay = [...sent, ...spent].filter(
          ({ round }) => breaker.state === "halfOpen" && round === breaker.round,
        );
        expect(underWay.length).toBeLessThanOrEqual(halfOpenProbes);
        expect(JSON.parse(JSON.stringify(breaker))).toEqual(breaker);
      }
    }),
    { numRuns: 400 },
  );
});

test("an open breaker always comes to be half open and, if its probes succeed, closed", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 600_000 }), (halfOpenProbes, openForMs) => {
      const settings = { ...SETTINGS, halfOpenProbes, openForMs };
      let breaker = withOutcomes(CLOSED, settings, { succeeded: 0, failed: 10, now: NOW });
      const now = NOW + openForMs;
      breaker = breakerAt(breaker, settings, now);
      for (let sent = 0; sent < halfOpenProbes; sent++) {
        expect(breakerRoom(breaker, settings, now)).toBe(halfOpenProbes - sent);
        breaker = withProbes(breaker, { holder: "a", count: 1, until: now + LEASE_MS });
        breaker = withProbeOutcomes(breaker, settings, {
          round: 1,
          holder: "a",
          succeeded: 1,
          failed: 0,
          unused: 0,
          spent: 0,
          now,
        });
      }
      expect(breaker.state).toBe("closed");
    }),
  );
});
