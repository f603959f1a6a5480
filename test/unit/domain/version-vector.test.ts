import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  EMPTY_VECTOR,
  fitted,
  laterBookmark,
  merged,
  seqIn,
  UNKNOWN,
  type VersionVector,
  withSeq,
} from "../../../domain/version-vector.ts";

const NAMES = ["a", "b", "c", "__proto__", "toString"];
const seqs = fc.oneof(fc.nat(20), fc.constant(UNKNOWN));
const seens: fc.Arbitrary<VersionVector> = fc.record({
  d1: fc.option(fc.constantFrom("1", "2", "3"), { nil: null }),
  shards: fc
    .uniqueArray(fc.tuple(fc.constantFrom(...NAMES), seqs), { selector: ([name]) => name })
    .map((entries) => Object.fromEntries(entries)),
  rest: seqs,
});

/** `a` asks of every copy at least what `b` asks. */
function covers(a: VersionVector, b: VersionVector): boolean {
  return laterBookmark(a.d1, b.d1) === a.d1 && [...NAMES, "other"].every((name) => seqIn(a, name) >= seqIn(b, name));
}

describe("what was seen", () => {
  test("of two is all of both, in any order, and no more", () => {
    fc.assert(
      fc.property(seens, seens, (a, b) => {
        const both = merged(a, b);
        expect(covers(both, a) && covers(both, b)).toBe(true);
        expect(merged(b, a)).toEqual(both);
        expect(merged(both, a)).toEqual(both);
        for (const name of NAMES) expect(seqIn(both, name)).toBe(Math.max(seqIn(a, name), seqIn(b, name)));
      }),
    );
  });

  test("never shrinks with an answer that says how far it is, unless nobody knew", () => {
    expect(seqIn(withSeq({ ...EMPTY_VECTOR, shards: { a: 5 } }, "a", 3), "a")).toBe(5);
    expect(seqIn(withSeq({ ...EMPTY_VECTOR, shards: { a: 5 } }, "a", 8), "a")).toBe(8);
    expect(seqIn(withSeq(EMPTY_VECTOR, "a", 0), "a")).toBe(0);
  });

  test("is known again with the next answer where it was not", () => {
    const invalidated = { ...EMPTY_VECTOR, rest: UNKNOWN };
    const asked = withSeq(invalidated, "a", 4);
    expect([seqIn(asked, "a"), seqIn(asked, "b")]).toEqual([4, UNKNOWN]);
  });

  test("cut to a size is never less than it was, fits, and is one text", () => {
    const many = fc.dictionary(fc.stringMatching(/^shard-[0-9]{1,4}$/), fc.integer({ min: 1, max: UNKNOWN }), {
      maxKeys: 60,
    });
    fc.assert(
      fc.property(many, fc.integer({ min: 100, max: 900 }), (shards, size) => {
        const seen: VersionVector = { d1: "x".repeat(60), shards, rest: 0 };
        const cut = fitted(seen, size);
        for (const name of [...Object.keys(shards), "other"]) {
          expect(seqIn(cut, name)).toBeGreaterThanOrEqual(seqIn(seen, name));
        }
        expect(JSON.stringify(cut).length).toBeLessThanOrEqual(Math.max(size, 140));
        if (JSON.stringify(seen).length + 20 <= size) expect(cut.rest).toBe(0);
        const reversed = Object.fromEntries(Object.entries(shards).reverse());
        expect(JSON.stringify(fitted({ ...seen, shards: reversed }, size))).toBe(JSON.stringify(cut));
      }),
    );
  });

  test("cut to a size keeps the shards by name that were busy last", () => {
    const shards = Object.fromEntries(
      Array.from({ length: 4096 }, (_, i) => [`shard-${i}`, 1_800_000_000_000_000 + i]),
    );
    const cut = fitted({ d1: null, shards, rest: 0 }, 3000);
    expect(Object.keys(cut.shards).length).toBeGreaterThan(90);
    expect(seqIn(cut, "shard-4095")).toBe(1_800_000_000_004_095);
    expect(cut.rest).toBe(Math.min(...Object.values(cut.shards)) - 1);
  });
});
