import { describe, expect, test } from "vitest";
import { z } from "zod";
import { ANSWERS, REQUESTS } from "../../../contract/components.ts";
import { JobGetQuery, JobListQuery } from "../../../contract/job.ts";
import { PageQuery } from "../../../contract/list.ts";
import { openapiDocument } from "../../../contract/openapi.ts";
import { OrderingKeysQuery } from "../../../contract/ordering-keys.ts";
import { within } from "./schemas.ts";
import { type Json, type Options, propertiesOf, undescribed } from "./undescribed.ts";

/** The document of the code as it is, and not the file. */
const document = JSON.parse(JSON.stringify(openapiDocument("0.0.0"))) as Json & { components: { schemas: Json } };
const QUERIES = { PageQuery, JobListQuery, JobGetQuery, OrderingKeysQuery };

/** What of the document has to be described. */
const CHECKED: Options = { properties: true, parameters: true, answers: true, headers: true, calls: true };

test("every property, parameter, answer, header and call has a description in whole sentences and an example", () => {
  expect(undescribed(document, CHECKED)).toEqual([]);
  const places = Object.entries(document.components.schemas).flatMap(([name, schema]) =>
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

describe("every example is a value of its own schema", () => {
  const all = { ...REQUESTS, ...ANSWERS };
  test.each(Object.entries(all))("%s", (name, schema) => {
    expect(wrongExamples(name, schema, (value) => value)).toEqual([]);
  });

  test.each(Object.entries(QUERIES))("%s, whose values are text", (name, schema) => {
    expect(wrongExamples(name, schema, String)).toEqual([]);
  });

  test("and one that is not is found, wherever it stands", () => {
    const schema = z.strictObject({
      good: z
        .int()
        .optional()
        .meta({ examples: [1] }),
      bad: z.int().meta({ examples: [1, "1"] }),
      list: z.array(
        z.strictObject({
          bad: z
            .boolean()
            .nullable()
            .meta({ examples: [1] }),
        }),
      ),
    });
    expect(wrongExamples("X", schema, (value) => value)).toEqual(['X.bad: "1"', "X.list[].bad: 1"]);
  });
});

/** Places at and below `schema` with examples that are none. `written` makes of an example what a caller sends. */
function wrongExamples(name: string, schema: z.core.$ZodType, written: (value: unknown) => unknown): string[] {
  return within(name, schema).flatMap(([place, inner]) => {
    const examples: unknown = z.globalRegistry.get(inner)?.examples;
    return (Array.isArray(examples) ? examples : [])
      .filter((value) => !z.safeParse(inner, written(value)).success)
      .map((value) => `${place}: ${JSON.stringify(value)}`);
  });
}
