import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rankOf, SEQUENCE_PER_MS } from "../../../domain/rank.ts";

const HOUR = 3_600_000;
/** The sequence number of a job that was accepted then. */
const seqAt = (ms: number) => (1_800_000_000_000 + ms) * SEQUENCE_PER_MS;
const goesFirst = (a: [ms: number, priority: number], b: [ms: number, priority: number], agingMs: number | null) =>
  rankOf(seqAt(a[0]), a[1], agingMs) < rankOf(seqAt(b[0]), b[1], agingMs);

describe("who goes first", () => {
  test.each([
    ["the earlier of two of one priority", [0, 4], [1, 4], HOUR, true],
    ["the higher of two that came close together", [1, 5], [0, 4], HOUR, true],
    ["a step higher within the aging", [HOUR - 1, 5], [0, 4], HOUR, true],
    ["not a step higher beyond it", [HOUR + 1, 5], [0, 4], HOUR, false],
    ["nine steps higher within nine times the aging", [9 * HOUR - 1, 9], [0, 0], HOUR, true],
    ["not nine steps higher beyond that", [9 * HOUR + 1, 9], [0, 0], HOUR, false],
    ["without aging the higher, whenever it came", [20 * 365 * 24 * HOUR, 1], [0, 0], null, true],
    ["without aging the earlier of equals", [0, 9], [1, 9], null, true],
  ] as [string, [number, number], [number, number], number | null, boolean][])("%s", (_name, a, b, aging, expected) => {
    expect(goesFirst(a, b, aging)).toBe(expected);
  });

  test("a rank is a whole number that a double holds exactly, for every clock of this century", () => {
    const endOfCentury = Date.UTC(2100, 0) * SEQUENCE_PER_MS;
    for (const seq of [0, 1, seqAt(0), endOfCentury]) {
      for (let priority = 0; priority <= 9; priority++) {
        for (const aging of [1000, HOUR, 366 * 24 * HOUR, null]) {
          expect(Number.isSafeInteger(rankOf(seq, priority, aging))).toBe(true);
        }
      }
    }
  });

  test("a job waits for later ones for at most the aging a step, whatever their priorities", () => {
    const priority = fc.integer({ min: 0, max: 9 });
    fc.assert(
      fc.property(priority, priority, fc.integer({ min: 0, max: 20 * HOUR }), (low, high, laterMs) => {
        const overtakes = goesFirst([laterMs, high], [0, low], HOUR);
        expect(overtakes).toBe(laterMs < (high - low) * HOUR);
      }),
    );
  });
});
