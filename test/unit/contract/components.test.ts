import { describe, expect, test } from "vitest";
import * as z from "zod";
import { ANSWERS, REQUESTS } from "../../../contract/components.ts";
import { JobGetQuery, JobListQuery } from "../../../contract/job.ts";
import { PageQuery } from "../../../contract/list.ts";
import { OrderingKeysQuery } from "../../../contract/ordering-keys.ts";
import { within } from "../../rigs/schemas.ts";

const QUERIES = { PageQuery, JobListQuery, JobGetQuery, OrderingKeysQuery };

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
