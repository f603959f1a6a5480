import { expect, test } from "vitest";
import { choiceFault, isOn, onOffFault, wholeNumberFault } from "../../../domain/variable.ts";

test.each([
  ["true", true],
  ["TRUE", true],
  ["1", true],
  [" 1 ", true],
  ["false", false],
  ["0", false],
  ["", false],
])("%j is %s", (text, on) => {
  expect([isOn(text), onOffFault("X", text)]).toEqual([on, null]);
});

test.each(["yes", "on", "2", "tru", "-1", "null"])("%s is a fault with the variable's name, and not off", (text) => {
  expect(onOffFault("ALLOW_X", text)).toBe(`ALLOW_X is \`true\` (or \`1\`) or \`false\` (or \`0\`), not "${text}".`);
});

test("a choice is one of its words as it stands, or nothing", () => {
  expect(["", "a", "b"].map((text) => choiceFault("X", text, ["a", "b"]))).toEqual([null, null, null]);
  expect(choiceFault("METRICS", "Public", ["key", "public"])).toBe('METRICS is `key` or `public`, not "Public".');
});

test("a number is a whole one from its least on, and what is none is a fault with the variable's name", () => {
  expect(["0", "1", "250000"].map((text) => wholeNumberFault("X", text))).toEqual([null, null, null]);
  for (const text of ["", " ", "ten", "1e3", "-1", "0.5", "1,000", "NaN", "Infinity", "9".repeat(16)])
    expect(wholeNumberFault("RATE_LIMIT", text)).toBe(`RATE_LIMIT is a whole number from 0 on, not "${text}".`);
  expect(wholeNumberFault("X", "0", 1)).toBe('X is a whole number from 1 on, not "0".');
  expect(wholeNumberFault("X", undefined)).toBe("X is a whole number from 0 on, and is not set.");
});
