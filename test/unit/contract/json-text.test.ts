import { describe, expect, test } from "vitest";
import { deeperThan, longerThan } from "../../../contract/json-text.ts";

describe("nesting", () => {
  test.each<[string, string, boolean]>([
    ["at the limit", "[".repeat(5) + "]".repeat(5), false],
    ["above it", "[".repeat(6) + "]".repeat(6), true],
    ["objects count too", '{"a":{"a":{"a":{"a":{"a":{}}}}}}', true],
    ["brackets side by side do not add up", "[[],[],[],[],[],[],[]]", false],
    ["brackets in strings are text", `"${"[".repeat(50)}"`, false],
    ["an escaped quote does not end a string", `"\\"${"[".repeat(50)}"`, false],
    ["an escaped backslash does not escape the quote", `["\\\\",${"[".repeat(6)}`, true],
  ])("%s", (_, text, deeper) => {
    expect(deeperThan(text, 5)).toBe(deeper);
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
