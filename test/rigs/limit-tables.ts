/** Tables of a schema's limits, and the values at and beyond the limits that many schemas share. */
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { errorsOf } from "../../contract/problem.ts";

/** Every limit: what stands at its edge, and what goes one step over with the pointer of the fault. */
export type Table = { at: unknown[]; over: [value: unknown, pointer: string][] };

/** The tests of one schema: it takes all that stands at a limit, and refuses what is over one, and what is no object. */
export function checkLimits(name: string, schema: z.ZodType, { at, over }: Table): void {
  describe(name, () => {
    test.each(at.map((value) => [short(value), value]))("takes %s", (_, value) => {
      expect(errors(schema, value)).toEqual([]);
    });
    test.each(over.map(([value, pointer]) => [short(value), pointer, value] as const))(
      "refuses %s at %j",
      (_, pointer, value) => {
        expect(errors(schema, value)).toContain(pointer);
      },
    );
    test.each([null, [], "x", 1, true])("refuses %j, which is no object", (value) => {
      expect(errors(schema, value)).toEqual([""]);
    });
  });
}

function errors(schema: z.ZodType, value: unknown): string[] {
  const parsed = schema.safeParse(value);
  return parsed.success ? [] : errorsOf(parsed.error).map(({ pointer }) => pointer);
}

function short(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 97)}… (${text.length})` : text;
}

/** Bodies that differ from `base` in the member `name`. */
export const fields = (name: string, values: unknown[], base: object = {}) =>
  values.map((value) => ({ ...base, [name]: value }));
/** The same, each with the place where it is refused. */
export const bad = (name: string, values: unknown[], base: object = {}, pointer = `/${name}`): [unknown, string][] =>
  values.map((value) => [{ ...base, [name]: value }, pointer]);

/** The least that is a job. */
export const p = { payload: null };
/** The longest key. */
export const k256 = "k".repeat(256);
export const names = ["a", "0", "a.b_c-d", "a".repeat(63)];
export const badNames = ["", "A", "-a", ".a", "_a", "a b", "a/b", "é", "a".repeat(64), "a\n", 1, null];
/** The longest time that the API takes, in seconds. */
export const year = 366 * 86_400;

/** The limits of a query for a page of a list. */
export const pageLimits: Table = {
  at: [{}, ...fields("limit", ["1", "200", "007"]), ...fields("cursor", ["c".repeat(1024)])],
  over: [
    ...bad("limit", ["0", "201", "", "-1", "1.5", "1e2", " 1", "9999"]),
    ...bad("cursor", ["", "c".repeat(1025)]),
    [{ page: "2" }, "/page"],
  ],
};
