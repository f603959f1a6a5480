import { describe, expect, test } from "vitest";
import * as z from "zod";
import { patched, patchOf } from "../../../contract/merge-patch.ts";
import { errorsOf } from "../../../contract/problem.ts";

const StringMap = z
  .custom<Record<string, string>>((value) => Object.values(value as object).every((each) => typeof each === "string"))
  .meta({ type: "object", additionalProperties: { type: "string" } });

const Body = z.strictObject({
  name: z.string().min(2).meta({ description: "What it is called." }),
  limit: z.int().nullable().optional(),
  list: z.array(z.int()).optional(),
  inner: z.strictObject({ a: z.int().optional(), b: z.int() }).optional(),
  target: z
    .discriminatedUnion("type", [
      z.strictObject({ type: z.literal("near") }),
      z.strictObject({
        type: z.literal("far"),
        url: z.string(),
        headers: StringMap.default({}),
      }),
    ])
    .optional(),
  payload: z.unknown(),
});

const whole = {
  name: "ab",
  limit: 3,
  list: [1, 2],
  inner: { a: 1, b: 2 },
  target: { type: "near" },
  payload: { x: 1, y: 2 },
};

describe("a patch", () => {
  test.each<[string, unknown, object]>([
    ["of nothing keeps all", {}, {}],
    ["replaces a member", { name: "cd" }, { name: "cd" }],
    ["replaces a list whole", { list: [] }, { list: [] }],
    ["reaches into an object", { inner: { a: 5 } }, { inner: { a: 5, b: 2 } }],
    ["takes away by null", { list: null, inner: { a: null } }, { list: undefined, inner: { b: 2 } }],
    ["sets null where that is a value", { limit: null, payload: null }, { limit: null, payload: null }],
    ["merges a payload, whose nulls take away", { payload: { x: null, z: [null] } }, { payload: { y: 2, z: [null] } }],
    [
      "replaces a target of another type whole",
      { target: { type: "far", url: "u" } },
      { target: { type: "far", url: "u" } },
    ],
    ["brings what was not there", { unknown: { deep: 1 } }, { unknown: { deep: 1 } }],
  ])("%s", (_, patch, change) => {
    expect(patched(Body, whole, patch)).toEqual(JSON.parse(JSON.stringify({ ...whole, ...change })));
  });

  test("changes members of a target of the same type, whether it says the type or not", () => {
    const target = { type: "far", url: "u", headers: { a: "1", b: "2" } };
    const at = (patch: object) => patched(Body, { ...whole, target }, { target: patch });
    expect(at({ headers: { a: null } })).toMatchObject({ target: { type: "far", url: "u", headers: { b: "2" } } });
    expect(at({ type: "far", url: "v" })).toMatchObject({ target: { ...target, url: "v" } });
    expect(at({ type: "near" })).toEqual({ ...whole, target: { type: "near" } });
  });

  test("leaves what it is laid over, and prototypes, as they are", () => {
    const before = structuredClone(whole);
    const result = patched(Body, whole, JSON.parse('{"__proto__": {"polluted": 1}, "constructor": null}'));
    expect(whole).toEqual(before);
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
    expect(Object.hasOwn(result as object, "__proto__")).toBe(true);
  });

  test("that is no object replaces all", () => {
    expect(patched(Body, whole, 5)).toBe(5);
  });
});

describe("the schema of a patch", () => {
  const pointers = (value: unknown) => {
    const parsed = patchOf(Body, "Changes", {}).safeParse(value);
    return parsed.success ? [] : errorsOf(parsed.error).map(({ pointer }) => pointer);
  };

  test.each<[unknown]>([
    [{}],
    [{ name: null, limit: null, list: null, inner: null, target: null, payload: null }],
    [{ inner: { a: 1 } }],
    [{ inner: { b: null } }],
    [{ target: { url: "u" } }],
    [{ target: { type: null, headers: { a: null } } }],
  ])("takes %j", (value) => {
    expect(pointers(value)).toEqual([]);
  });

  test.each<[unknown, string]>([
    [[], ""],
    [null, ""],
    [{ name: "a" }, "/name"],
    [{ list: ["x"] }, "/list/0"],
    [{ inner: { c: null } }, "/inner/c"],
    [{ target: { type: "further" } }, "/target/type"],
    [{ target: { uri: "u" } }, "/target/uri"],
    [{ target: { headers: [] } }, "/target/headers"],
    [JSON.parse('{"__proto__": null}'), "/__proto__"],
  ])("refuses %j at %j", (value, pointer) => {
    expect(pointers(value)).toEqual([pointer]);
  });

  test("keeps what a member says of itself, and says where null is a value", () => {
    const schema = z.toJSONSchema(patchOf(Body, "Changes of it", {}), { unrepresentable: "any" }) as {
      description: string;
      properties: Record<string, { description?: string }>;
    };
    expect(schema.properties.name?.description).toBe("What it is called.");
    expect(schema.description).toMatch(/^Changes of it, .* of `limit`, `payload`\. Of another `type`, `target` is/);
  });
});
