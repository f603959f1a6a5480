import { describe, expect, test } from "vitest";
import { isProblem, problemHeaders } from "../../../../../contract/problems.ts";
import type { Caller } from "../../../../../workers/gateway/access/auth.ts";
import { WaitingRequests, type Waits } from "../../../../../workers/gateway/access/waiting-requests.ts";

const NOW = 1_800_000_000_000;
const caller = (keyId: string, over: Partial<Caller> = {}): Caller => ({
  kind: "key",
  keyId,
  namespace: "acme",
  scopes: new Set(),
  root: false,
  expiresAt: null,
  ancestors: [],
  rateLimit: null,
  ...over,
});

function rig(perKey: number, perNamespace: number) {
  const waiting = new WaitingRequests({ perKey, perNamespace });
  const begin = (who: Caller, now = NOW, ms = 20_000) => waiting.begin(who, { ms, now });
  const refused = (who: Caller, now = NOW) => isProblem(begin(who, now));
  return { begin, refused };
}

describe("requests that wait", () => {
  test("are limited for a key; the next is a 429 that says when to try again", () => {
    const { begin, refused } = rig(2, 100);
    expect([refused(caller("a")), refused(caller("a"))]).toEqual([false, false]);
    const answer = begin(caller("a"));
    if (!isProblem(answer)) throw new Error("a third request was let wait");
    expect(answer).toMatchObject({ status: 429, code: "too-many-waiting" });
    expect(problemHeaders(answer)).toMatchObject({ "retry-after": "5" });
    expect(refused(caller("b"))).toBe(false);
  });

  test("are limited for a namespace over all its keys, and for no other", () => {
    const { refused } = rig(100, 2);
    expect(["a", "b", "c"].map((key) => refused(caller(key)))).toEqual([false, false, true]);
    expect(refused(caller("a", { namespace: "other" }))).toBe(false);
  });

  test("count no more once they have ended, and ending twice frees one place", () => {
    const { begin, refused } = rig(2, 100);
    const first = begin(caller("a")) as Waits;
    begin(caller("a"));
    first.end();
    first.end();
    expect([refused(caller("a")), refused(caller("a"))]).toEqual([false, true]);
  });

  test("count no longer than they were to take, when their end was never told", () => {
    const { begin, refused } = rig(1, 1);
    begin(caller("a"), NOW, 20_000);
    expect(refused(caller("a"), NOW + 29_000)).toBe(true);
    expect(refused(caller("a"), NOW + 30_000)).toBe(false);
  });

  test("of which one has heard count no longer than some seconds without being heard of again", () => {
    const { begin, refused } = rig(1, 10);
    const waits = begin(caller("a"), NOW, 60_000) as Waits;
    waits.beat(NOW + 1_000);
    expect(refused(caller("a"), NOW + 5_999)).toBe(true);
    waits.beat(NOW + 5_000);
    expect(refused(caller("a"), NOW + 9_999)).toBe(true);
    expect(refused(caller("a"), NOW + 10_000)).toBe(false);
  });

  test("are heard of once a second each, and less often where they are many, and then count as much longer", () => {
    const { begin, refused } = rig(1_000, 3_000);
    const [first] = Array.from({ length: 100 }, () => begin(caller("a"), NOW, 60_000) as Waits);
    expect(first?.beat(NOW)).toBe(1_000);
    for (let i = 100; i < 1_000; i++) begin(caller("a"), NOW, 60_000);
    expect(first?.beat(NOW + 1_000)).toBe(10_000);
    expect(refused(caller("a"), NOW + 50_999)).toBe(true);
    expect(refused(caller("a"), NOW + 51_000)).toBe(false);
  });

  test("count no longer after the clock has stepped back", () => {
    const { begin, refused } = rig(1, 1);
    begin(caller("a"), NOW + 3_600_000);
    expect(refused(caller("a"))).toBe(false);
  });

  test("of the root key are limited by namespace alone, and 0 is no limit", () => {
    const root = caller("root", { root: true });
    const limited = rig(1, 3);
    expect([1, 2, 3, 4].map(() => limited.refused(root))).toEqual([false, false, false, true]);
    const unlimited = rig(0, 0);
    expect(Array.from({ length: 50 }, () => unlimited.refused(caller("a")))).not.toContain(true);
  });
});
