import { describe, expect, it } from "vitest";
import { isProblem } from "../../../../../contract/problems.ts";
import { plainJson } from "../../../../../workers/gateway/doors/plain-json.ts";

describe("a value as JSON", () => {
  const faultOf = (value: unknown): string | undefined => {
    const plain = plainJson(value, null);
    return isProblem(plain) ? plain.extras.errors?.[0]?.pointer : undefined;
  };

  it.each([null, 0, "", [], {}, { a: [true, { b: null }] }])("%j is one", (value) => {
    expect(plainJson(value, null)).toEqual(value);
  });

  it.each([
    [Number.POSITIVE_INFINITY, ""],
    [() => 1, ""],
    [Symbol("x"), ""],
    [{ a: [0, { "b/c~d": new Date(0) }] }, "/a/1/b~1c~0d"],
    [{ deep: new Error("x") }, "/deep"],
    [[undefined], "/0"],
    [[new Uint8Array(1)], "/0"],
  ])("what is none is pointed at: %#", (value, pointer) => {
    expect(faultOf(value)).toBe(pointer);
  });

  it("a cycle and a tower end at a depth, and the pointer is not as long as they are", () => {
    const cycle: Record<string, unknown> = {};
    cycle["x".repeat(100)] = cycle;
    expect(faultOf(cycle)).toHaveLength(500);
    let tower: unknown = 1;
    for (let i = 0; i < 100_000; i++) tower = [tower];
    expect(faultOf(tower)).toMatch(/^(?:\/0)+$/);
  });
});
