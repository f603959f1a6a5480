import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  endOfValue,
  NOT_JSON,
  placeOf,
  skipSpace,
  stringAt,
  TOO_DEEP,
  wholeValue,
} from "../../../../domain/json/scan.ts";

/** Texts that are nearly JSON: values, with characters taken away, doubled or put in. */
const nearly = fc
  .tuple(
    fc.jsonValue(),
    fc.nat(2),
    fc.nat(),
    fc.constantFrom("", ...'[]{}":,.\\-+eE01 \n\t\u0000\u001f\u007funtrx', "\u00a0", "\ufeff"),
    fc.boolean(),
  )
  .map(([value, indent, place, put, over]) => {
    const text = JSON.stringify(value, null, indent);
    const at = place % (text.length + 1);
    return text.slice(0, at) + put + text.slice(at + (over ? 1 : 0));
  });

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("JSON is what JSON.parse takes", () => {
  test.each([
    ...'[] {} 0 -0 1.5 1e5 1E+5 1e-05 "" true false null'.split(" "),
    " 1 ",
    '"\\u00e9\\ud800\\"\\\\\\/\\b\\f\\n\\r\\t"',
    '{"a":1,"a":2}',
    `"${"é".repeat(200)}"`,
    `[${"9".repeat(500)}.${"0".repeat(500)}e${"1".repeat(500)}]`,
    `[${" ".repeat(500)}1${"\n".repeat(500)},2]`,
  ])("%s", (text) => {
    expect(parses(text)).toBe(true);
    expect(wholeValue(text, 8)).toMatchObject({ start: expect.any(Number) });
  });

  test.each([
    ...'01 +1 1. .5 1e 1e+ -  NaN Infinity tru nul [1,] {,} {"a"} {"a":} {"a":1,} [1 2] \'a\' [} {] 1,2 - -a --1 0x1 00 1e1.5'.split(
      " ",
    ),
    "",
    " ",
    '"\u0001"',
    '"\n"',
    `"${"x".repeat(100)}\u001f"`,
    '"\\x"',
    '"\\u12g4"',
    '"\\u12"',
    '"open',
    '"\\',
    "\u00a01",
    "\ufeff1",
    "[1]]",
    "{1:2}",
  ])("%j is none", (text) => {
    expect(parses(text)).toBe(false);
    expect(wholeValue(text, 8)).toBe(NOT_JSON);
  });

  test("nor is anything else", () => {
    fc.assert(
      fc.property(nearly, (text) => {
        expect(typeof wholeValue(text, 100) === "object").toBe(parses(text));
      }),
      { numRuns: 3000 },
    );
  });
});

test("depth is counted before anything behind it is looked at", () => {
  expect(wholeValue("[".repeat(9), 8)).toBe(TOO_DEEP);
  expect(wholeValue(`${"[".repeat(8)}1${"]".repeat(8)}`, 8)).toEqual({ start: 0, end: 17 });
  expect(wholeValue(`${'{"a":'.repeat(9)}1${"}".repeat(9)}`, 8)).toBe(TOO_DEEP);
});

test.each([
  ['"a b"', "a b"],
  ['"pay\\u006coad"', "payload"],
  ['"\\""', '"'],
  ['""', ""],
])("the string %s is %j", (text, value) => {
  expect(stringAt(text, 0)).toBe(value);
});

/** Where the text is not JSON; null where it is. */
function placeIn(text: string): number | null {
  const end = endOfValue(text, skipSpace(text, 0), 100);
  if (end < 0) return placeOf(end);
  const behind = skipSpace(text, end);
  return behind < text.length ? behind : null;
}

describe("where a text is not JSON", () => {
  test.each([
    ["", 0],
    ["  ", 2],
    ["}", 0],
    ["[1,]", 3],
    ["[1 2]", 3],
    ["[1}", 2],
    ['{"a" 1}', 5],
    ['{"a":}', 5],
    ['{"a":1,}', 7],
    ['{"a":1,b', 7],
    ['{"a":1', 6],
    ['["ab', 4],
    ['["a\nb"]', 3],
    ['["a\\x"]', 4],
    ['["\\u12g4"]', 6],
    ["[tru]", 4],
    ["[nul", 4],
    ["[falso]", 5],
    ["[-]", 2],
    ["[1.]", 3],
    ["[1e+]", 4],
    ["01", 1],
    ["{} x", 3],
    [`["${"x".repeat(100)}\u0001"]`, 102],
  ])("%j: at %i", (text, place) => {
    expect(placeIn(text)).toBe(place);
  });

  test("what may still become JSON is not at fault, and what comes behind the place says nothing of it", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(2), fc.nat(), nearly, (value, indent, at, junk) => {
        const good = JSON.stringify(value, null, indent);
        const kept = good.slice(0, at % (good.length + 1));
        const place = placeIn(kept + junk);
        if (place === null) return;
        expect(place).toBeGreaterThanOrEqual(kept.length);
        const text = kept + junk;
        if (place < text.length) expect(placeIn(text.slice(0, place + 1))).toBe(place);
        expect([place, null]).toContain(placeIn(text.slice(0, place)));
      }),
      { numRuns: 3000 },
    );
  });

  test("only of what has one", () => {
    expect([NOT_JSON, TOO_DEEP, 0, 7].map(placeOf)).toEqual([null, null, null, null]);
  });
});
