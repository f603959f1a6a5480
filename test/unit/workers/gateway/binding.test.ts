import { describe, expect, it } from "vitest";
import { requestOf, segment } from "../../../../workers/gateway/binding/call.ts";
import { jsonText } from "../../../../workers/gateway/binding/json-value.ts";
import { metaOf } from "../../../../workers/gateway/binding/meta.ts";
import { problemIn } from "../../../../workers/gateway/binding/problem-error.ts";
import { Refusal } from "../../../../workers/gateway/http/refusal.ts";

describe("a call of the binding as a request", () => {
  it("has a body with its type, and only the headers that are there", async () => {
    const headers = { "idempotency-key": "k", "dure-bookmark": undefined };
    const request = requestOf({ method: "POST", path: "/v1/batches", body: { jobs: [] }, headers });
    expect([request.method, new URL(request.url).pathname]).toEqual(["POST", "/v1/batches"]);
    expect(Object.fromEntries(request.headers)).toEqual({ "content-type": "application/json", "idempotency-key": "k" });
    expect(await request.json()).toEqual({ jobs: [] });
  });

  it("has neither where the call has none", () => {
    const request = requestOf({ method: "POST", path: "/v1/jobs/x/cancel" });
    expect(request.body).toBeNull();
    expect([...request.headers]).toEqual([]);
  });

  it.each([
    ["job_01", "job_01"],
    ["a/b?c#d e%2e", "a%2Fb%3Fc%23d%20e%252e"],
    ["...", "..."],
    ["", "-"],
    [".", "-"],
    ["..", "-"],
    [7, "-"],
    [null, "-"],
    ["\ud800", "%EF%BF%BD"],
  ])("the name %j is the segment %j, and stays one", (name, expected) => {
    expect(segment(name)).toBe(expected);
    expect(new URL(`https://x/v1/jobs/${segment(name)}/cancel`).pathname).toBe(`/v1/jobs/${expected}/cancel`);
  });
});

describe("a value as JSON", () => {
  const faultOf = (value: unknown): string | undefined => {
    try {
      jsonText(value);
    } catch (error) {
      if (error instanceof Refusal) return error.extras.errors?.[0]?.pointer;
      throw error;
    }
    return undefined;
  };

  it.each([null, 0, "", [], {}, { a: [true, { b: null }] }])("%j is one", (value) => {
    expect(jsonText(value)).toBe(JSON.stringify(value));
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

describe("what headers say", () => {
  it.each([
    [{}, {}],
    [
      { "dure-bookmark": "b.c", "dure-consistency": "strong" },
      { bookmark: "b.c", consistency: "strong" },
    ],
    [
      { "dure-consistency": "eventual", age: "7" },
      { consistency: "eventual", ageSeconds: 7 },
    ],
    [{ "dure-replayed": "true" }, { replayed: true }],
    [{ "dure-accepted": "deferred" }, { deferred: true }],
  ])("%j", (headers, meta) => {
    expect(metaOf(new Headers(headers as Record<string, string>))).toEqual(meta);
  });

  it("Retry-After is a member of a problem that is thrown", () => {
    const problem = { type: "/problems/unavailable", title: "t", status: 503, detail: "d", code: "unavailable" };
    expect(problemIn(problem, new Headers({ "retry-after": "3" }))).toEqual({ ...problem, retryAfter: 3 });
    expect(problemIn(problem, new Headers())).toEqual(problem);
  });
});
