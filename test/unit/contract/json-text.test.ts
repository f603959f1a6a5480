import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isJson, JsonText, longerThan, writeJson } from "../../../contract/json-text.ts";

describe("nesting", () => {
  test.each<[string, string, boolean]>([
    ["at the limit", "[".repeat(5) + "]".repeat(5), true],
    ["above it", "[".repeat(6) + "]".repeat(6), false],
    ["objects count too", '{"a":{"a":{"a":{"a":{"a":{}}}}}}', false],
    ["brackets side by side do not add up", "[[],[],[],[],[],[],[]]", true],
    ["brackets in strings are text", `"${"[".repeat(50)}"`, true],
    ["an escaped quote does not end a string", `"\\"${"[".repeat(50)}"`, true],
    ["an escaped backslash does not escape the quote", `["\\\\",${"[".repeat(5)}${"]".repeat(6)}`, false],
  ])("%s", (_, text, fits) => {
    expect(isJson(text, 5)).toBe(fits);
  });
});

describe("an answer with texts in it", () => {
  test.each<[unknown, string]>([
    [new JsonText("1e400"), "1e400"],
    [{ a: new JsonText('{"b": 1.0}'), c: [new JsonText("-0"), 1] }, '{"a":{"b": 1.0},"c":[-0,1]}'],
    [{ text: '"\\/" and "\\\\/"', a: new JsonText('"\\/"') }, '{"text":"\\"\\\\/\\" and \\"\\\\\\\\/\\"","a":"\\/"}'],
    [{ a: 1 }, '{"a":1}'],
    [undefined, undefined as never],
  ])("is written with each as it is: %#", (value, text) => {
    expect(writeJson(value)).toBe(text);
  });

  test("whatever stands beside them", () => {
    const strings = fc.constantFrom('"\\/"', "\\/", "/", '"', "\\", "x", "", "\\\\/", '/"', "\ud800");
    const value = fc.oneof(strings, fc.array(strings), fc.dictionary(strings, strings), fc.jsonValue());
    fc.assert(
      fc.property(value, value, (a, b) => {
        const text = JSON.stringify(b, null, 1);
        expect(writeJson([a, new JsonText(text), { a, b: new JsonText(text) }])).toBe(
          `[${JSON.stringify(a)},${text},{"a":${JSON.stringify(a)},"b":${text}}]`,
        );
      }),
    );
  });

  test("is written by nothing else, which would lose them", () => {
    expect(() => JSON.stringify({ a: new JsonText("1") })).toThrow("writeJson");
  });

  test("is written whole after a writing that failed", () => {
    const cycle: unknown[] = [new JsonText("1")];
    cycle.push(cycle);
    expect(() => writeJson(cycle)).toThrow(TypeError);
    expect(writeJson([new JsonText("2")])).toBe("[2]");
  });
});

describe("sizes are bytes of UTF-8", () => {
  test.each<[string, number, boolean]>([
    ["abc", 3, false],
    ["abcd", 3, true],
    ["é", 1, true],
    ["é", 2, false],
    ["두레", 6, false],
    ["두레", 5, true],
    ["😀", 4, false],
    ["😀", 3, true],
  ])("%j against %i", (text, max, longer) => {
    expect(longerThan(text, max)).toBe(longer);
  });
});
