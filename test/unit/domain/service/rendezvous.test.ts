import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Candidate } from "../../../../domain/service/candidates.ts";
import { byHash } from "../../../../domain/service/rendezvous.ts";
import { candidate } from "../../../rigs/service-candidate.ts";

const KEYS = Array.from({ length: 8_000 }, (_, i) => `user-${i}`);
const instances = (count: number) =>
  Array.from({ length: count }, (_, i) => candidate(`https://mail-${i}.example.com`));

/** How many of the keys each has. */
function spread(candidates: Candidate[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of KEYS) {
    const url = byHash(candidates, key)?.url ?? "";
    counts.set(url, (counts.get(url) ?? 0) + 1);
  }
  return counts;
}

test("nobody is chosen where nobody is", () => {
  expect(byHash([], "key")).toBeNull();
});

test("a key has the same instance in whatever order they stand", () => {
  const some = instances(7);
  for (const key of KEYS.slice(0, 100)) expect(byHash([...some].reverse(), key)).toBe(byHash(some, key));
});

test.each([2, 3, 10])("of %i alike each has an even part of the keys, within an eighth of it", (count) => {
  for (const keys of spread(instances(count)).values()) {
    expect(Math.abs(keys / (KEYS.length / count) - 1)).toBeLessThan(0.12);
  }
});

test("one of three times the weight has three times the keys", () => {
  const keys = spread([candidate("https://a", { weight: 3 }), candidate("https://b")]);
  expect((keys.get("https://a") ?? 0) / (keys.get("https://b") ?? 1)).toBeCloseTo(3, 0);
});

describe("when one leaves", () => {
  test.each([2, 3, 5, 10, 30])("of %i, its keys move and no others, and these are one in so many", (count) => {
    const all = instances(count);
    const left = all.slice(1);
    let moved = 0;
    for (const key of KEYS) {
      const before = byHash(all, key);
      if (before === all[0]) moved++;
      else expect(byHash(left, key)).toBe(before);
    }
    // What it had is an even part, give or take what 8,000 draws differ by.
    expect(moved / KEYS.length).toBeLessThan(1 / count + 0.015);
  });

  test("its keys are spread over all that stay", () => {
    const all = instances(4);
    const heirs = new Map<string, number>();
    for (const key of KEYS.filter((one) => byHash(all, one) === all[0])) {
      const heir = byHash(all.slice(1), key)?.url ?? "";
      heirs.set(heir, (heirs.get(heir) ?? 0) + 1);
    }
    expect(heirs.size).toBe(3);
    const [least = 0, , most = 0] = [...heirs.values()].sort((a, b) => a - b);
    expect(most / least).toBeLessThan(1.2);
  });
});

describe("bounded loads", () => {
  test("one that has more than its part and a quarter is passed over for the next in the key's order", () => {
    const idle = instances(3);
    const first = byHash(idle, "hot");
    const others = idle.filter((one) => one !== first);
    const busy = idle.map((one) => ({ ...one, inFlight: one === first ? 10 : 0 }));
    expect(byHash(busy, "hot")?.url).toBe(byHash(others, "hot")?.url);
  });

  test("a single hot key is spread so that nobody has more than the bound", () => {
    const load = instances(4);
    for (let sent = 1; sent <= 400; sent++) {
      const chosen = byHash(load, "hot");
      if (chosen !== null) chosen.inFlight++;
      for (const { inFlight } of load) expect(inFlight).toBeLessThanOrEqual(Math.ceil((1.25 * sent) / 4));
    }
  });

  test("somebody is always chosen, and never beyond the bound", () => {
    const anyCandidates = fc.array(
      fc.record({ weight: fc.double({ min: 0.1, max: 100, noNaN: true }), inFlight: fc.nat(1000) }),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(anyCandidates, fc.string(), (some, key) => {
        const candidates = some.map((more, i) => candidate(String(i), more));
        const chosen = byHash(candidates, key);
        const inFlight = candidates.reduce((sum, one) => sum + one.inFlight, 0);
        const weights = candidates.reduce((sum, { weight }) => sum + weight, 0);
        expect(chosen).not.toBeNull();
        if (chosen === null) return;
        expect(chosen.inFlight).toBeLessThan(Math.ceil((1.25 * (inFlight + 1) * chosen.weight) / weights));
      }),
    );
  });
});
