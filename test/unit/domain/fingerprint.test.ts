import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fingerprintOf, normaliseMessage } from "../../../domain/fingerprint.ts";
import { mergePatch, mergePatchText } from "../../../domain/merge-patch.ts";

const JOB = "job_01hzy8q4f7e9bvs0n4t7w2k6xd";

describe("a normalised message", () => {
  test.each([
    ["Timeout after 3000 ms", "Timeout after <n> ms"],
    ["took 1.5s, -4 left, 1e+21 bytes", "took <n>s, <n> left, <n> bytes"],
    ["no route to 10.0.0.17:8080", "no route to <n>:<n>"],
    [`user "ada" not found`, "user <text> not found"],
    ["unknown column 'total' in `orders`", "unknown column <text> in <text>"],
    ["can't open what isn't there", "can't open what isn't there"],
    [`${JOB} gave up`, "<job> gave up"],
    ["trace 6f1c2d3e-aaaa-4bbb-8ccc-0123456789ab ended", "trace <uuid> ended"],
    ["at 2027-01-15T08:00:00.123Z, again 08:00:01.5", "at <time>, again <time>"],
    ["due 2027-01-15 and 2027-01-15 08:00:00+09:00", "due <time> and <time>"],
    ["offset -10000000 of +12345678, build-12345678", "offset <n> of <n>, build-<n>"],
    ["object 0x7ffee3 of 9f86d081884c7d65", "object <n> of <n>"],
    [
      "GET https://api.example.com/v1/users/42?token=abc#x failed",
      "GET https://api.example.com/v<n>/users/<n>?<query> failed",
    ],
    ["  a\n\t b  ", "a b"],
    ["", ""],
  ])("%j is %j", (message, normalised) => {
    expect(normaliseMessage(message)).toBe(normalised);
  });

  test("is bounded, and done in a moment whatever was sent", () => {
    for (const text of ['"', "'a ", "0", "-", "a0", "2027-01-", "http://", "\u{1F600}", " "]) {
      const before = performance.now();
      expect(normaliseMessage(text.repeat(4096)).length).toBeLessThanOrEqual(300);
      expect(performance.now() - before).toBeLessThan(500);
    }
  });
});

describe("a fingerprint", () => {
  test("is 16 hex digits, and stays the same for ever: it is stored", () => {
    expect(fingerprintOf({ code: "http-500", message: "Timeout after 3000 ms" })).toMatch(/^[0-9a-f]{16}$/);
    expect(fingerprintOf({ code: "http-500", message: "Timeout after 3000 ms" })).toBe("ecf2882d53c1a887");
  });

  test("tells codes apart, and messages that say something else", () => {
    const kinds = [
      { code: "a", message: "It broke." },
      { code: "b", message: "It broke." },
      { code: "a", message: "It broke again." },
    ].map(fingerprintOf);
    expect(new Set(kinds).size).toBe(3);
  });

  const varying = fc.oneof(
    fc.nat().map(String),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.uuid(),
    fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }).map((date) => date.toISOString()),
    fc.stringMatching(/^"[a-z ]{1,20}"$/),
  );
  const word = fc.stringMatching(/^[a-z]{1,12}$/);

  test("is the same for one template with other numbers", () => {
    const numbers = fc.array(fc.nat(), { minLength: 9, maxLength: 9 });
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 8 }), numbers, numbers, (words, a, b) => {
        const filled = (with_: number[]) => words.map((text, i) => `${text} ${with_[i]}`).join(", ");
        const kind = (message: string) => fingerprintOf({ code: "c", message });
        expect(kind(filled(a))).toBe(kind(filled(b)));
      }),
    );
  });

  test("is the same whatever value of one sort stands in its place", () => {
    fc.assert(
      fc.property(word, varying, word, (before, value, after) => {
        const message = `${before} ${value} ${after}`;
        const normalised = normaliseMessage(message);
        expect(normalised.startsWith(`${before} <`)).toBe(true);
        expect(normalised.endsWith(`> ${after}`)).toBe(true);
        expect(normaliseMessage(message)).toBe(normalised);
      }),
    );
  });
});

describe("a merge patch", () => {
  // RFC 7396, appendix A.
  test.each([
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"],
    ],
    [{ a: "b" }, ["c"], ["c"]],
    [{ a: "foo" }, null, null],
    [{ a: "foo" }, "bar", "bar"],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])("%j with %j is %j", (target, patch, result) => {
    expect(mergePatch(target, patch)).toEqual(result);
  });

  test("takes a member called __proto__ for a member", () => {
    const text = mergePatchText('{"a":1}', '{"__proto__":{"b":2},"constructor":null}', 1000);
    expect(text).toBe('{"a":1,"__proto__":{"b":2}}');
    expect(({} as { b?: number }).b).toBeUndefined();
  });

  test("is refused when its result is too long, counted in bytes", () => {
    expect(mergePatchText("{}", '{"a":"é"}', 10)).toBe('{"a":"é"}');
    expect(mergePatchText("{}", '{"a":"é"}', 9)).toBeNull();
  });
});
