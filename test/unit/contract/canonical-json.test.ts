import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson } from "../../../contract/canonical-json.ts";

describe("canonical JSON", () => {
  test.each<[string, unknown, string]>([
    [
      "sorts members at every depth",
      { b: 1, a: { d: [{ z: 1, y: 2 }], c: null } },
      '{"a":{"c":null,"d":[{"y":2,"z":1}]},"b":1}',
    ],
    ["keeps the order of arrays", [3, 1, 2], "[3,1,2]"],
    ["leaves out what is undefined", { a: undefined, b: 1 }, '{"b":1}'],
    ["sorts by code unit, not by locale", { é: 1, z: 2, Z: 3 }, '{"Z":3,"z":2,"é":1}'],
    ["keeps a member named __proto__", JSON.parse('{"__proto__":1}'), '{"__proto__":1}'],
  ])("%s", (_, value, text) => {
    expect(canonicalJson(value)).toBe(text);
  });

  test("means the same value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
