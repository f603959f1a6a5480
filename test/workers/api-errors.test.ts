import { afterEach, describe, expect, it } from "vitest";
import type { BatchView } from "../../contract/batch.ts";
import { CALL_LIST } from "../../contract/http/calls.ts";
import type { JobListView, JobView } from "../../contract/job.ts";
import * as limits from "../../contract/limits.ts";
import { ProblemView } from "../../contract/problem.ts";
import {
  type Answer,
  type CallOptions,
  call,
  claimOne,
  freshName,
  makeKey,
  must,
  newQueue,
  type Problem,
  submit,
} from "./api.ts";
import { passTime, resetClock } from "./clock.ts";

afterEach(resetClock);

function expectProblem(answer: Answer<unknown>, status: number, code: string): Problem {
  expect([answer.status, (answer.body as Problem)?.code, JSON.stringify(answer.body)]).toEqual([
    status,
    code,
    expect.any(String),
  ]);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  const problem = ProblemView.parse(answer.body);
  expect(problem).toMatchObject({ type: `/problems/${code}`, status });
  expect(answer.headers.get("x-request-id")).toBeTruthy();
  expect(JSON.stringify(problem)).not.toMatch(/\bat .*\.ts|node_modules|Error:/);
  return answer.body as Problem;
}

function post(path: string, body: unknown, options: CallOptions = {}): Promise<Answer<Problem>> {
  return call("POST", path, { ...options, body });
}

/** A JSON string whose text, quotes among it, is `bytes` long. */
const textOf = (bytes: number, character = "x") =>
  character.repeat(Math.floor((bytes - 2) / new TextEncoder().encode(character).length));

describe("limits of a job", () => {
  const DAY_MS = 86_400_000;
  const ahead = (ms: number) => new Date(Date.now() + ms).toISOString();

  it.each<[name: string, edge: Record<string, unknown>, over: Record<string, unknown>, pointer: string]>([
    ["priority above", { priority: 9 }, { priority: 10 }, "/priority"],
    ["priority below", { priority: 0 }, { priority: -1 }, "/priority"],
    ["priority between", { priority: 5 }, { priority: 5.5 }, "/priority"],
    ["delay above", { delay: limits.MAX_DELAY_SECONDS }, { delay: limits.MAX_DELAY_SECONDS + 0.5 }, "/delay"],
    ["delay below", { delay: 0 }, { delay: -0.001 }, "/delay"],
    ["timeout above", { timeout: 86_400 }, { timeout: 86_400.001 }, "/timeout"],
    ["timeout below", { timeout: 0.001 }, { timeout: 0 }, "/timeout"],
    ["tags, how many", { tags: Array(10).fill("t") }, { tags: Array(11).fill("t") }, "/tags"],
    ["a tag's bytes", { tags: ["é".repeat(32)] }, { tags: [`${"é".repeat(32)}x`] }, "/tags/0"],
    ["a tag below", { tags: ["x"] }, { tags: [""] }, "/tags/0"],
    ["ordering key's bytes", { orderingKey: "é".repeat(128) }, { orderingKey: `${"é".repeat(128)}x` }, "/orderingKey"],
    ["ordering key below", { orderingKey: " " }, { orderingKey: "" }, "/orderingKey"],
    [
      "idempotency key's bytes",
      { idempotencyKey: "k".repeat(256) },
      { idempotencyKey: "k".repeat(257) },
      "/idempotencyKey",
    ],
    ["idempotency key below", { idempotencyKey: "0" }, { idempotencyKey: "" }, "/idempotencyKey"],
    ["attempts above", { retry: { maxAttempts: 100 } }, { retry: { maxAttempts: 101 } }, "/retry/maxAttempts"],
    ["attempts below", { retry: { maxAttempts: 1 } }, { retry: { maxAttempts: 0 } }, "/retry/maxAttempts"],
    ["backoff", { retry: { backoff: "linear" } }, { retry: { backoff: "cubic" } }, "/retry/backoff"],
    ["jitter", { retry: { jitter: "none" } }, { retry: { jitter: "some" } }, "/retry/jitter"],
    ["retry delay", { retry: { delay: 0 } }, { retry: { delay: -1 } }, "/retry/delay"],
    ["expiresAt", { expiresAt: "2027-01-01T00:00:00.5+09:00" }, { expiresAt: "2027-01-01T00:00:00" }, "/expiresAt"],
    ["runAt", { runAt: "2026-12-31T23:59:60Z" }, { runAt: "2026-02-30T00:00:00Z" }, "/runAt"],
    ["one of delay and runAt", { delay: 1 }, { delay: 1, runAt: "2026-12-01T00:00:00Z" }, "/runAt"],
    ["the queue's name", { queue: "default" }, { queue: "Default" }, "/queue"],
  ])("%s: taken at the edge, refused one over", async (_, edge, over, pointer) => {
    expect((await post("/v1/jobs", { payload: 1, ...edge })).status).toBe(202);
    const { errors } = expectProblem(await post("/v1/jobs", { payload: 1, ...over }), 400, "invalid-request");
    expect(errors?.map((error) => error.pointer)).toContain(pointer);
  });

  it("runAt: at most a year ahead", async () => {
    const max = limits.MAX_DELAY_SECONDS * 1000;
    expect((await post("/v1/jobs", { payload: 1, runAt: ahead(max - 5000) })).status).toBe(202);
    expectProblem(await post("/v1/jobs", { payload: 1, runAt: ahead(max + DAY_MS) }), 400, "invalid-request");
  });

  it("expiresAt: in the future", async () => {
    expect((await post("/v1/jobs", { payload: 1, expiresAt: ahead(60_000) })).status).toBe(202);
    const { errors } = expectProblem(
      await post("/v1/jobs", { payload: 1, expiresAt: ahead(-1) }),
      400,
      "invalid-request",
    );
    expect(errors?.[0]?.pointer).toBe("/expiresAt");
  });

  it.each([
    ["ASCII", "x"],
    ["two bytes", "é"],
    ["escaped", "\n"],
  ])("payload of 256 KiB, in %s", async (name, character) => {
    const unit = name === "escaped" ? 2 : new TextEncoder().encode(character).length;
    const whole = character.repeat((limits.MAX_PAYLOAD_BYTES - 2) / unit);
    const { id } = await must<JobView>("POST", "/v1/jobs", { body: { payload: whole } });
    expect((await must<JobView>("GET", `/v1/jobs/${id}`)).payload).toBe(whole);
    expectProblem(await post("/v1/jobs", { payload: `${whole}x` }), 413, "payload-too-large");
    const batch = await call<BatchView>("POST", "/v1/batches", {
      body: { jobs: [{ payload: `${whole}x` }, { payload: 1 }] },
    });
    expect(batch).toMatchObject({
      status: 202,
      body: { accepted: 1, items: [{ problem: { status: 413, code: "payload-too-large" } }, {}] },
    });
  });

  it("result of 256 KiB", async () => {
    const queue = await newQueue();
    await submit({ queue });
    const { id, lease } = await claimOne(queue);
    const whole = textOf(limits.MAX_RESULT_BYTES);
    expectProblem(await post(`/v1/leases/${lease}/succeed`, { result: `${whole}x` }), 413, "result-too-large");
    const reports = [{ lease, ok: true, result: `${whole}x` }];
    expectProblem(await post("/v1/reports", { reports }), 413, "result-too-large");
    expect((await must<JobView>("GET", `/v1/jobs/${id}`)).state).toBe("running");
    expect((await post(`/v1/leases/${lease}/succeed`, { result: whole })).status).toBe(200);
    expect((await must<JobView>("GET", `/v1/jobs/${id}`)).result).toBe(whole);
  });

  it("a number that no double holds is refused where a number counts, and text like any other in a payload", async () => {
    expectProblem(await call("POST", "/v1/jobs", { text: '{"payload":1,"delay":1e999}' }), 400, "invalid-request");
    expect((await call("POST", "/v1/jobs", { text: '{"payload":{"a":[-1e999]}}' })).status).toBe(202);
  });
});

describe("limits of requests", () => {
  const padded = (bytes: number) => '{"payload":1}'.padEnd(bytes);

  it("body of 1 MiB", async () => {
    expect((await call("POST", "/v1/jobs", { text: padded(limits.MAX_BODY_BYTES) })).status).toBe(202);
    expectProblem(await call("POST", "/v1/jobs", { text: padded(limits.MAX_BODY_BYTES + 1) }), 413, "body-too-large");
  });

  it("body of 1 MiB without a declared length", async () => {
    const stream = (bytes: number) => {
      const chunk = new TextEncoder().encode(padded(bytes));
      let at = 0;
      return new ReadableStream<Uint8Array>({
        pull(controller) {
          if (at >= chunk.length) controller.close();
          else controller.enqueue(chunk.slice(at, at + 50_000));
          at += 50_000;
        },
      });
    };
    expect((await call("POST", "/v1/jobs", { text: stream(limits.MAX_BODY_BYTES) })).status).toBe(202);
    expectProblem(await call("POST", "/v1/jobs", { text: stream(limits.MAX_BODY_BYTES + 1) }), 413, "body-too-large");
    expectProblem(await call("POST", "/v1/jobs", { text: stream(limits.MAX_BODY_BYTES * 4) }), 413, "body-too-large");
  });

  it("a batch of 1000 jobs", async () => {
    const queue = await newQueue();
    const jobs = (count: number) => Array.from({ length: count }, (_, i) => ({ queue, payload: i }));
    expect(await call("POST", "/v1/batches", { body: { jobs: jobs(1000) } })).toMatchObject({
      status: 202,
      body: { accepted: 1000 },
    });
    for (const count of [0, 1001]) {
      const { errors } = expectProblem(await post("/v1/batches", { jobs: jobs(count) }), 400, "invalid-request");
      expect(errors?.[0]?.pointer).toBe("/jobs");
    }
  });

  it("100 reports", async () => {
    const reports = (count: number) => Array.from({ length: count }, () => ({ lease: "lease_x", ok: true }));
    expect((await post("/v1/reports", { reports: reports(100) })).status).toBe(200);
    expectProblem(await post("/v1/reports", { reports: reports(101) }), 400, "invalid-request");
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ["max above", { max: 100 }, { max: 101 }],
    ["max below", { max: 1 }, { max: 0 }],
    ["max whole", { max: 2 }, { max: 1.5 }],
    ["wait above", { wait: 60 }, { wait: 60.001 }],
    ["wait below", { wait: 0 }, { wait: -1 }],
    ["lease above", { leaseSeconds: 86_400 }, { leaseSeconds: 86_401 }],
    ["lease below", { leaseSeconds: 1 }, { leaseSeconds: 0.999 }],
    [
      "worker above",
      { worker: "w".repeat(limits.MAX_WORKER_BYTES) },
      { worker: "w".repeat(limits.MAX_WORKER_BYTES + 1) },
    ],
    ["worker below", { worker: "w" }, { worker: "" }],
  ])("a claim's %s", async (_, edge, over) => {
    const queue = await newQueue();
    await submit({ queue });
    expectProblem(await post(`/v1/queues/${queue}/claim`, over), 400, "invalid-request");
    expectProblem(await post("/v1/reports", { reports: [], claim: { queue, ...over } }), 400, "invalid-request");
    expect(await post(`/v1/queues/${queue}/claim`, edge)).toMatchObject({ status: 200, body: { jobs: [{ queue }] } });
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    [
      "code above",
      { code: "c".repeat(limits.MAX_ERROR_CODE_BYTES) },
      { code: "c".repeat(limits.MAX_ERROR_CODE_BYTES + 1) },
    ],
    ["code below", { code: "c" }, { code: "" }],
    ["message", { code: "c", message: "é".repeat(2048) }, { code: "c", message: `${"é".repeat(2048)}x` }],
    ["retryable", { code: "c", retryable: false }, { code: "c", retryable: "no" }],
  ])("an error's %s", async (_, edge, over) => {
    const queue = await newQueue();
    await submit({ queue });
    const { lease } = await claimOne(queue);
    expectProblem(await post(`/v1/leases/${lease}/fail`, { error: over }), 400, "invalid-request");
    expect(await post(`/v1/leases/${lease}/fail`, { error: edge })).toMatchObject({
      status: 200,
      body: { error: edge },
    });
  });

  it("a wish for a retry, and the length of an extension", async () => {
    const queue = await newQueue();
    await submit({ queue });
    const { lease } = await claimOne(queue);
    for (const leaseSeconds of [0, 0.9, 86_400.5, "1", null]) {
      expectProblem(await post(`/v1/leases/${lease}/extend`, { leaseSeconds }), 400, "invalid-request");
    }
    expect((await post(`/v1/leases/${lease}/extend`, { leaseSeconds: 86_400 })).status).toBe(200);
    for (const retryAfter of [-1, limits.MAX_RETRY_AFTER_SECONDS + 1]) {
      expectProblem(
        await post(`/v1/leases/${lease}/fail`, { error: { code: "c" }, retryAfter }),
        400,
        "invalid-request",
      );
    }
    const edge = { error: { code: "c" }, retryAfter: limits.MAX_RETRY_AFTER_SECONDS };
    expect((await post(`/v1/leases/${lease}/fail`, edge)).status).toBe(200);
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ["partitions above", { partitions: limits.MAX_PARTITIONS }, { partitions: limits.MAX_PARTITIONS + 1 }],
    ["partitions below", { partitions: 1 }, { partitions: 0 }],
    ["concurrency below", { concurrency: 1 }, { concurrency: 0 }],
    ["concurrency whole", { concurrency: 2 }, { concurrency: 1.5 }],
    ["concurrency above", { concurrency: limits.MAX_CONCURRENCY }, { concurrency: limits.MAX_CONCURRENCY + 1 }],
    ["timeout above", { timeout: 86_400 }, { timeout: 86_401 }],
    ["timeout below", { timeout: 0.01 }, { timeout: 0 }],
    ["window above", { idempotencyWindow: 2_592_000 }, { idempotencyWindow: 2_592_001 }],
    ["window below", { idempotencyWindow: 1 }, { idempotencyWindow: 0.9 }],
    ["retention below", { retention: 1 }, { retention: 0 }],
    ["lane", { lane: "bulk" }, { lane: "fast" }],
    ["consistency", { consistency: "strong" }, { consistency: "weak" }],
    ["attempts", { retry: { maxAttempts: 100 } }, { retry: { maxAttempts: 101 } }],
    ["paused", { paused: true }, { paused: 1 }],
    ["target", { target: { type: "pull" } }, { target: { type: "push" } }],
    [
      "a target's URL",
      { target: { type: "http", url: "https://a.example/" } },
      { target: { type: "http", url: "ftp://a.example/" } },
    ],
  ])("a queue's %s", async (_, edge, over) => {
    const name = freshName("limit");
    expectProblem(await call("PUT", `/v1/queues/${name}`, { body: over }), 400, "invalid-request");
    expect(await call("PUT", `/v1/queues/${name}`, { body: edge })).toMatchObject({ status: 201, body: edge });
  });

  it("a queue's target's headers, which are shown without their values", async () => {
    const target = (headers: object) => ({ type: "http", url: "https://a.example/", headers });
    const path = `/v1/queues/${freshName("limit")}`;
    expectProblem(await call("PUT", path, { body: { target: target({ "Webhook-Id": "b" }) } }), 400, "invalid-request");
    const shown = { status: 201, body: { target: target({ "x-a": "***" }) } };
    expect(await call("PUT", path, { body: { target: target({ "x-a": "b" }) } })).toMatchObject(shown);
  });

  it("names of queues and namespaces", async () => {
    for (const name of ["a", "0", "a".repeat(63), "a._-9"]) {
      expect([200, 201]).toContain((await call("PUT", `/v1/queues/${name}`, { body: {} })).status);
      expect([200, 201]).toContain((await call("PUT", `/v1/namespaces/${name}`, { body: {} })).status);
    }
    for (const name of ["A", "-a", ".a", "_a", "a".repeat(64), "a%20b", "%C3%A9", "a%00", "a%2Fb"]) {
      expectProblem(await call("PUT", `/v1/queues/${name}`, { body: {} }), 400, "invalid-request");
      expectProblem(await call("PUT", `/v1/namespaces/${name}`, { body: {} }), 400, "invalid-request");
      expectProblem(await call("GET", `/v1/queues/${name}`), 404, "queue-not-found");
      expectProblem(await post(`/v1/queues/${name}/claim`, {}), 404, "queue-not-found");
    }
  });

  it("pages", async () => {
    for (const path of ["/v1/jobs", "/v1/queues", "/v1/keys"]) {
      for (const limit of ["1", "200"]) expect((await call("GET", `${path}?limit=${limit}`)).status).toBe(200);
      for (const limit of ["0", "201", "-1", "1.5", "x", "", "1e1", "٣"]) {
        expectProblem(await call("GET", `${path}?limit=${encodeURIComponent(limit)}`), 400, "invalid-request");
      }
    }
  });
});

describe("requests that are wrong in themselves", () => {
  const WITH_BODY = CALL_LIST.filter(({ body, path }) => body !== undefined && path.startsWith("/v1/"));
  const pathOf = (path: string) =>
    path
      .replace("{queue}", "default")
      .replace("{lease}", "lease_x")
      .replace("{id}", "x")
      .replace("{name}", "made")
      .replace("{schedule}", "made")
      .replace("{subscription}", "made")
      .replace("{service}", "made");

  it.each(WITH_BODY)("$method $path: an unknown field is refused and named", async ({ method, path }) => {
    for (const text of ['{"noSuchField":1}', '{"__proto__":1}', '{"constructor":{}}']) {
      const { errors } = expectProblem(
        await call(method.toUpperCase(), pathOf(path), { text }),
        400,
        "invalid-request",
      );
      expect(errors?.map(({ pointer }) => pointer)).toContain(`/${Object.keys(JSON.parse(text) as object)[0]}`);
    }
  });

  it.each(WITH_BODY)("$method $path: what is not a JSON object in UTF-8 is 400", async ({ method, path }) => {
    const texts: BodyInit[] = ["{", "[1,]", "NaN", "'x'", "{}{}", "[]", "null", "7", '"x"', "[".repeat(20_000)];
    texts.push(
      `${'{"a":'.repeat(600)}1${"}".repeat(600)}`,
      new Uint8Array([0x22, 0xff, 0xfe, 0x22]),
      new Uint8Array([0]),
    );
    for (const text of texts) {
      expectProblem(await call(method.toUpperCase(), pathOf(path), { text }), 400, "invalid-request");
    }
  });

  it.each(WITH_BODY)("$method $path: a body of another type is 415", async ({ method, path }) => {
    for (const type of [
      "text/plain",
      "application/x-www-form-urlencoded",
      "application/jsonp",
      "multipart/form-data",
      "",
    ]) {
      const headers = { "content-type": type };
      expectProblem(
        await call(method.toUpperCase(), pathOf(path), { text: "{}", headers }),
        415,
        "unsupported-media-type",
      );
    }
  });

  it.each(["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.dure+json"])(
    "takes %s as JSON",
    async (type) => {
      expect((await post("/v1/jobs", { payload: 1 }, { headers: { "content-type": type } })).status).toBe(202);
    },
  );

  it("payload is required, also when it is only null", async () => {
    const { errors } = expectProblem(await post("/v1/jobs", {}), 400, "invalid-request");
    expect(errors?.map(({ pointer }) => pointer)).toEqual(["/payload"]);
    expect((await post("/v1/jobs", { payload: null })).status).toBe(202);
  });

  it("an optional field may be left out, not null", async () => {
    for (const field of [
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
    ]) {
      const { errors } = expectProblem(await post("/v1/jobs", { payload: 1, [field]: null }), 400, "invalid-request");
      expect(errors?.[0]?.pointer).toBe(`/${field}`);
    }
  });

  it.each(["\u0000", "a\u0000b", "\ud800", "\udc00x"])(
    "a key of %j is refused, in a body and in a header",
    async (key) => {
      expectProblem(await post("/v1/jobs", { payload: 1, orderingKey: key }), 400, "invalid-request");
      expectProblem(await post("/v1/jobs", { payload: 1, idempotencyKey: key }), 400, "invalid-request");
      expectProblem(await post("/v1/jobs", { payload: 1, tags: [key] }), 400, "invalid-request");
    },
  );

  it("a lone surrogate in a payload comes back as it was sent, or is refused", async () => {
    const answer = await call<JobView>("POST", "/v1/jobs", { text: '{"payload":"\\ud800"}' });
    if (answer.status === 400) return;
    expect(answer.status).toBe(202);
    expect((await must<JobView>("GET", `/v1/jobs/${answer.body.id}`)).payload).toBe("\ud800");
  });

  it("an Idempotency-Key header keeps the rules of the field", async () => {
    const header = (key: string) => post("/v1/jobs", { payload: 1 }, { headers: { "idempotency-key": key } });
    expect((await header("h".repeat(256))).status).toBe(202);
    expectProblem(await header("h".repeat(257)), 400, "invalid-request");
    expectProblem(await header(""), 400, "invalid-request");
  });

  it.each<[name: string, method: string, path: string, options: CallOptions, status: number]>([
    [
      "Idempotency-Key",
      "POST",
      "/v1/jobs",
      { body: { payload: 1 }, headers: { "idempotency-key": "h".repeat(257) } },
      400,
    ],
    ["If-Match", "PUT", "/v1/queues/default", { body: {}, headers: { "if-match": "3" } }, 400],
    ["Dure-Bookmark", "GET", "/v1/jobs", { headers: { "dure-bookmark": "x" } }, 400],
    ["Dure-Namespace", "GET", "/v1/jobs", { headers: { "dure-namespace": "No Name" } }, 404],
    ["Content-Type", "POST", "/v1/jobs", { body: { payload: 1 }, headers: { "content-type": "text/plain" } }, 415],
  ])("names the header %s where that is at fault", async (name, method, path, options, status) => {
    const answer = await call<Problem>(method, path, options);
    expect(answer.status).toBe(status);
    const { detail, errors } = ProblemView.parse(answer.body);
    expect(detail).toContain(name);
    expect(errors).toEqual([
      { pointer: `/${name.toLowerCase()}`, header: name, detail: expect.stringContaining(name) },
    ]);
  });

  it("names the header that only the root key may send", async () => {
    const { key } = await makeKey(["read"]);
    const answer = await call<Problem>("GET", "/v1/jobs", { key, headers: { "dure-namespace": "default" } });
    expect(expectProblem(answer, 403, "forbidden").errors?.map(({ header }) => header)).toEqual(["Dure-Namespace"]);
  });

  it("names every fault with a JSON Pointer", async () => {
    const body = { payload: 1, priority: "high", tags: ["ok", 7], retry: { "a/b~c": 1 } };
    const { errors } = expectProblem(await post("/v1/jobs", body), 400, "invalid-request");
    expect(errors?.map(({ pointer }) => pointer).sort()).toEqual(["/priority", "/retry/a~1b~0c", "/tags/1"]);
  });

  it("says little of a request with a million faults", async () => {
    const body = {
      payload: 1,
      tags: Array(5000).fill(7),
      ...Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`f${i}`, i])),
    };
    const answer = await post("/v1/jobs", body);
    expectProblem(answer, 400, "invalid-request");
    expect(JSON.stringify(answer.body).length).toBeLessThan(20_000);
  });
});

describe("queries", () => {
  it.each([
    "colour=red",
    "state=done",
    "state=",
    "queue=Upper",
    "tag=",
    "orderingKey=",
    "createdAfter=yesterday",
    "createdBefore=2026-01-01",
    "include=everything",
    "include=",
    "consistency=linearizable",
    "limit=1&limit=2",
    "cursor=",
    "cursor=x",
    "cursor=x.y",
    "cursor=%00",
  ])("of a list of jobs: %s is 400", async (query) => {
    expectProblem(await call("GET", `/v1/jobs?${query}`), 400, "invalid-request");
  });

  it.each(["consistency=weak", "wait=3", "consistency=strong&consistency=strong"])(
    "of one job: %s is 400",
    async (query) => {
      const { id } = await submit({});
      expectProblem(await call("GET", `/v1/jobs/${id}?${query}`), 400, "invalid-request");
    },
  );
});

describe("things that are not there", () => {
  const MALFORMED = [
    "x",
    "job_",
    "job_x",
    `job_${"0".repeat(26)}`,
    `job_${"z".repeat(26)}`,
    `JOB_${"0".repeat(26)}`,
    "job_%00",
    "..",
    "%2e%2e",
    "job_01h455vb4pex5vsknk084sn02",
  ];

  it("a malformed id is 404, as an unknown one is", async () => {
    const { id } = await submit({});
    // Another job of the same slot, and one of another slot.
    const unknown = [
      `${id.slice(0, -6)}zzzzzz`,
      id.replace(/^(job_.{11})./, (_, head: string) => `${head}${id.charAt(15) === "0" ? "1" : "0"}`),
    ];
    for (const one of [...MALFORMED, ...unknown, `${id}x`, id.toUpperCase(), "x".repeat(500)]) {
      for (const [method, action] of [
        ["GET", ""],
        ["GET", "/explain"],
        ["POST", "/cancel"],
        ["POST", "/retry"],
      ] as const) {
        const answer = await call(method, `/v1/jobs/${one}${action}`);
        expect([one, action, answer.status]).toEqual([one, action, 404]);
        expect(answer.headers.get("content-type")).toBe("application/problem+json");
      }
    }
  });

  it("a lease that is none is 404", async () => {
    for (const lease of ["x", "lease_", `lease_${"0".repeat(26)}_1_${"0".repeat(16)}`, "%00", "x".repeat(600)]) {
      expectProblem(await post(`/v1/leases/${lease}/succeed`, {}), 404, "lease-not-found");
      expectProblem(await post(`/v1/leases/${lease}/fail`, { error: { code: "c" } }), 404, "lease-not-found");
      expectProblem(await post(`/v1/leases/${lease}/extend`, { leaseSeconds: 5 }), 404, "lease-not-found");
    }
  });

  it.each([
    "/",
    "/v1",
    "/v1/",
    "/v1/nothing",
    "/v1/jobs/x/y/z",
    "/v2/jobs",
    "/v1/queues/default/explode",
    "//v1/jobs",
    "/v1/jobs/",
  ])("the path %s is 404, or what it should be", async (path) => {
    const { status, headers } = await call("GET", path);
    expect([path, status]).toEqual([path, path === "/" ? expect.any(Number) : 404]);
    expect(status).toBeLessThan(500);
    expect(headers.get("x-request-id")).toBeTruthy();
  });
});

describe("methods", () => {
  const PATHS = [...new Set(CALL_LIST.map(({ path }) => path))];

  it.each(PATHS)("%s: another method is 405 with Allow", async (path) => {
    const known = CALL_LIST.filter((route) => route.path === path).map(({ method }) => method.toUpperCase());
    const target = path.replace(/\{[a-z]+\}/g, "some-thing");
    for (const method of ["GET", "PUT", "POST", "DELETE", "PATCH"].filter((one) => !known.includes(one))) {
      const answer = await call(method, target);
      expectProblem(answer, 405, "method-not-allowed");
      const allow = (answer.headers.get("allow") ?? "")
        .split(/, */)
        .filter((one) => one !== "HEAD" && one !== "OPTIONS");
      expect(allow.sort()).toEqual([...known].sort());
    }
  });

  it("HEAD is GET without a body", async () => {
    const { id } = await submit({});
    for (const path of [`/v1/jobs/${id}`, "/v1/jobs", "/healthz", "/openapi.json"]) {
      expect(await call("HEAD", path)).toMatchObject({ status: 200, body: undefined });
    }
    expect((await call("HEAD", "/v1/jobs/x")).status).toBe(404);
  });
});

describe("opaque values that were tampered with", () => {
  const flips = (token: string) => {
    const swap = (at: number) => token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
    return [
      swap(0),
      swap(Math.floor(token.length / 2)),
      swap(token.length - 3),
      token.slice(0, -1),
      `${token}A`,
      `${token}=`,
      token.slice(4),
      `.${token}`,
    ];
  };

  it("cursors are 400", async () => {
    for (let i = 0; i < 3; i++) await submit({});
    await newQueue();
    await newQueue();
    for (const [path, other] of [
      ["/v1/jobs", "/v1/queues"],
      ["/v1/queues", "/v1/jobs"],
    ] as const) {
      const { nextCursor } = await must<JobListView>("GET", `${path}?limit=1`);
      const cursor = nextCursor ?? "";
      expect((await call("GET", `${path}?limit=1&cursor=${cursor}`)).status).toBe(200);
      for (const forged of flips(cursor)) {
        expectProblem(
          await call("GET", `${path}?limit=1&cursor=${encodeURIComponent(forged)}`),
          400,
          "invalid-request",
        );
      }
      expectProblem(await call("GET", `${other}?limit=1&cursor=${cursor}`), 400, "invalid-request");
    }
  });

  it("a cursor carried to a list with another filter is 400", async () => {
    await submit({});
    await submit({});
    const { nextCursor } = await must<JobListView>("GET", "/v1/jobs?limit=1");
    expectProblem(await call("GET", `/v1/jobs?limit=1&state=queued&cursor=${nextCursor}`), 400, "invalid-request");
  });

  it("bookmarks are 400, on every read of jobs", async () => {
    const made = await call<JobView>("POST", "/v1/jobs", { body: { payload: 1 } });
    const bookmark = made.headers.get("dure-bookmark") ?? "";
    for (const path of [
      `/v1/jobs/${made.body.id}`,
      `/v1/jobs/${made.body.id}?consistency=session`,
      "/v1/jobs",
      "/v1/jobs?consistency=session",
    ]) {
      expect((await call("GET", path, { headers: { "dure-bookmark": bookmark } })).status).toBe(200);
      for (const forged of [...flips(bookmark), "x", "0"]) {
        expectProblem(await call("GET", path, { headers: { "dure-bookmark": forged } }), 400, "invalid-request");
      }
    }
  });

  it("a cursor is not a bookmark, nor the other way round", async () => {
    await submit({});
    const made = await call("POST", "/v1/jobs", { body: { payload: 1 } });
    const { nextCursor } = await must<JobListView>("GET", "/v1/jobs?limit=1");
    expectProblem(
      await call("GET", "/v1/jobs", { headers: { "dure-bookmark": nextCursor ?? "" } }),
      400,
      "invalid-request",
    );
    const cursor = encodeURIComponent(made.headers.get("dure-bookmark") ?? "");
    expectProblem(await call("GET", `/v1/jobs?cursor=${cursor}`), 400, "invalid-request");
  });

  it("old cursors and bookmarks go on working", async () => {
    for (let i = 0; i < 3; i++) await submit({});
    const first = await call<JobListView>("GET", "/v1/jobs?limit=1");
    passTime(3_600_000);
    const headers = { "dure-bookmark": first.headers.get("dure-bookmark") ?? "" };
    expect((await call("GET", `/v1/jobs?limit=1&cursor=${first.body.nextCursor}`, { headers })).status).toBe(200);
  });
});

it("every answer carries a request id of its own, and continues a trace", async () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const answers = await Promise.all(
    ["/healthz", "/v1/jobs", "/v1/nothing", "/v1/jobs/x"].map((path) =>
      call("GET", path, { headers: { traceparent } }),
    ),
  );
  expect(new Set(answers.map(({ headers }) => headers.get("x-request-id"))).size).toBe(4);
  for (const { headers } of answers) {
    expect(headers.get("traceparent")).toMatch(
      /^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)[0-9a-f]{16}-01$/,
    );
  }
});

it("every answer of the API tells browsers neither to keep it nor to guess its type", async () => {
  const paths = ["/healthz", "/v1/jobs", "/v1/nothing", "/v1/jobs/x", "/v1/webhook-secret"];
  const answers = await Promise.all(paths.map((path) => call("GET", path)));
  for (const { headers } of answers) {
    expect([headers.get("cache-control"), headers.get("x-content-type-options")]).toEqual(["no-store", "nosniff"]);
  }
});

describe("the kinds of problems", () => {
  it("explain themselves where their type leads, without a key", async () => {
    const problem = await call("GET", "/v1/queues/nowhere");
    expect(problem.body.type).toBe("/problems/queue-not-found");
    const answer = await call<Record<string, unknown>>("GET", problem.body.type, { key: null });
    expect(answer).toMatchObject({ status: 200, body: { code: "queue-not-found", status: 404, retry: "changed" } });
    expect(answer.body.happened).toMatch(/^[A-Z].*\.$/);
    expect(answer.body.remedy).toMatch(/^[A-Z].*\.$/);
  });

  it.each(["nothing", "toString", "__proto__"])("there is none called %s", async (code) => {
    expect(await call("GET", `/problems/${code}`, { key: null })).toMatchObject({
      status: 404,
      body: { code: "not-found" },
    });
  });
});
