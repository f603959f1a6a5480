import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fits, jsonStringWithin } from "../../../../../workers/processor/executors/bytes.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text).length;

/** Each kind of character that is written with another number of bytes, halves of one among them. */
const text = fc
  .array(
    fc.constantFrom(...'ax"\\/\b\f\n\r\t\u0000\u001f\u007f\u0080é\u07ffࠀ→\ud7ff\ue000\uffff😀', "\ud800", "\udc00"),
  )
  .map((parts) => parts.join(""));

describe("a text as a JSON string within so many bytes", () => {
  test("is cut between characters, as late as may be", () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 2, max: 60 }), (whole, max) => {
        const { json, cut } = jsonStringWithin(whole, max);
        const kept = JSON.parse(json) as string;
        expect(whole.startsWith(kept)).toBe(true);
        expect(bytesOf(json)).toBeLessThanOrEqual(max);
        expect(cut).toBe(kept.length < whole.length);
        const [next = ""] = whole.slice(kept.length);
        if (cut) expect(bytesOf(JSON.stringify(kept + next))).toBeGreaterThan(max);
      }),
      { numRuns: 2000 },
    );
  });

  test("has as many as it was given where it is one that fits exactly", () => {
    expect(jsonStringWithin("aé\n", 7)).toEqual({ json: '"aé\\n"', cut: false });
    expect(jsonStringWithin("aé\n", 6)).toEqual({ json: '"aé"', cut: true });
  });
});

test.each([
  ["é".repeat(5), 10, true],
  ["é".repeat(5), 9, false],
  ["aaa", 9, true],
])("%s takes at most %i bytes: %s", (given, max, verdict) => {
  expect(fits(given, max)).toBe(verdict);
});
