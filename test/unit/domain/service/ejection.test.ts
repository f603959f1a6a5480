import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Ejection,
  ejected,
  type InstanceOutcomes,
  mostEjected,
  NOT_EJECTED,
  readmitted,
  withInstanceOutcomes,
} from "../../../../domain/service/ejection.ts";
import type { OutlierSettings } from "../../../../domain/service/settings.ts";

const SETTINGS: OutlierSettings = { consecutiveFailures: 5, baseEjectionMs: 30_000, maxEjectedPercent: 10 };
const NOW = 1_000_000;

const failures = (failed: number): InstanceOutcomes => ({ succeeded: 0, failed, failedSinceSuccess: failed });
const after = (outcomes: InstanceOutcomes[], ejection: Ejection = NOT_EJECTED, now = NOW) =>
  outcomes.reduce((one, next) => withInstanceOutcomes(one, next, now), ejection);
/** One of ten instances, where the others behave. */
const judged = (one: Ejection, now: number, settings = SETTINGS) =>
  ejected([one, ...Array.from({ length: 9 }, () => NOT_EJECTED)], settings, now)[0] ?? NOT_EJECTED;

describe("failures in a row", () => {
  test.each([
    ["none", [], 0],
    ["some", [failures(2), failures(2)], 4],
    ["a success begins anew", [failures(4), { succeeded: 1, failed: 0, failedSinceSuccess: 0 }], 0],
    ["what failed after the last success counts", [failures(4), { succeeded: 1, failed: 3, failedSinceSuccess: 2 }], 2],
    ["nothing happened", [failures(3), { succeeded: 0, failed: 0, failedSinceSuccess: 0 }], 3],
  ] as [string, InstanceOutcomes[], number][])("%s", (_what, outcomes, expected) => {
    expect(after(outcomes).failuresInRow).toBe(expected);
  });

  test.each([
    [4, false],
    [5, true],
    [50, true],
  ])("%i failures: ejected %s", (failed, expected) => {
    expect(judged(after([failures(failed)]), NOW).until !== null).toBe(expected);
  });
});

describe("how long", () => {
  /** The instance ejected so often in a row, without a success in between, at the time of its last return. */
  function ejectedTimes(times: number): { ejection: Ejection; now: number; lengths: number[] } {
    let ejection = NOT_EJECTED;
    let now = NOW;
    const lengths: number[] = [];
    for (let i = 0; i < times; i++) {
      ejection = judged(after([failures(5)], ejection, now), now);
      lengths.push((ejection.until ?? now) - now);
      now = ejection.until ?? now;
      ejection = judged(ejection, now);
    }
    return { ejection, now, lengths };
  }

  test("each in a row is longer by the first, up to five minutes", () => {
    const seconds = ejectedTimes(12).lengths.map((ms) => ms / 1000);
    expect(seconds).toEqual([30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300]);
  });

  test("a first that is longer than five minutes stays as it is", () => {
    const settings = { ...SETTINGS, baseEjectionMs: 600_000 };
    const first = judged(after([failures(5)]), NOW, settings);
    expect(first.until).toBe(NOW + 600_000);
    const second = judged(
      after([failures(5)], judged(first, NOW + 600_000, settings), NOW + 600_000),
      NOW + 600_000,
      settings,
    );
    expect(second.until).toBe(NOW + 1_200_000);
  });

  test("it falls by one each ten seconds in which the instance behaves, and not while it fails or is asked nothing", () => {
    const { ejection, now } = ejectedTimes(3);
    const good: InstanceOutcomes = { succeeded: 1, failed: 0, failedSinceSuccess: 0 };
    const mixed: InstanceOutcomes = { succeeded: 1, failed: 1, failedSinceSuccess: 0 };
    expect(ejection.times).toBe(3);
    expect(after([good], ejection, now + 9_999).times).toBe(3);
    expect(after([mixed], ejection, now + 10_000).times).toBe(3);
    const once = after([good, good], ejection, now + 10_000);
    expect(once.times).toBe(2);
    expect(after([good], once, now + 20_000).times).toBe(1);
    expect(after([failures(1)], ejection, now + 100_000).times).toBe(3);
  });

  test("who comes back needs as many failures as at first", () => {
    const { ejection, now } = ejectedTimes(1);
    expect(judged(after([failures(4)], ejection, now), now).until).toBeNull();
    expect(judged(after([failures(5)], ejection, now), now).until).toBe(now + 60_000);
  });

  test("a clock that steps back by an hour makes no ejection longer than it was to be", () => {
    const one = judged(after([failures(5)]), NOW);
    const back = judged(one, NOW - 3_600_000);
    expect(back.until).toBe(NOW - 3_600_000 + 30_000);
  });
});

describe("how many", () => {
  test.each([
    [1, 10, 1],
    [3, 10, 1],
    [3, 67, 2],
    [10, 10, 1],
    [20, 10, 2],
    [3, 0, 1],
    [3, 100, 3],
  ])("of %i at %i percent: %i", (instances, maxEjectedPercent, expected) => {
    expect(mostEjected(instances, { ...SETTINGS, maxEjectedPercent })).toBe(expected);
  });

  test("the worst goes first, and the next when it comes back", () => {
    const all = [after([failures(5)]), after([failures(9)]), NOT_EJECTED];
    const first = ejected(all, SETTINGS, NOW);
    expect(first.map(({ until }) => until !== null)).toEqual([false, true, false]);
    const next = ejected(first, SETTINGS, NOW + 30_000);
    expect(next.map(({ until }) => until !== null)).toEqual([true, false, false]);
  });

  test("where nothing changes the same objects come back", () => {
    const all = [after([failures(2)]), NOT_EJECTED];
    expect(ejected(all, SETTINGS, NOW)).toEqual(all);
    expect(ejected(all, SETTINGS, NOW)[0]).toBe(all[0]);
  });

  test("never more are out than the percentage lets be, one at least, whatever fails", () => {
    const anyOutcome = fc.record({ succeeded: fc.nat(2), failed: fc.nat(8), failedSinceSuccess: fc.nat(8) });
    const anyHistory = fc.integer({ min: 1, max: 12 }).chain((size) =>
      fc.array(
        fc.record({ outcomes: fc.array(anyOutcome, { minLength: size, maxLength: size }), ms: fc.nat(90_000) }),
        {
          maxLength: 30,
        },
      ),
    );
    fc.assert(
      fc.property(anyHistory, fc.integer({ min: 0, max: 100 }), (history, maxEjectedPercent) => {
        const settings = { ...SETTINGS, maxEjectedPercent };
        let all = (history[0]?.outcomes ?? []).map(() => NOT_EJECTED);
        let now = NOW;
        for (const { outcomes, ms } of history) {
          now += ms;
          all = all.map((one, i) => withInstanceOutcomes(one, outcomes[i] ?? failures(0), now));
          all = ejected(all, settings, now);
          const out = all.filter(({ until }) => until !== null).length;
          expect(out).toBeLessThanOrEqual(Math.max(1, Math.floor((all.length * maxEjectedPercent) / 100)));
          expect(JSON.parse(JSON.stringify(all))).toEqual(all);
        }
      }),
    );
  });
});

test("nobody is out where ejection is not asked for any more", () => {
  const out = judged(after([failures(5)]), NOW);
  expect(readmitted(out, NOW + 1)).toMatchObject({ until: null, changedAt: NOW + 1 });
  expect(readmitted(NOT_EJECTED, NOW)).toBe(NOT_EJECTED);
});
