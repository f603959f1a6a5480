import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  notAhead,
  type Rate,
  type RateLog,
  rateOpensAfter,
  rateOpensAt,
  rateRoom,
  recent,
  withStarts,
} from "../../../domain/rate.ts";

const RATE: Rate = { limit: 3, periodMs: 100 };

/** Starts one after the other, as soon as `wanted` and the rate allow. Answers the times of all starts. */
function run(rate: Rate, wanted: { afterMs: number; starts: number }[]): number[] {
  let now = 1000;
  let log: RateLog = [];
  const starts: number[] = [];
  for (const { afterMs, starts: want } of wanted) {
    now += afterMs;
    const granted = Math.min(want, rateRoom(log, rate, now));
    if (granted === 0) continue;
    log = withStarts(log, rate, { starts: granted, now });
    for (let i = 0; i < granted; i++) starts.push(now);
  }
  return starts;
}

/** The most starts that any closed window of `periodMs` holds. */
function most(starts: number[], periodMs: number): number {
  return Math.max(0, ...starts.map((from) => starts.filter((at) => at >= from && at <= from + periodMs).length));
}

describe("room", () => {
  test.each([
    ["an empty log", [], 1000, 3],
    ["starts of this moment", [[1000, 2]], 1000, 1],
    ["a start a whole period ago still counts: a window has both its ends", [[900, 2]], 1000, 1],
    ["a start longer ago does not", [[899, 2]], 1000, 3],
    ["more starts than the limit, which was lowered", [[950, 9]], 1000, 0],
    ["a start ahead of a clock that stepped back", [[5000, 2]], 1000, 1],
  ] as [string, RateLog, number, number][])("%s", (_name, log, now, expected) => {
    expect(rateRoom(log, RATE, now)).toBe(expected);
  });
});

describe("the next start", () => {
  test.each([
    ["now, where there is room", [[950, 2]], 1000, 0, 1000],
    [
      "as soon as the oldest start is more than a period old",
      [
        [950, 1],
        [960, 2],
      ],
      1000,
      0,
      1051,
    ],
    [
      "behind another",
      [
        [950, 1],
        [960, 2],
      ],
      1000,
      1,
      1061,
    ],
    [
      "behind as many as the limit: a period later than the next",
      [
        [950, 1],
        [960, 2],
      ],
      1000,
      3,
      1152,
    ],
    [
      "when enough of too many are over",
      [
        [950, 2],
        [960, 1],
        [970, 2],
      ],
      1000,
      0,
      1061,
    ],
    ["behind others with room for some of them", [], 1000, 2, 1000],
    ["behind others with room for none more", [], 1000, 3, 1101],
    ["a period from now, where the log lies ahead of the clock", [[5000, 3]], 1000, 0, 1101],
  ] as [string, RateLog, number, number, number][])("%s", (_name, log, now, ahead, expected) => {
    expect(rateOpensAfter(log, RATE, { ahead, now })).toBe(expected);
  });

  test("never comes where the limit is none", () => {
    expect(rateOpensAt([], { limit: 0, periodMs: 100 }, 1000)).toBe(Number.POSITIVE_INFINITY);
  });

  test("is the first moment with room, for any log", () => {
    const anyLog = fc
      .array(fc.record({ gap: fc.integer({ min: 1, max: 60 }), starts: fc.integer({ min: 1, max: 4 }) }), {
        maxLength: 12,
      })
      .map((gaps) => {
        const entries: [number, number][] = [];
        for (const { gap, starts } of gaps) entries.push([(entries.at(-1)?.[0] ?? 700) + gap, starts]);
        return entries;
      });
    fc.assert(
      fc.property(anyLog, fc.integer({ min: 900, max: 1500 }), (log, now) => {
        const at = rateOpensAt(log, RATE, now);
        const seen = notAhead(log, now);
        expect(rateRoom(seen, RATE, at)).toBeGreaterThan(0);
        if (at > now) expect(rateRoom(seen, RATE, at - 1)).toBe(0);
      }),
    );
  });

  test("behind others is when it starts if each of them starts as soon as it may, for any log", () => {
    const anyLog = fc
      .array(fc.integer({ min: 880, max: 1000 }), { maxLength: 6 })
      .map((times): RateLog => [...new Set(times)].sort((a, b) => a - b).map((at) => [at, 1] as const));
    fc.assert(
      fc.property(anyLog, fc.integer({ min: 0, max: 12 }), (log, ahead) => {
        let [state, now] = [log, 1000];
        for (let i = 0; i < ahead; i++) {
          now = rateOpensAt(state, RATE, now);
          state = withStarts(state, RATE, { starts: 1, now });
        }
        expect(rateOpensAfter(log, RATE, { ahead, now: 1000 })).toBe(rateOpensAt(state, RATE, now));
      }),
    );
  });
});

describe("for any wish to start", () => {
  const anyWanted = fc.array(
    fc.record({ afterMs: fc.integer({ min: 0, max: 40 }), starts: fc.integer({ min: 1, max: 6 }) }),
    { maxLength: 120 },
  );

  test("no closed window of the period holds more starts than the limit", () => {
    fc.assert(
      fc.property(
        anyWanted,
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 300 }),
        (wanted, limit, periodMs) => {
          expect(most(run({ limit, periodMs }, wanted), periodMs)).toBeLessThanOrEqual(limit);
        },
      ),
    );
  });

  test("a log that is merged holds too, stays short, and holds back by less than a 64th of the period", () => {
    const rate: Rate = { limit: 500, periodMs: 64_000 };
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 300, maxLength: 1200, size: "max" }),
        (gaps) => {
          let now = 1_000_000;
          let log: RateLog = [];
          const starts: number[] = [];
          for (const gap of gaps) {
            now += gap;
            const exact = starts.filter((at) => at >= now - rate.periodMs).length;
            const bound = starts.filter((at) => at >= now - rate.periodMs - rate.periodMs / 64).length;
            const room = rateRoom(log, rate, now);
            expect(room).toBeLessThanOrEqual(Math.max(0, rate.limit - exact));
            expect(room).toBeGreaterThanOrEqual(Math.max(0, rate.limit - bound));
            if (room === 0) continue;
            log = withStarts(log, rate, { starts: 1, now });
            starts.push(now);
            expect(log.length).toBeLessThanOrEqual(128);
          }
          expect(most(starts, rate.periodMs)).toBeLessThanOrEqual(rate.limit);
        },
      ),
      { numRuns: 10 },
    );
  });
});

describe("a clock that steps back", () => {
  test("takes the starts ahead for starts of this moment, and forgets none", () => {
    expect(
      recent(
        [
          [950, 1],
          [2000, 2],
        ],
        RATE,
        1000,
      ),
    ).toEqual([
      [950, 1],
      [1000, 2],
    ]);
    expect(
      notAhead(
        [
          [950, 1],
          [2000, 2],
        ],
        1000,
      ),
    ).toEqual([
      [950, 1],
      [1000, 2],
    ]);
  });

  test("leaves a log alone that has nothing ahead", () => {
    const log: RateLog = [
      [950, 1],
      [1000, 2],
    ];
    expect(notAhead(log, 1000)).toBe(log);
  });
});
