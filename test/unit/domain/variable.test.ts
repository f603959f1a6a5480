import { expect, test } from "vitest";
import { choiceFault, isOn, onOffFault } from "../../../domain/variable.ts";

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
