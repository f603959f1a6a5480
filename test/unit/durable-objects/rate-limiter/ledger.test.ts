import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LeaseRequest } from "../../../../contract/rpc.ts";
import { RateLedger } from "../../../../durable-objects/rate-limiter/ledger.ts";
import { BucketStore } from "../../../../durable-objects/rate-limiter/store.ts";
import { openSql } from "../../../simulation/node-sqlite.ts";

const T = Date.UTC(2026, 10, 30);
const QUOTA = { units: 1_000, windowMs: 10_000 };
/** So long after its start a ledger holds nothing back any more. */
const OLD = T + 60_000;

function opened(startedAt = T) {
  const sql = openSql();
  const start = (now: number) => new RateLedger(new BucketStore(sql), now);
  const ledger = start(startedAt);
  const before = sql.rowsWritten();
  return { sql, ledger, start, rows: () => sql.rowsWritten() - before };
}

function asking(request: Partial<LeaseRequest> = {}): LeaseRequest {
  return { v: 1, key: "k", quota: QUOTA, namespaceQuota: null, needed: 1, rate: 1, owed: 0, ...request };
}

/** Asks again and again for all that there is; how much that was. */
function drain(ledger: RateLedger, now: number, request: Partial<LeaseRequest> = {}): number {
  let sum = 0;
  for (;;) {
    const { granted } = ledger.lease(asking({ rate: 100, ...request }), now);
    if (granted === 0) return sum;
    sum += granted;
  }
}

describe("a key's budget", () => {
  test("is what the quota says, comes back evenly, and is told", () => {
    const { ledger } = opened();
    expect(drain(ledger, OLD)).toBe(1_000);
    expect(drain(ledger, OLD + 3_000)).toBe(300);
    expect(ledger.lease(asking({ rate: 10 }), OLD + 4_000)).toEqual({
      granted: 10,
      limitedBy: null,
      pauseMs: 0,
      left: { key: 90, namespace: null },
    });
  });

  test("that is spent says who stands in the way, and for how long", () => {
    const { ledger } = opened();
    const small = { quota: { units: 5, windowMs: 10_000 } };
    expect(drain(ledger, OLD, small)).toBe(5);
    expect(ledger.lease(asking(small), OLD)).toMatchObject({ granted: 0, limitedBy: "key", pauseMs: 2_000 });
    expect(ledger.lease(asking({ ...small, needed: 2 }), OLD + 2_000)).toMatchObject({ pauseMs: 2_000 });
    expect(ledger.lease(asking(small), OLD + 2_000)).toMatchObject({ granted: 1 });
  });

  test("is told to the part of a unit", () => {
    const { ledger } = opened();
    const small = { quota: { units: 5, windowMs: 10_000 } };
    expect(drain(ledger, OLD, small)).toBe(5);
    const { left, pauseMs } = ledger.lease(asking(small), OLD + 1_500);
    expect([left.key, pauseMs]).toEqual([0.75, 500]);
  });

  test("is its own: what one key spends another has still", () => {
    const { ledger } = opened();
    drain(ledger, OLD, { key: "a" });
    expect(drain(ledger, OLD, { key: "b" })).toBe(1_000);
  });

  test("is charged what was let through elsewhere, into debt", () => {
    const { ledger } = opened();
    expect(ledger.lease(asking({ owed: 1_200 }), OLD)).toMatchObject({ granted: 0, left: { key: -200 } });
    expect(drain(ledger, OLD + 2_000)).toBe(0);
    expect(drain(ledger, OLD + 3_000)).toBe(100);
  });

  test("lets many who ask for little pause when it is nearly spent", () => {
    const { ledger } = opened();
    ledger.lease(asking({ owed: 990 }), OLD);
    expect(ledger.lease(asking({ rate: 100 }), OLD)).toMatchObject({ granted: 5, limitedBy: "key", pauseMs: 500 });
  });
});

describe("a namespace's budget", () => {
  const shared = { namespaceQuota: { units: 300, windowMs: 10_000 } };

  test("holds for all keys together", () => {
    const { ledger } = opened();
    let sum = 0;
    for (let key = 0; key < 10; key++) sum += drain(ledger, OLD, { ...shared, key: `k${key}` });
    expect(sum).toBe(300);
    expect(ledger.lease(asking({ ...shared, key: "k0" }), OLD)).toMatchObject({ granted: 0, limitedBy: "namespace" });
    expect(drain(ledger, OLD, { key: "k11" })).toBe(1_000);
  });

  test("is left to others in part by a key that takes all it can", () => {
    const { ledger } = opened();
    // Another key spends too, so that two share.
    ledger.lease(asking({ ...shared, key: "quiet" }), OLD);
    const greedy = drain(ledger, OLD, { ...shared, key: "greedy" });
    expect(greedy).toBeGreaterThanOrEqual(150);
    expect(greedy).toBeLessThanOrEqual(151);
    expect(drain(ledger, OLD, { ...shared, key: "quiet" })).toBeGreaterThanOrEqual(140);
  });

  test("says how long a key waits that has had its share", () => {
    const { ledger } = opened();
    ledger.lease(asking({ ...shared, key: "quiet" }), OLD);
    drain(ledger, OLD, { ...shared, key: "greedy" });
    const { granted, pauseMs } = ledger.lease(asking({ ...shared, key: "greedy", needed: 30 }), OLD);
    expect([granted, pauseMs]).toEqual([0, expect.any(Number)]);
    expect(ledger.lease(asking({ ...shared, key: "greedy", needed: 30 }), OLD + pauseMs - 50).granted).toBe(0);
    expect(ledger.lease(asking({ ...shared, key: "greedy", needed: 30 }), OLD + pauseMs).granted).toBe(30);
  });

  test("comes back first to those who have had less than their share", () => {
    const { ledger } = opened();
    drain(ledger, OLD, { ...shared, key: "greedy" });
    const later = OLD + 1_000;
    ledger.lease(asking({ ...shared, key: "quiet" }), later);
    // Thirty came back in the second, and two keys spend.
    expect(drain(ledger, later, { ...shared, key: "greedy" })).toBe(15);
    expect(drain(ledger, later, { ...shared, key: "quiet" })).toBe(14);
  });
});

describe("an object that died", () => {
  test("has lost nothing that was spent, and holds back a tenth at most", () => {
    const { ledger, start } = opened();
    expect(drain(ledger, OLD)).toBe(1_000);
    expect(drain(start(OLD), OLD)).toBe(0);
    const again = start(OLD + 2_000);
    const had = drain(again, OLD + 2_000);
    expect(had).toBeLessThanOrEqual(200);
    expect(had).toBeGreaterThanOrEqual(100);
  });

  test("never hands out more than the one before it could have, wherever it dies", () => {
    const step = fc.record({
      after: fc.integer({ min: 0, max: 3_000 }),
      key: fc.constantFrom("a", "b", "c"),
      rate: fc.integer({ min: 1, max: 600 }),
      dies: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.constantFrom(4, 50, 1_000), (steps, units) => {
        const quota = { units, windowMs: 10_000 };
        const namespaceQuota = { units: 2 * units, windowMs: 10_000 };
        const { start } = opened();
        const never = opened(0).ledger;
        let ledger = start(T);
        let now = T;
        for (const { after, key, rate, dies } of steps) {
          now += after;
          if (dies) ledger = start(now);
          const request = asking({ key, quota, namespaceQuota, rate });
          const { granted, left } = ledger.lease(request, now);
          // What it lets through one that never died is told of.
          const truth = never.lease({ ...request, needed: 2 * units + 1, rate: 0, owed: granted }, now).left;
          expect(left.key).toBeLessThanOrEqual(truth.key + 1e-6);
          expect(left.namespace ?? 0).toBeLessThanOrEqual((truth.namespace ?? 0) + 1e-6);
        }
      }),
    );
  });

  test("has written a row for a tenth of a budget, and none for what is little", () => {
    const { ledger, rows } = opened();
    for (let at = OLD; at < OLD + 60_000; at += 1_000) ledger.lease(asking({ rate: 50 }), at);
    expect(rows()).toBe(0);
    const busy = OLD + 60_000;
    let calls = 0;
    for (let at = busy; at < busy + 60_000; at += 100, calls++) ledger.lease(asking({ rate: 10 }), at);
    // All that comes back is taken.
    expect(calls).toBe(600);
    expect(rows()).toBeLessThanOrEqual(70);
  });
});

test("a clock that steps back takes nothing away, and gives nothing", () => {
  const { ledger } = opened();
  const shared = { namespaceQuota: { units: 2_000, windowMs: 10_000 } };
  drain(ledger, OLD, shared);
  expect(drain(ledger, OLD - 3_600_000, shared)).toBe(0);
  expect(drain(ledger, OLD - 3_600_000 + 3_000, shared)).toBe(300);
  expect(drain(ledger, OLD - 3_600_000 + 3_000, { ...shared, key: "other" })).toBe(1_000);
});

test("a clock that stepped back while there was no object takes no more than any start", () => {
  const { ledger, start } = opened();
  expect(drain(ledger, OLD + 600_000)).toBe(1_000);
  // It was spent just before: that much is still known, and comes back in a window.
  expect(drain(start(OLD), OLD)).toBe(0);
  expect(drain(start(OLD), OLD + 11_000)).toBe(1_000);
});

test("a new object holds nothing back, and one that starts again a tenth for a second", () => {
  const { ledger, start } = opened(OLD);
  expect(drain(ledger, OLD)).toBe(1_000);
  const again = start(OLD + 20_000);
  expect(drain(again, OLD + 20_000)).toBe(900);
  expect(drain(again, OLD + 21_000, { key: "other" })).toBe(1_000);
});

test("a clock that was ahead when the object started holds nothing back for long", () => {
  const { start } = opened(OLD);
  const ledger = start(OLD + 3_600_000);
  expect(drain(ledger, OLD)).toBe(900);
  expect(drain(ledger, OLD + 1_000, { key: "other" })).toBe(1_000);
});

test("keys that have all their budget back are forgotten, and no more than ten thousand are remembered", () => {
  const { ledger, rows } = opened();
  for (let i = 0; i < 12_000; i++) ledger.lease(asking({ key: `k${i}` }), OLD);
  expect(ledger.size).toBe(10_000);
  expect(rows()).toBe(0);
  ledger.lease(asking({ key: "later" }), OLD + 30_000);
  expect(ledger.size).toBe(1);
});

test("what is forgotten is as if it had never been", () => {
  const { ledger, start } = opened();
  drain(ledger, OLD);
  ledger.forget();
  expect(drain(ledger, OLD)).toBe(1_000);
  ledger.forget();
  expect(drain(start(OLD), OLD)).toBe(900);
});
