import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { CALL_LIST } from "../../contract/http/calls.ts";
import { ProblemView } from "../../contract/problem.ts";
import { type Answer, type CallOptions, call, makeKey, newQueue, submit } from "./api.ts";
import { histories } from "./lane.ts";

/** Malformed and odd requests by the hundred: whatever is sent, the answer is a plain one, at once, and never a 5xx. */

type Route = (typeof CALL_LIST)[number];

/** How many of each kind: see `test/lane.ts`. */
const RUNS = histories.fuzz;
const TIMEOUT_MS = 60_000 + 200 * RUNS;
/** Waits that would hold the request are taken out of what is sent: this file is about answers, not patience. */
const MAX_MS = 5000;

let key: string;
let job: string;
let queue: string;

beforeAll(async () => {
  key = (await makeKey(["admin"])).key;
  queue = await newQueue();
  job = (await submit({ queue })).id;
});

const nasty = fc.constantFrom(
  "",
  " ",
  "\u0000",
  "\ud800",
  "\uffff",
  "é",
  "💥",
  "__proto__",
  "constructor",
  "toString",
  "' OR 1=1 --",
  "%00",
  "../../etc/passwd",
  "<script>",
  "#{7*7}",
  "1e999",
  "-0",
  "null",
  "true",
  "[]",
  "{}",
  "x".repeat(300),
  "A".repeat(5000),
  "job_",
  "lease_",
  "\r\nx: y",
  "\\",
  '"',
);
const number = fc.oneof(
  fc.constantFrom(0, -0, -1, 0.5, 1e-9, 1e21, 2 ** 31, 2 ** 53, -(2 ** 63), Number.MAX_VALUE, 61, 101, 1001),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
const leaf = fc.oneof(nasty, number, fc.boolean(), fc.constant(null), fc.string({ unit: "binary", maxLength: 20 }));
const json = fc.oneof(
  leaf,
  fc.array(leaf, { maxLength: 4 }),
  fc.dictionary(fc.oneof(nasty, fc.string({ maxLength: 5 })), leaf, { maxKeys: 4 }),
);

const FIELDS = [
  "payload",
  "queue",
  "orderingKey",
  "idempotencyKey",
  "priority",
  "delay",
  "runAt",
  "expiresAt",
  "timeout",
  "retry",
  "tags",
  "jobs",
  "atomic",
  "target",
  "partitions",
  "lane",
  "concurrency",
  "rate",
  "retention",
  "idempotencyWindow",
  "consistency",
  "paused",
  "max",
  "leaseSeconds",
  "worker",
  "reports",
  "claim",
  "lease",
  "ok",
  "result",
  "error",
  "retryAfter",
  "name",
  "scopes",
  "namespace",
  "filter",
  "ratePerSecond",
  "dryRun",
];
/** Bodies that are nearly right: known fields, values that may be anything. */
const nearly = fc.dictionary(fc.constantFrom(...FIELDS), json, { maxKeys: 5 });
const job_ = fc.record(
  { payload: json, queue: fc.constantFrom("default", "never-was"), tags: json, retry: nearly },
  { requiredKeys: ["payload"] },
);
const body = fc.oneof(
  json,
  nearly,
  job_,
  fc.record(
    { jobs: fc.array(fc.oneof(job_, json), { maxLength: 5 }), atomic: fc.boolean() },
    { requiredKeys: ["jobs"] },
  ),
  fc.record({
    reports: fc.array(fc.oneof(nearly, fc.record({ lease: nasty, ok: fc.boolean(), error: json })), { maxLength: 5 }),
  }),
);
const text = fc.oneof(
  body.map((value) => JSON.stringify(value) ?? ""),
  body.chain((value) => {
    const whole = JSON.stringify(value) ?? "";
    return fc.nat(whole.length).map((end) => whole.slice(0, end));
  }),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom(
    "[".repeat(3000),
    `${'{"payload":'.repeat(700)}1`,
    '{"payload":1,"payload":2}',
    "\ufeff{}",
    '{"a":1e99999}',
    "{'a':1}",
  ),
);

const header = fc.oneof(nasty, fc.string({ maxLength: 30 })).map((value) => value.replace(/[^\t\x20-\x7e]/g, "?"));
const HEADERS = [
  "prefer",
  "idempotency-key",
  "if-none-match",
  "dure-bookmark",
  "dure-namespace",
  "traceparent",
  "content-type",
  "accept",
  "range",
  "cookie",
  "x-forwarded-for",
  "cf-connecting-ip",
  "content-encoding",
  "expect",
  "origin",
  "upgrade",
  "if-modified-since",
  "accept-encoding",
];
const headers = fc.dictionary(fc.constantFrom(...HEADERS), header, { maxKeys: 3 });

const QUERY = [
  "limit",
  "cursor",
  "queue",
  "state",
  "tag",
  "orderingKey",
  "createdAfter",
  "createdBefore",
  "include",
  "consistency",
  "x",
  "",
];
const query = fc
  .array(
    fc.tuple(
      fc.constantFrom(...QUERY),
      fc.oneof(nasty, fc.constantFrom("1", "200", "queued", "payload", "strong", "2026-01-01T00:00:00Z")),
    ),
    { maxLength: 3 },
  )
  .map((pairs) => pairs.map(([name, value]) => `${name}=${encodeURIComponent(value.toWellFormed())}`).join("&"));

const segment = fc.oneof(
  nasty.map((value) => encodeURIComponent(value.toWellFormed().slice(0, 600))),
  fc.constantFrom("%", "%zz", "%E0%A4%A", "%ff", ".", "..", "%2e%2e%2f", "a;b", "a:b", "~", "JOB", "QUEUE"),
);

/** The path of a route with something in each of its places. */
function pathOf(route: Route, fill: string): string {
  const known = fill === "JOB" ? job : fill === "QUEUE" ? queue : fill;
  return route.path.replace(/\{[a-z]+\}/g, () => known);
}

/** Real time must not be spent: a wait that the API would honour becomes one that it refuses. */
function withoutWaits(options: CallOptions): CallOptions {
  const prefer = options.headers?.prefer;
  if (prefer !== undefined && /wait/i.test(prefer)) delete options.headers?.prefer;
  return options;
}

function expectPlain(sent: unknown, answer: Answer<unknown>, ms: number): void {
  const said = JSON.stringify([sent, answer.status, answer.body]);
  expect(answer.status, said).toBeLessThan(500);
  expect(ms, said).toBeLessThan(MAX_MS);
  expect(answer.headers.get("x-request-id"), said).toBeTruthy();
  expect(said.slice(JSON.stringify(sent).length), said).not.toMatch(/node_modules|\.ts:\d+|SQLITE|D1_ERROR/);
  if (answer.status < 400) return;
  expect(answer.headers.get("content-type"), said).toBe("application/problem+json");
  expect(ProblemView.parse(answer.body).status, said).toBe(answer.status);
}

async function sendAndCheck(method: string, path: string, options: CallOptions): Promise<void> {
  const start = performance.now();
  const answer = await call<unknown>(method, path, withoutWaits({ key, ...options }));
  if (method === "HEAD" || answer.status === 304) return;
  expectPlain([method, path, options], answer, performance.now() - start);
}

// The waits of `claim` are kept to what is refused or zero: `wait` is no field of the bodies above.
it(
  "requests to every route, with anything as path, query, headers and body",
  async () => {
    const requests = fc.record({ route: fc.constantFrom(...CALL_LIST), fill: segment, query, headers, text });
    await fc.assert(
      fc.asyncProperty(requests, async ({ route, fill, query: search, headers: sent, text: content }) => {
        const path = pathOf(route, fill) + (search === "" ? "" : `?${search}`);
        const options: CallOptions = { headers: { ...sent } };
        if (route.method !== "get") options.text = content;
        await sendAndCheck(route.method.toUpperCase(), path, options);
      }),
      { numRuns: RUNS },
    );
  },
  TIMEOUT_MS,
);

it(
  "bodies that are nearly right",
  async () => {
    const writes = CALL_LIST.filter((route) => route.body !== undefined);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...writes), body, async (route, value) => {
        await sendAndCheck(route.method.toUpperCase(), pathOf(route, route.path.includes("{id}") ? "JOB" : "QUEUE"), {
          body: value,
        });
      }),
      { numRuns: RUNS },
    );
  },
  TIMEOUT_MS,
);

it(
  "any method on any path",
  async () => {
    const paths = fc.oneof(
      fc.constantFrom(...CALL_LIST.map(({ path }) => path)),
      fc.array(segment, { maxLength: 5 }).map((parts) => `/v1/${parts.join("/")}`),
      fc.array(segment, { maxLength: 3 }).map((parts) => `/${parts.join("/")}`),
    );
    const methods = fc.constantFrom("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS");
    await fc.assert(
      fc.asyncProperty(methods, paths, query, async (method, path, search) => {
        await sendAndCheck(method, `${path}?${search}`, {});
      }),
      { numRuns: RUNS },
    );
  },
  TIMEOUT_MS,
);
