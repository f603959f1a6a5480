import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { KeyBody, NamespaceBody } from "../../../contract/admin.ts";
import { BatchBody, BatchEnvelope } from "../../../contract/batch.ts";
import { PurgeBody, RedriveBody } from "../../../contract/dead-letters.ts";
import { JobGetQuery, JobListQuery, SubmitBody } from "../../../contract/job.ts";
import { PageQuery } from "../../../contract/list.ts";
import { OrderingKeyBody, UnblockBody } from "../../../contract/ordering-keys.ts";
import { parseSubmit } from "../../../contract/parse-submit.ts";
import { errorsOf } from "../../../contract/problem.ts";
import { ClaimBody, ExtendBody, FailBody, ReportsBody, SucceedBody } from "../../../contract/pull.ts";
import { EmptyBody, QueueBody } from "../../../contract/queue.ts";

/** Every limit: what stands at its edge, and what goes one step over with the pointer of the fault. */
type Table = { at: unknown[]; over: [value: unknown, pointer: string][] };

function check(name: string, schema: z.ZodType, { at, over }: Table): void {
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

const fields = (name: string, values: unknown[], base: object = {}) =>
  values.map((value) => ({ ...base, [name]: value }));
const bad = (name: string, values: unknown[], base: object = {}, pointer = `/${name}`): [unknown, string][] =>
  values.map((value) => [{ ...base, [name]: value }, pointer]);

const p = { payload: null };
const k256 = "k".repeat(256);
const names = ["a", "0", "a.b_c-d", "a".repeat(63)];
const badNames = ["", "A", "-a", ".a", "_a", "a b", "a/b", "é", "a".repeat(64), "a\n", 1, null];
const badKeys = ["", `${k256}k`, `${"é".repeat(128)}x`, "a\0b", "\ud800", "a\udc00b", 1, null];
const year = 366 * 86_400;

const submits: Table = {
  at: [
    ...fields("payload", [null, 0, "", false, [], {}, { deep: [{}] }]),
    ...fields("queue", names, p),
    ...fields("orderingKey", ["k", k256, "é".repeat(128), "두레", "👩‍🚀"], p),
    ...fields("concurrencyKey", ["k", k256], p),
    ...fields("idempotencyKey", [k256], p),
    ...fields("priority", [0, 9], p),
    ...fields("delay", [0, 0.5, year], p),
    ...fields("runAt", ["2026-12-01T00:00:00+09:00"], p),
    ...fields("expiresAt", ["2026-12-01T00:00:00Z"], p),
    ...fields("timeout", [0.001, 86_400], p),
    ...fields(
      "retry",
      [{}, { maxAttempts: 1 }, { maxAttempts: 100 }, { backoff: "linear", delay: 0, maxDelay: year, jitter: "none" }],
      p,
    ),
    ...fields("tags", [[], ["t".repeat(64)], Array(10).fill("t")], p),
  ],
  over: [
    [{}, "/payload"],
    [{ ...p, state: "queued" }, "/state"],
    [{ ...p, "a/b~": 1 }, "/a~1b~0"],
    [JSON.parse('{"payload":1,"__proto__":{"queue":"x"}}'), "/__proto__"],
    [JSON.parse('{"payload":1,"constructor":1}'), "/constructor"],
    ...bad("queue", badNames, p),
    ...bad("orderingKey", badKeys, p),
    ...bad("concurrencyKey", badKeys, p),
    ...bad("idempotencyKey", badKeys, p),
    ...bad("priority", [-1, 10, 1.5, "5", null], p),
    ...bad("delay", [-0.001, year + 1, "1", null, Number.POSITIVE_INFINITY, Number.NaN], p),
    ...bad("runAt", ["2026-12-01", "", 1764547200000, null], p),
    ...bad("runAt", ["2026-12-01T00:00:00Z"], { ...p, delay: 0 }),
    ...bad("expiresAt", ["2026-02-30T00:00:00Z", null], p),
    ...bad("timeout", [0, -1, 86_400.001, "60", null], p),
    ...bad("retry", [null, [], 5], p),
    ...bad("retry", [{ maxAttempts: 0 }, { maxAttempts: 101 }, { maxAttempts: 1.5 }], p, "/retry/maxAttempts"),
    ...bad("retry", [{ backoff: "quadratic" }], p, "/retry/backoff"),
    ...bad("retry", [{ jitter: "some" }], p, "/retry/jitter"),
    ...bad("retry", [{ delay: -1 }, { delay: year + 1 }], p, "/retry/delay"),
    ...bad("retry", [{ maxDelay: year + 1 }], p, "/retry/maxDelay"),
    ...bad("retry", [{ attempts: 1 }], p, "/retry/attempts"),
    ...bad("tags", [Array(11).fill("t"), "t", null], p),
    ...bad("tags", [[""], ["t".repeat(65)], ["é".repeat(33)], ["\0"], [1]], p, "/tags/0"),
  ],
};
check("SubmitBody", SubmitBody, submits);

test.each([...submits.at, ...submits.over.map(([value]) => value), null, [], 1])(
  "parseSubmit says of %j what the schema says",
  (value) => {
    expect(parseSubmit(value)).toEqual(SubmitBody.safeParse(value));
  },
);

test("a payload goes through untouched, with whatever names it has", () => {
  const body = JSON.parse('{"payload":{"__proto__":{"admin":true},"constructor":1,"\\u0000":"\\ud800"}}') as {
    payload: object;
  };
  expect(SubmitBody.parse(body).payload).toBe(body.payload);
  expect(parseSubmit(body).data?.payload).toBe(body.payload);
  expect(JSON.stringify(body.payload)).toBe('{"__proto__":{"admin":true},"constructor":1,"\\u0000":"\\ud800"}');
});

const jobs = (count: number) => ({ jobs: Array(count).fill(p) });
const batches: Table = {
  at: [jobs(1), jobs(1000), { ...jobs(1), atomic: true }],
  over: [
    [jobs(0), "/jobs"],
    [jobs(1001), "/jobs"],
    [{}, "/jobs"],
    [{ ...jobs(1), atomic: 1 }, "/atomic"],
    [{ ...jobs(1), id: "b" }, "/id"],
  ],
};
check("BatchBody", BatchBody, {
  ...batches,
  over: [...batches.over, [{ jobs: [p, { queue: "q" }] }, "/jobs/1/payload"]],
});
check("BatchEnvelope", BatchEnvelope, batches);

test("the envelope of a batch leaves each job to be judged alone", () => {
  expect(BatchEnvelope.parse({ jobs: [1, p] })).toEqual({ atomic: false, jobs: [1, p] });
});

const http = (over: object) => ({ target: { type: "http", url: "https://a.b/c", ...over } });
check("QueueBody", QueueBody, {
  at: [
    {},
    ...fields("target", [
      { type: "pull" },
      { type: "handler", name: "wordcount" },
      { type: "http", url: "http://127.0.0.1:8080/x?y" },
    ]),
    http({ headers: { "X-Token": "a b\tc", "content-language": "ü" } }),
    http({ url: `https://a.b/${"c".repeat(2036)}` }),
    http({ headers: Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`x-${i}`, ""])) }),
    ...fields("partitions", [1, 4096]),
    ...fields("lane", ["default", "slow", "bulk"]),
    ...fields("concurrency", [null, 1, 1_000_000]),
    ...fields("rate", [null, { limit: 1, period: 0.001 }, { limit: 1_000_000, period: 86_400 }]),
    ...fields("perKeyConcurrency", [null, 1, 1000]),
    ...fields("perKeyRate", [null, { limit: 1, period: 0.001 }, { limit: 1_000_000, period: 86_400 }]),
    ...fields("weight", [1, 100]),
    ...fields("priorityAging", [null, 1, 1.5, 366 * 86_400]),
    ...fields("retry", [{}, { maxAttempts: 100 }]),
    ...fields("timeout", [0.1, 86_400]),
    ...fields("retention", [1, year]),
    ...fields("idempotencyWindow", [1, 2_592_000]),
    { consistency: "strong", paused: true },
  ],
  over: [
    [{ name: "q" }, "/name"],
    ...bad(
      "target",
      [
        {},
        { type: "service", service: "m", path: "/" },
        { type: "worker", binding: "M" },
        { type: "queue", binding: "O" },
      ],
      {},
      "/target/type",
    ),
    ...bad("target", [null, "pull"], {}, "/target"),
    [{ target: { type: "pull", url: "https://a.b" } }, "/target/url"],
    [{ target: { type: "handler" } }, "/target/name"],
    [{ target: { type: "handler", name: "Word Count" } }, "/target/name"],
    ...[
      "",
      "a.b",
      "ftp://a.b",
      "file:///etc/passwd",
      "https://",
      "https:a.b",
      " https://a.b",
      "javascript:1",
      `https://a.b/${"c".repeat(2037)}`,
      1,
    ].map((url): [unknown, string] => [http({ url }), "/target/url"]),
    ...[
      { "a b": "" },
      { "": "" },
      { é: "" },
      { "x:y": "" },
      { ["x".repeat(129)]: "" },
      { x: "a\r\nb" },
      { x: "a\nb" },
      { x: "\0" },
      { x: "€" },
      { x: "y".repeat(4097) },
      { x: 1 },
      { x: "1", X: "2" },
      { Host: "a" },
      { "content-type": "text/plain" },
      { "Content-Length": "1" },
      { connection: "close" },
      { "Transfer-Encoding": "chunked" },
      { "Idempotency-Key": "x" },
      { traceparent: "x" },
      { "Dure-Job-Id": "x" },
      { "webhook-signature": "x" },
      JSON.parse('{"__proto__":"x"}'),
      Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`x-${i}`, ""])),
      [],
      null,
    ].map((headers): [unknown, string] => [http({ headers }), "/target/headers"]),
    ...bad("partitions", [0, 4097, 1.5, null]),
    ...bad("lane", ["fast", null]),
    ...bad("concurrency", [0, -1, 1.5, 1_000_001]),
    ...["rate", "perKeyRate"].flatMap((name) => [
      ...bad(name, [1, "1/s", []]),
      ...bad(name, [{ period: 1 }, { limit: 0, period: 1 }, { limit: 1.5, period: 1 }], {}, `/${name}/limit`),
      ...bad(
        name,
        [
          { limit: 1_000_001, period: 1 },
          { limit: null, period: 1 },
        ],
        {},
        `/${name}/limit`,
      ),
      ...bad(name, [{ limit: 1 }, { limit: 1, period: 0 }, { limit: 1, period: 86_401 }], {}, `/${name}/period`),
      ...bad(name, [{ limit: 1, period: 1, burst: 5 }], {}, `/${name}/burst`),
    ]),
    ...bad("perKeyConcurrency", [0, 1.5, 1001, "1"]),
    ...bad("weight", [0, 1.5, 101, null]),
    ...bad("priorityAging", [0, 0.9, 366 * 86_400 + 1, "1h"]),
    ...bad("timeout", [0, 86_401]),
    ...bad("retention", [0, year + 1]),
    ...bad("idempotencyWindow", [0, 2_592_001]),
    ...bad("consistency", ["eventual", null]),
    ...bad("paused", ["true", null]),
  ],
});

check("RedriveBody", RedriveBody, {
  at: [
    {},
    { filter: {} },
    { filter: { errorCode: "e", tag: "t", finishedBefore: "2026-12-01T00:00:00Z" }, ratePerSecond: 0.5, dryRun: true },
    { filter: { fingerprint: "0123456789abcdef", orderingKey: "k", finishedAfter: "2026-12-01T00:00:00Z" } },
    { filter: { createdAfter: "2026-12-01T00:00:00Z", createdBefore: "2026-12-02T00:00:00Z" }, queue: "other" },
    { patch: { a: null } },
    { patch: null },
  ],
  over: [
    [{ filter: { state: "failed" } }, "/filter/state"],
    [{ filter: { errorCode: "" } }, "/filter/errorCode"],
    [{ filter: { finishedBefore: "x" } }, "/filter/finishedBefore"],
    ...bad("ratePerSecond", [0, -1, 100_001]),
    ...bad("dryRun", [1]),
    ...bad("queue", ["", "Q", null]),
    [{ filter: { fingerprint: "0123456789ABCDEF" } }, "/filter/fingerprint"],
    [{ filter: { orderingKey: "" } }, "/filter/orderingKey"],
    [{ filter: { createdAfter: 1 } }, "/filter/createdAfter"],
  ],
});

check("PurgeBody", PurgeBody, {
  at: [{}, { failed: true }, { failed: true, filter: { tag: "t" } }, { failed: false }],
  over: [
    [{ filter: {} }, "/filter"],
    [{ failed: false, filter: {} }, "/filter"],
    [{ failed: "yes" }, "/failed"],
    [{ failed: true, filter: { state: "failed" } }, "/filter/state"],
  ],
});

check("OrderingKeyBody", OrderingKeyBody, {
  at: [{ key: "k" }, { key: "k".repeat(256) }],
  over: [
    [{}, "/key"],
    [{ key: "" }, "/key"],
    [{ key: "k".repeat(257) }, "/key"],
    [{ key: "k", action: "skip" }, "/action"],
  ],
});

check("UnblockBody", UnblockBody, {
  at: [
    { key: "k", action: "retry" },
    { key: "k", action: "skip", jobId: "job_1" },
    { key: "k", action: "discard" },
  ],
  over: [
    [{ key: "k" }, "/action"],
    [{ key: "k", action: "redrive" }, "/action"],
    [{ key: "k", action: "skip", jobId: "" }, "/jobId"],
    [{ action: "skip" }, "/key"],
  ],
});

check("ClaimBody", ClaimBody, {
  at: [
    {},
    ...fields("max", [1, 100]),
    ...fields("wait", [0, 0.5, 60]),
    ...fields("leaseSeconds", [1, 86_400]),
    ...fields("worker", ["w".repeat(128)]),
  ],
  over: [
    ...bad("max", [0, 101, 1.5]),
    ...bad("wait", [-1, 60.1]),
    ...bad("leaseSeconds", [0.9, 86_401, null]),
    ...bad("worker", ["", "w".repeat(129), "\0"]),
    [{ queue: "q" }, "/queue"],
  ],
});

const ok = { lease: "l", ok: true };
const failed = { lease: "l", ok: false, error: { code: "c" } };
check("ReportsBody", ReportsBody, {
  at: [
    { reports: [] },
    { reports: Array(100).fill(ok) },
    {
      reports: [
        ok,
        { ...ok, result: null },
        { ...ok, result: { __proto__: 1 } },
        failed,
        { ...failed, retryAfter: 86_400 },
      ],
    },
    { reports: [{ ...failed, error: { code: "c".repeat(128), message: "m".repeat(4096), retryable: false } }] },
    { reports: [], claim: { queue: "q", max: 100, wait: 60, leaseSeconds: 1, worker: "w" } },
  ],
  over: [
    [{}, "/reports"],
    [{ reports: Array(101).fill(ok) }, "/reports"],
    [{ reports: [{ ok: true }] }, "/reports/0/lease"],
    [{ reports: [{ ...ok, lease: "" }] }, "/reports/0/lease"],
    [{ reports: [{ lease: "l" }] }, "/reports/0/ok"],
    [{ reports: [{ ...ok, error: { code: "c" } }] }, "/reports/0/error"],
    [{ reports: [{ lease: "l", ok: false }] }, "/reports/0/error"],
    [{ reports: [{ ...failed, error: { code: "" } }] }, "/reports/0/error/code"],
    [{ reports: [{ ...failed, error: { code: "c".repeat(129) } }] }, "/reports/0/error/code"],
    [{ reports: [{ ...failed, error: { code: "c", message: "m".repeat(4097) } }] }, "/reports/0/error/message"],
    [{ reports: [{ ...failed, error: { code: "c", message: "é".repeat(2049) } }] }, "/reports/0/error/message"],
    [{ reports: [{ ...failed, error: { code: "c", stack: "s" } }] }, "/reports/0/error/stack"],
    [{ reports: [{ ...failed, retryAfter: 86_401 }] }, "/reports/0/retryAfter"],
    [{ reports: [{ ...failed, retryAfter: -1 }] }, "/reports/0/retryAfter"],
    [{ reports: [], claim: {} }, "/claim/queue"],
    [{ reports: [], claim: { queue: "q", max: 101 } }, "/claim/max"],
    [{ reports: [], claim: { queue: "q", x: 1 } }, "/claim/x"],
  ],
});

check("SucceedBody", SucceedBody, { at: [{}, { result: null }], over: [[{ output: 1 }, "/output"]] });
check("FailBody", FailBody, {
  at: [{ error: { code: "c" } }],
  over: [
    [{}, "/error"],
    [{ error: {} }, "/error/code"],
  ],
});
check("ExtendBody", ExtendBody, {
  at: [
    {},
    ...fields("leaseSeconds", [1, 86_400]),
    ...fields("progress", [{}, { percent: 0 }, { percent: 100, message: "" }, { message: "쪽".repeat(341) }]),
    ...fields("checkpoint", [null, 0, "", [], { any: "thing" }]),
  ],
  over: [
    ...bad("leaseSeconds", [0, 86_401, null]),
    ...bad("progress", [null, 50, "half"]),
    [{ progress: { percent: -0.001 } }, "/progress/percent"],
    [{ progress: { percent: 100.001 } }, "/progress/percent"],
    [{ progress: { message: "쪽".repeat(342) } }, "/progress/message"],
    [{ progress: { message: "a\0b" } }, "/progress/message"],
    [{ progress: { message: "\ud800" } }, "/progress/message"],
    [{ progress: { at: 1 } }, "/progress/at"],
  ],
});
check("EmptyBody", EmptyBody, { at: [{}], over: [[{ a: 1 }, "/a"]] });
check("NamespaceBody", NamespaceBody, { at: [{}], over: [[{ name: "n" }, "/name"]] });

const key = { name: "ci", scopes: ["submit"] };
check("KeyBody", KeyBody, {
  at: [
    key,
    { ...key, scopes: ["submit", "read", "work", "admin"], namespace: "acme", expiresAt: "2026-12-01T00:00:00Z" },
  ],
  over: [
    ...bad("name", badNames, key),
    ...bad("scopes", [[], ["read", "read"], "read"], key),
    [{ ...key, scopes: ["root"] }, "/scopes/0"],
    ...bad("namespace", badNames, key),
    ...bad("expiresAt", ["x", null], key),
    [{ ...key, id: "x" }, "/id"],
  ],
});

const page: Table = {
  at: [{}, ...fields("limit", ["1", "200", "007"]), ...fields("cursor", ["c".repeat(1024)])],
  over: [
    ...bad("limit", ["0", "201", "", "-1", "1.5", "1e2", " 1", "9999"]),
    ...bad("cursor", ["", "c".repeat(1025)]),
    [{ page: "2" }, "/page"],
  ],
};
check("PageQuery", PageQuery, page);
check("JobListQuery", JobListQuery, {
  at: [
    ...page.at,
    {
      queue: "q",
      state: "failed",
      tag: "t",
      orderingKey: "k",
      createdAfter: "2026-12-01T00:00:00Z",
      createdBefore: "2026-12-01T00:00:00Z",
      consistency: "eventual",
      include: "result,payload,attempts",
    },
  ],
  over: [
    ...page.over,
    ...bad("state", ["done", ""]),
    ...bad("queue", ["", "Q"]),
    ...bad("tag", [""]),
    ...bad("orderingKey", ["", `${k256}k`]),
    ...bad("createdAfter", ["yesterday", ""]),
    ...bad("createdBefore", ["2026"]),
    ...bad("consistency", ["fenced", ""]),
    ...bad("include", ["", "payload,", "payload,secret", "payload, result"]),
  ],
});
check("JobGetQuery", JobGetQuery, {
  at: [{}, { consistency: "session" }],
  over: [...bad("consistency", ["x"]), [{ include: "payload" }, "/include"]],
});

test("a list's query comes out parsed, with defaults", () => {
  expect(JobListQuery.parse({ limit: "7", include: "result" })).toEqual({
    limit: 7,
    consistency: "strong",
    include: { payload: false, result: true, attempts: false },
  });
  expect(PageQuery.parse({})).toEqual({ limit: 50 });
});

test("defaults of pull requests are filled in", () => {
  expect(ClaimBody.parse({})).toEqual({ max: 10, wait: 0 });
  expect(FailBody.parse({ error: { code: "c" } })).toEqual({ error: { code: "c", message: "", retryable: true } });
});
