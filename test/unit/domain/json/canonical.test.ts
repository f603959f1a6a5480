import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalText } from "../../../../domain/json/canonical.ts";
import { canonicalNumber } from "../../../../domain/json/number.ts";

describe("one text for all that mean the same", () => {
  test.each<[string, string, string]>([
    ["sorts members at every depth", ' { "b" : [ { "z":1 , "y": 2 } ] ,"a":1}', '{"a":1,"b":[{"y":2,"z":1}]}'],
    ["takes space away around everything", ' [ 1 , "a b" ,\n{ } , [ ] ] ', '[1,"a b",{},[]]'],
    [
      "writes escapes in one way",
      '["\\u00e9","\\/","\\u000a","\\n","\\ud800","\\u0041"]',
      '["é","/","\\n","\\n","\\ud800","A"]',
    ],
    ["compares names by what they say", '{"\\u0062":1,"a":2}', '{"a":2,"b":1}'],
    ["keeps members of one name, all and in their order", '{"b":0,"a":2,"a":1}', '{"a":2,"a":1,"b":0}'],
    [
      "keeps every digit",
      '{"id":3889108265204450030,"n":[1.0,-0,1e400]}',
      '{"id":388910826520445003e1,"n":[1,0,1e400]}',
    ],
    ["keeps words", "[true,false,null]", "[true,false,null]"],
    ["sorts by code unit", '{"é":1,"z":2,"Z":3}', '{"Z":3,"z":2,"é":1}'],
  ])("%s", (_, text, canonical) => {
    expect(canonicalText(text)).toBe(canonical);
    expect(canonicalText(canonical)).toBe(canonical);
  });

  test("however the same value is written", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.nat(3), (value, indent) => {
        const one = JSON.stringify(value);
        expect(canonicalText(JSON.stringify(JSON.parse(one), null, indent))).toBe(canonicalText(one));
        expect(JSON.parse(canonicalText(one))).toEqual(JSON.parse(one));
      }),
    );
  });
});

/** RFC 8785 by the engine's own means: what a double does not round has this text. */
function jcs(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(jcs).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value === 0 ? 0 : value);
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${jcs(member)}`).join(",")}}`;
}

/** Names that differ late or hardly, are written with escapes, or whose order in UTF-8 is another than that of their code units. */
const name = fc
  .array(fc.constantFrom(...'abé두\ue000\uffff😀\ud83d\ude00\u0000\n"\\/\u007f~', "same for long, "), { maxLength: 5 })
  .map((parts) => parts.join(""));

/** The text with escapes that nobody needs. */
function escaped(text: string): string {
  return text.replace(/[abé두\ue000\uffff\ud800-\udfff~]/g, (unit) =>
    unit === "a" ? unit : `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0").toUpperCase()}`,
  );
}

describe("where a double holds every number it is RFC 8785", () => {
  test("of objects with few members and many, in any order, at any depth", () => {
    const objects = fc.letrec<{ value: unknown; object: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        name,
        fc.integer(),
        fc.boolean(),
        tie("object"),
        fc.array(tie("object"), { maxLength: 3 }),
      ),
      object: fc.oneof(
        fc.dictionary(name, tie("value"), { maxKeys: 4, noNullPrototype: true }),
        fc.dictionary(name, tie("value"), { maxKeys: 60, minKeys: 13, noNullPrototype: true }),
      ),
    })).object;
    fc.assert(
      fc.property(objects, fc.nat(2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        expect(canonicalText(text)).toBe(jcs(value));
        expect(canonicalText(escaped(text))).toBe(jcs(value));
      }),
      { numRuns: 60 },
    );
  });
});

test("members of one name keep their order among any number of others", () => {
  const others = Array.from({ length: 40 }, (_, i) => `"n${(i * 7) % 40}":${i}`);
  expect(canonicalText(`{"m":2,${others.join(",")},"m":1}`)).toBe(`{"m":2,"m":1,${others.toSorted().join(",")}}`);
});

test("a number in a text is written as it is by itself, however long or far from a double's", () => {
  const digits = fc.oneof(fc.bigInt({ min: 0n, max: 10n ** 40n }), fc.bigInt({ min: 0n, max: 10n ** 16n })).map(String);
  const exponent = fc.oneof(fc.integer({ min: -30, max: 30 }), fc.integer({ min: -345, max: 345 }), fc.bigInt());
  const number = fc
    .tuple(
      fc.constantFrom("", "-"),
      digits,
      fc.nat(8),
      fc.option(fc.nat(40)),
      fc.option(exponent),
      fc.constantFrom("e", "E+"),
    )
    .map(([sign, whole, zeros, places, power, letter]) => {
      const all = places === null ? whole + "0".repeat(zeros) : `${whole}.${"0".repeat(zeros)}${places}`;
      const suffix = power === null ? "" : `${String(power).startsWith("-") ? "e" : letter}${power}`;
      return sign + (all.startsWith("0") && !/^0(\.|$)/.test(all) ? "0" : all) + suffix;
    });
  fc.assert(
    fc.property(fc.array(number, { maxLength: 5 }), (numbers) => {
      expect(canonicalText(`[${numbers.join(" , ")}]`)).toBe(`[${numbers.map(canonicalNumber).join(",")}]`);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  "1e308",
  "179769313486231e294",
  "179769313486232e294",
  "-1.8e308",
  "9e307",
  "17976931348623157e292",
  "5e-324",
])("%s, at the end of what a double holds, is written as it is by itself", (number) => {
  expect(canonicalText(number)).toBe(canonicalNumber(number));
});
