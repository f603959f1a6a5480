import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { CALL_LIST } from "../../../contract/http/calls.ts";
import { openapiDocument } from "../../../contract/openapi.ts";
import { type Json, type Options, propertiesOf, undescribed } from "../../rigs/undescribed.ts";

const root = join(import.meta.dirname, "../../..");
const text = readFileSync(join(root, "openapi.json"), "utf8");

type Document = {
  paths: Record<
    string,
    Record<
      string,
      { operationId: string; security: unknown[]; responses: Record<string, { content?: Record<string, unknown> }> }
    >
  >;
};

const document = JSON.parse(text) as Document;

test("the committed document is the one that the contract makes", () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  expect(document).toEqual(JSON.parse(JSON.stringify(openapiDocument(version))));
});

test.each(CALL_LIST.map((route) => [`${route.method.toUpperCase()} ${route.path}`, route] as const))(
  "%s has a scope and a 4xx problem",
  (_, route) => {
    expect(["public", "submit", "read", "work", "admin", "metrics", "root"]).toContain(route.scope);
    const operation = document.paths[route.path]?.[route.method];
    const problems = Object.entries(operation?.responses ?? {}).filter(([status]) => status.startsWith("4"));
    expect(problems.length).toBeGreaterThan(0);
    for (const [, response] of problems)
      expect(Object.keys(response.content ?? {})).toEqual(["application/problem+json"]);
    expect(operation?.security).toEqual(route.scope === "public" ? [] : [{ key: [] }]);
    if (route.scope !== "public") expect(operation?.responses).toMatchObject({ 401: {}, 403: {}, 429: {} });
  },
);

test("no two operations share an id or a place", () => {
  expect(new Set(CALL_LIST.map(({ id }) => id)).size).toBe(CALL_LIST.length);
  expect(new Set(CALL_LIST.map(({ method, path }) => `${method} ${path}`)).size).toBe(CALL_LIST.length);
});

test("every reference leads somewhere", () => {
  const missing = references(document).filter((reference) => {
    const steps = reference.replace(/^#\//, "").split("/");
    return steps.reduce<unknown>((at, step) => (isObject(at) ? at[step] : undefined), document) === undefined;
  });
  expect(missing).toEqual([]);
  expect(references(document).length).toBeGreaterThan(100);
});

test("requests refuse unknown fields, answers may grow", () => {
  const { schemas } = (
    JSON.parse(text) as { components: { schemas: Record<string, { additionalProperties?: unknown }> } }
  ).components;
  expect(schemas.SubmitRequest?.additionalProperties).toBe(false);
  expect(schemas.Job).not.toHaveProperty("additionalProperties");
});

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function references(value: unknown): string[] {
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === "$ref" && typeof inner === "string" ? [inner] : references(inner),
  );
}

/** The document of the code as it is, and not the file. */
const current = JSON.parse(JSON.stringify(openapiDocument("0.0.0"))) as Json & { components: { schemas: Json } };

/** What of the document has to be described. */
const CHECKED: Options = { properties: true, parameters: true, answers: true, headers: true, calls: true };

test("every property, parameter, answer, header and call has a description in whole sentences and an example", () => {
  expect(undescribed(current, CHECKED)).toEqual([]);
  const places = Object.entries(current.components.schemas).flatMap(([name, schema]) =>
    propertiesOf(name, schema as Json),
  );
  expect(places.length).toBeGreaterThan(400);
});

describe("what is not described is found", () => {
  const schema = (property: object, more: object = {}) => ({
    components: { schemas: { A: { properties: { a: property } }, ...more } },
  });
  const full = { description: "What it is.", examples: [1] };

  test.each<[what: string, document: Json, lacks: string[]]>([
    ["nothing", schema(full), []],
    ["a description", schema({ examples: [1] }), ["A.a: description"]],
    ["a sentence", schema({ description: "what it is", examples: [1] }), ["A.a: description"]],
    ["an example", schema({ description: "What it is." }), ["A.a: example"]],
    ["an example in a list of none", schema({ description: "What it is.", examples: [] }), ["A.a: example"]],
    ["a property inside", schema({ ...full, properties: { b: {} } }), ["A.a.b: description", "A.a.b: example"]],
    [
      "a property of items",
      schema({ ...full, items: { properties: { b: { examples: [1] } } } }),
      ["A.a[].b: description"],
    ],
    [
      "a property of an option",
      schema({ ...full, oneOf: [{ properties: { type: { ...full, const: "x" }, b: { examples: [1] } } }] }),
      ["A.a<x>.b: description"],
    ],
    [
      "nothing, where the component has the example",
      schema({ description: "What it is.", $ref: "#/components/schemas/B" }, { B: { examples: [{}] } }),
      [],
    ],
    [
      "an example that the component lacks too",
      schema({ description: "What it is.", $ref: "#/components/schemas/B" }, { B: {} }),
      ["A.a: example"],
    ],
  ])("%s", (_, made, lacks) => {
    expect(undescribed(made, { properties: true })).toEqual(lacks);
  });

  test("in parameters, answers, headers and calls, when they are asked for", () => {
    const made = {
      paths: {
        "/a": {
          get: {
            summary: "Read",
            parameters: [{ name: "q", in: "query", schema: { type: "string" } }],
            responses: {
              200: {
                description: "Done",
                headers: { "x-a": { schema: {} } },
                content: { "application/json": { schema: { type: "object" } } },
              },
            },
          },
        },
      },
    };
    expect(undescribed(made, {})).toEqual([]);
    expect(undescribed(made, { parameters: true, answers: true, headers: true, calls: true })).toEqual([
      "GET /a: description",
      "GET /a q: description",
      "GET /a q: example",
      "GET /a 200: description",
      "GET /a 200: example",
      "GET /a 200 x-a: description",
      "GET /a 200 x-a: example",
    ]);
  });
});
