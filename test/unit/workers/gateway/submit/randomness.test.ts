import { describe, expect, test } from "vitest";
import { makeJobId } from "../../../../../domain/job-id.ts";
import { drawRandomness, seededRandomness } from "../../../../../workers/gateway/submit/randomness.ts";

/** As many jobs as a request may have. */
const MOST = 1_000;
const NOW = 1_800_000_000_000;

const idsOf = (of: ReturnType<typeof drawRandomness>["of"], jobs = MOST) =>
  Array.from({ length: jobs }, (_, index) => makeJobId(NOW, 7, of(index).bytes));

describe("what is drawn for a request", () => {
  test("makes ids that sort as its jobs stand in it, however many requests there are", () => {
    for (let request = 0; request < 50; request++) {
      const ids = idsOf(drawRandomness().of);
      expect(ids).toEqual([...ids].sort());
    }
  });

  test("makes no id twice: not for a job that is planned again, and not for another request of the same millisecond", () => {
    const { of } = drawRandomness();
    const ids = [
      ...idsOf(of),
      ...idsOf(of),
      ...Array.from({ length: 200 }, () => idsOf(drawRandomness().of, 10)).flat(),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("begins to count anywhere, so that requests of one millisecond are mixed", () => {
    const firsts = Array.from({ length: 200 }, () => drawRandomness().of(0).bytes[0] ?? 0);
    expect(Math.max(...firsts)).toBeGreaterThan(24);
    expect(Math.min(...firsts)).toBeLessThan(8);
    expect(Math.max(...firsts)).toBeLessThan(32);
  });
});

test("a seed draws the same each time it is asked, another one else", () => {
  const drawn = (letter: string) => idsOf(seededRandomness(letter.repeat(32)).of);
  expect(drawn("a")).toEqual(drawn("a"));
  expect(new Set([...drawn("a"), ...drawn("b")]).size).toBe(2 * MOST);
});
