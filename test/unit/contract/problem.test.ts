import { describe, expect, test } from "vitest";
import * as z from "zod";
import { errorsOf, PROBLEMS, ProblemView, problem } from "../../../contract/problem.ts";

describe("problems", () => {
  test.each(Object.entries(PROBLEMS))("%s is a problem document with status %j", (code, { status, title }) => {
    const made = problem(code as keyof typeof PROBLEMS, "why");
    expect(made).toEqual({ type: `/problems/${code}`, title, status, detail: "why", code });
    expect(ProblemView.safeParse(made).success).toBe(true);
  });

  test("errors point into the body, below a prefix, with JSON Pointer's escapes", () => {
    const schema = z.strictObject({ list: z.array(z.strictObject({ "a/b": z.string() })) });
    const parsed = schema.safeParse({ list: [{ "a/b": 1, "x~y": 2 }], z: 1 });
    expect(parsed.success ? [] : errorsOf(parsed.error, "/jobs/13").map(({ pointer }) => pointer)).toEqual([
      "/jobs/13/list/0/a~1b",
      "/jobs/13/list/0/x~0y",
      "/jobs/13/z",
    ]);
  });

  test("a hostile body cannot make the answer large", () => {
    const body = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`${"x".repeat(1000)}${i}`, 1]));
    const parsed = z.strictObject({}).safeParse(body);
    const errors = parsed.success ? [] : errorsOf(parsed.error);
    expect(errors).toHaveLength(50);
    expect(JSON.stringify(errors).length).toBeLessThan(20_000);
  });
});
