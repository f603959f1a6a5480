import { describe, expect, test } from "vitest";
import {
  allOf,
  idempotency,
  isProblem,
  notFound,
  Problem,
  problemHeaders,
  problemView,
  type Result,
  together,
  unavailable,
  under,
  valuesOf,
} from "../../../contract/problems.ts";

describe("problems", () => {
  test("have the fields of RFC 9457 and the code", () => {
    expect(problemView(new Problem("job-not-found", "There is no job."))).toEqual({
      type: "/problems/job-not-found",
      title: "There is no such job",
      status: 404,
      detail: "There is no job.",
      code: "job-not-found",
    });
  });

  test.each<[Problem, string | undefined]>([
    [new Problem("unavailable", ""), "1"],
    [new Problem("unavailable", "", { retryAfter: 0.05 }), "1"],
    [new Problem("rate-limited", "", { retryAfter: 7.2 }), "8"],
    [new Problem("invalid-state", ""), undefined],
  ])("%# Retry-After stands on 429 and 503 only, in whole seconds", (refusal, retryAfter) => {
    expect(problemHeaders(refusal)["retry-after"]).toBe(retryAfter);
  });
});

const none = notFound.queue("q");
const away = unavailable.part();

describe("results of many", () => {
  test.each<[string, Result<number>[], Result<number[]>, number[]]>([
    ["nothing", [], [], []],
    ["values alone", [1, 2], [1, 2], [1, 2]],
    ["a problem among them", [1, none, 2], none, [1, 2]],
    ["several problems", [away, none], away, []],
  ])("of %s", async (_, results, all, values) => {
    expect(allOf(results)).toEqual(all);
    expect(valuesOf(results)).toEqual(values);
    expect(await together(results.map(async (result) => result))).toEqual(all);
  });

  test("side by side, the first problem in time is there before the others are through", async () => {
    const never = new Promise<Result<number>>(() => undefined);
    expect(await together([never, after(2, away), after(1, none)])).toBe(none);
  });

  test("side by side, values come in their order, whichever is first", async () => {
    expect(await together([after(2, "late"), after(1, 7)])).toEqual(["late", 7]);
  });

  test("side by side, what is thrown is thrown", async () => {
    await expect(together([after(1, 7), Promise.reject(new Error("bug"))])).rejects.toThrow("bug");
  });
});

/** `result`, `ticks` steps of the event loop later. */
async function after<T>(ticks: number, result: Result<T>): Promise<Result<T>> {
  for (let tick = 0; tick < ticks; tick++) await new Promise((next) => setImmediate(next));
  return result;
}

describe("a problem inside another thing", () => {
  test("points there, at the field where it names none", () => {
    expect(under("/jobs/3", none, "/queue").extras.errors).toEqual([
      { pointer: "/jobs/3/queue", detail: 'There is no queue "q".' },
    ]);
  });

  test("stays what it is", () => {
    const moved = under("/jobs/3", idempotency.partitioningChanged("q"));
    expect(moved.extras).toMatchObject({ accepted: "unknown", permanent: true });
    expect([isProblem(moved), moved.status]).toEqual([true, 409]);
  });
});
