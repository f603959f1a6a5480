import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";
import { afterEach, describe, expect, test } from "vitest";
import { MAX_RESULT_BYTES } from "../../../../contract/limits.ts";
import { makeJobId } from "../../../../domain/job-id.ts";
import { afterDeferral, afterFailure } from "../../../../domain/retry.ts";
import { byteLength } from "../../../../workers/processor/executors/bytes.ts";
import { type HttpPorts, httpExecutor } from "../../../../workers/processor/executors/http.ts";
import { retryAfterMs } from "../../../../workers/processor/executors/retry-after.ts";
import { testTargets } from "../../../rigs/master-key.ts";
import { httpItem } from "../../../rigs/scripted-shard.ts";
import { ANY_TARGET, listedTargets, PUBLIC_TARGETS } from "../../../rigs/target-rules.ts";

const SECRETS = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_dGhlIHByZXZpb3VzIHNlY3JldCwgMjQ="];
const JOB = makeJobId(1_763_800_000_000, 1234, new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]));

interface SeenRequest {
  method: string;
  headers: Record<string, string>;
  body: string;
}

const DEADLINE = Date.UTC(2026, 10, 22, 18, 0, 1, 250);

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A target on loopback that answers with `respond`, and what it was sent. */
async function target(respond: (response: ServerResponse, request: IncomingMessage) => void) {
  const seen: SeenRequest[] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
      seen.push({ method: request.method ?? "", headers, body: Buffer.concat(chunks).toString() });
      respond(response, request);
    });
  };
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, seen };
}

interface Over {
  ports?: Partial<HttpPorts>;
  headers?: Record<string, string>;
  payload?: string;
  signal?: AbortSignal;
  traceparent?: string;
  checkpoint?: string;
  firstByteTimeout?: number;
  async?: boolean;
}

function send(url: string, over: Over = {}) {
  const execute = httpExecutor({
    fetch: (to, init) => fetch(to, init),
    now: () => Date.now(),
    after: (ms, wake) => {
      const timer = setTimeout(wake, ms);
      return () => clearTimeout(timer);
    },
    spanId: () => "00f067aa0ba902b7",
    openTarget: testTargets(),
    secrets: async () => SECRETS,
    targets: ANY_TARGET,
    ...over.ports,
  });
  const to = {
    type: "http",
    url,
    headers: over.headers ?? {},
    firstByteTimeout: over.firstByteTimeout,
    async: over.async,
  } as const;
  const job = httpItem(1, {
    id: JOB,
    queue: "emails",
    namespace: "acme",
    attempt: 2,
    payload: over.payload ?? '{"to": "a@b"}',
    target: to,
    checkpoint: over.checkpoint ?? null,
    traceparent: over.traceparent ?? null,
  });
  return execute(job, to, { signal: over.signal ?? new AbortController().signal, deadlineAt: DEADLINE });
}

/** Sends to a target that answers like this. */
async function answer(
  status: number,
  headers: Record<string, string>,
  body: string | Uint8Array = "",
  over: Over = {},
) {
  const { url } = await target((response) => response.writeHead(status, headers).end(body));
  return send(url, over);
}

const RETRY = {
  maxAttempts: 12,
  backoff: "exponential",
  delayMs: 10_000,
  maxDelayMs: 3_600_000,
  jitter: "half",
} as const;
const JSON_TYPE = { "content-type": "application/json; charset=utf-8" };

describe("the request", () => {
  test("is a POST of the payload as it was submitted, with the job's headers", async () => {
    const { url, seen } = await target((response) => response.end());
    await send(url);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({
      method: "POST",
      body: '{"to": "a@b"}',
      headers: {
        "content-type": "application/json",
        "dure-job-id": JOB,
        "dure-queue": "emails",
        "dure-attempt": "2",
        "dure-namespace": "acme",
        "dure-deadline": "2026-11-22T18:00:01.250Z",
        "idempotency-key": JOB,
        "webhook-id": JOB,
      },
    });
  });

  test.each(SECRETS)("is signed so that Standard Webhooks verifies it with %s", async (secret) => {
    const { url, seen } = await target((response) => response.end());
    await send(url, { payload: '{"text":"두레 🌾"}' });
    const { body = "", headers = {} } = seen[0] ?? {};
    expect(new Webhook(secret).verify(body, headers)).toEqual({ text: "두레 🌾" });
    expect(() => new Webhook(secret).verify(`${body} `, headers)).toThrow();
    expect(() => new Webhook("whsec_b3RoZXIgc2VjcmV0IG9mIHNvbWVib2R5").verify(body, headers)).toThrow();
  });

  test("carries a trace of the job's own UUID", async () => {
    const { url, seen } = await target((response) => response.end());
    await send(url);
    // 48 bits of milliseconds, version 7, slot 1234 = 0x4d2, variant and chance.
    const time = (1_763_800_000_000).toString(16).padStart(12, "0");
    expect(seen[0]?.headers.traceparent).toBe(`00-${time}74d28102030405060708-00f067aa0ba902b7-01`);
  });

  test("or the trace of its submission, with a span of its own", async () => {
    const { url, seen } = await target((response) => response.end());
    await send(url, { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00" });
    expect(seen[0]?.headers.traceparent).toBe("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-00");
  });

  test("carries the lease, and the checkpoint where it is small enough for a header", async () => {
    const { url, seen } = await target((response) => response.end());
    const largest = JSON.stringify("x".repeat(3070));
    for (const checkpoint of ['{"쪽":7,"?":"~~~"}', largest, JSON.stringify("x".repeat(3071))])
      await send(url, { checkpoint });
    await send(url);
    const [small, most, tooLarge, none] = seen.map(({ headers }) => headers["dure-checkpoint"]);
    expect(small).toMatch(/^[\w-]+$/);
    expect(Buffer.from(small ?? "", "base64url").toString()).toBe('{"쪽":7,"?":"~~~"}');
    expect(most).toHaveLength(4096);
    expect(tooLarge).toBeUndefined();
    expect(none).toBeUndefined();
    expect(seen[0]?.headers["dure-lease"]).toBe("lease-1");
  });

  test("keeps the target's own headers, but not where they would replace Dure's", async () => {
    const { url, seen } = await target((response) => response.end());
    const headers = {
      "X-Team": "blue",
      "Dure-Job-Id": "forged",
      "IDEMPOTENCY-KEY": "forged",
      "Webhook-Signature": "v1,forged",
      "Webhook-Id": "forged",
      traceparent: "forged",
      tracestate: "forged",
      "Content-Type": "text/plain",
    };
    await send(url, { headers });
    expect(seen[0]?.headers["x-team"]).toBe("blue");
    expect(JSON.stringify(seen[0]?.headers)).not.toContain("forged");
    expect(seen[0]?.headers["content-type"]).toBe("application/json");
  });

  test.each([
    "http://127.0.0.1:1/",
    "http://169.254.169.254/latest",
    "http://[::1]/",
    "http://localhost/",
    "http://10.0.0.1/",
  ])("to %s is not sent unless private targets are allowed", async (url) => {
    let sent = 0;
    const fetchNothing = async () => {
      sent++;
      return new Response();
    };
    const ports: Partial<HttpPorts> = { targets: PUBLIC_TARGETS, fetch: fetchNothing };
    expect(await send(url, { ports })).toMatchObject({
      ok: false,
      error: { code: "target-refused", retryable: false },
    });
    expect(sent).toBe(0);
  });

  test("is asked of the lists of hosts at each send", async () => {
    const ports: Partial<HttpPorts> = {
      targets: listedTargets("*.example.com", "dure.example.com"),
      fetch: async () => new Response(null, { status: 204 }),
    };
    expect(await send("https://a.example.com/", { ports })).toMatchObject({ ok: true });
    for (const url of ["https://a.example.org/", "https://dure.example.com/", "https://a.example.com:22/"]) {
      expect(await send(url, { ports })).toMatchObject({
        ok: false,
        error: { code: "target-refused", retryable: false },
      });
    }
  });

  test("leaves out stored headers that have been reserved since", async () => {
    const { url, seen } = await target((response) => response.end());
    const headers = { "X-Forwarded-For": "10.0.0.1", "CF-Worker": "other", Via: "1.1 x", "X-Token": "t" };
    expect(await send(url, { headers })).toMatchObject({ ok: true });
    expect(Object.keys(seen[0]?.headers ?? {})).toContain("x-token");
    for (const name of ["x-forwarded-for", "cf-worker", "via"]) expect(seen[0]?.headers).not.toHaveProperty(name);
  });

  test("is not sent unsigned: without secrets the attempt fails and is tried again", async () => {
    const ports: Partial<HttpPorts> = { secrets: () => Promise.reject(new Error("no database")) };
    const outcome = await send("http://127.0.0.1:1/", { ports });
    expect(outcome).toMatchObject({
      ok: false,
      error: { code: "secret-unavailable", retryable: true },
      retryAfterMs: 5000,
    });
  });

  test("a header that cannot be sent is final", async () => {
    const outcome = await send("http://127.0.0.1:1/", { headers: { "bad name": "x" } });
    expect(outcome).toMatchObject({ ok: false, error: { code: "invalid-headers", retryable: false } });
  });
});

describe("success", () => {
  test.each<[string, Record<string, string>, string | Uint8Array, string | null]>([
    ["JSON is the result as it stands", JSON_TYPE, '{ "id": 7 }', '{ "id": 7 }'],
    ["so is problem JSON and the like", { "content-type": "application/vnd.x+json" }, "[1]", "[1]"],
    ["to the digit", JSON_TYPE, "[1e400, 3889108265204450030, 1.0]", "[1e400, 3889108265204450030, 1.0]"],
    ["space around it is not kept", JSON_TYPE, ' {"a": 1}\r\n', '{"a": 1}'],
    ["what is nearly JSON is text", JSON_TYPE, "[01]", '"[01]"'],
    ["JSON null is no result", JSON_TYPE, "null", null],
    [
      "what is not UTF-8 is no JSON, but a JSON string of its text",
      JSON_TYPE,
      Uint8Array.of(0x22, 0xff, 0xfe, 0x22),
      '"\\"\ufffd\ufffd\\""',
    ],
    ["JSON behind a byte order mark is JSON", JSON_TYPE, "\ufeff[1.0]", "[1.0]"],
    ["text is a JSON string", { "content-type": "text/plain" }, 'ok "yes"\n', '"ok \\"yes\\"\\n"'],
    ["JSON without its content type is text", {}, '{"a":1}', '"{\\"a\\":1}"'],
    ["what only calls itself JSON is text", JSON_TYPE, "{broken", '"{broken"'],
    ["an empty body is no result", JSON_TYPE, "", null],
  ])("%s", async (_, headers, body, result) => {
    expect(await answer(200, headers, body)).toEqual({ ok: true, result, resultTruncated: false });
  });

  test.each([201, 202, 204, 299])("%i succeeds", async (status) => {
    expect(await answer(status, {})).toMatchObject({ ok: true, result: null });
  });

  test("JSON of exactly the limit is whole", async () => {
    const body = `"${"x".repeat(MAX_RESULT_BYTES - 2)}"`;
    expect(await answer(200, JSON_TYPE, body)).toEqual({ ok: true, result: body, resultTruncated: false });
  });

  test.each<[string, Record<string, string>, string]>([
    ["JSON", JSON_TYPE, `["${"x".repeat(MAX_RESULT_BYTES)}"]`],
    ["text", { "content-type": "text/plain" }, "x".repeat(MAX_RESULT_BYTES + 1)],
    ["text of three bytes a character", { "content-type": "text/plain" }, `a${"두".repeat(MAX_RESULT_BYTES / 3 + 10)}`],
    ["text of pairs", { "content-type": "text/plain" }, `abc${"🌾".repeat(MAX_RESULT_BYTES / 4 + 10)}`],
    ["text that escapes make larger", { "content-type": "text/plain" }, "\u0001".repeat(MAX_RESULT_BYTES / 2)],
    ["text of quotes", {}, '"'.repeat(MAX_RESULT_BYTES)],
    ["a body without end", {}, "endless ".repeat(1_000_000)],
  ])("%s over the limit is cut to a JSON string that fits, between characters", async (_, headers, body) => {
    const outcome = await answer(200, headers, body);
    if (!outcome.ok || outcome.result === null) throw new Error("no result");
    expect(outcome.resultTruncated).toBe(true);
    expect(byteLength(outcome.result)).toBeLessThanOrEqual(MAX_RESULT_BYTES);
    expect(byteLength(outcome.result)).toBeGreaterThan(MAX_RESULT_BYTES - 12);
    const text: unknown = JSON.parse(outcome.result);
    expect(body.startsWith(String(text))).toBe(true);
  });
});

describe("the time until an answer begins", () => {
  test("is over: the request is ended, and the attempt has failed and may be tried again", async () => {
    const { promise: closed, resolve: ended } = Promise.withResolvers<void>();
    let pass: () => void = () => undefined;
    const after = (_: number, wake: () => void) => {
      pass = wake;
      return () => undefined;
    };
    const { url } = await target((response) => {
      response.on("close", ended);
      pass();
    });
    expect(await send(url, { firstByteTimeout: 0.05, ports: { after } })).toEqual({
      ok: false,
      error: { code: "first-byte-timeout", message: "no answer began within 0.05 s", retryable: true },
      retryAfterMs: null,
    });
    await closed;
  });

  test("says nothing of how long the rest of it takes", async () => {
    const { url } = await target((response) => {
      response.writeHead(200, JSON_TYPE).write("[1,");
      setTimeout(() => response.end("2]"), 2_500);
    });
    expect(await send(url, { firstByteTimeout: 2 })).toMatchObject({ ok: true, result: "[1,2]" });
  });

  test("is 30 seconds where the target does not say", async () => {
    const waits: number[] = [];
    const after = (ms: number) => {
      waits.push(ms);
      return () => undefined;
    };
    const { url } = await target((response) => response.end());
    await send(url, { ports: { after } });
    expect(waits).toEqual([30_000]);
  });

  test.each(["refused", "answered"])("is not waited for any more once the request was %s", async (how) => {
    let waiting = 0;
    const after = () => {
      waiting += 1;
      return () => {
        waiting = 0;
      };
    };
    const { url } = await target((response) => response.end());
    const fetch = () => Promise.reject(new TypeError("fetch failed"));
    const { ok } = await send(url, { ports: how === "refused" ? { after, fetch } : { after } });
    expect([ok, waiting]).toEqual([how === "answered", 0]);
  });

  test("loses to the attempt's own time", async () => {
    const { url } = await target(() => undefined);
    const outcome = await send(url, { firstByteTimeout: 30, signal: AbortSignal.timeout(50) });
    expect(outcome).toMatchObject({ ok: false, error: { code: "timeout", retryable: true } });
  });
});

describe("failure", () => {
  test.each<[number, Record<string, string>, { code: string; retryable: boolean }, number | null]>([
    [500, {}, { code: "http-500", retryable: true }, null],
    [404, {}, { code: "http-404", retryable: true }, null],
    [410, {}, { code: "http-410", retryable: false }, null],
    [503, { "retry-after": "120" }, { code: "http-503", retryable: true }, 120_000],
    [429, { "retry-after": "0" }, { code: "http-429", retryable: true }, 0],
    [429, { "retry-after": "99999999" }, { code: "http-429", retryable: true }, 86_400_000],
    [503, { "retry-after": "soon" }, { code: "http-503", retryable: true }, null],
    [422, { "dure-retry": "no" }, { code: "http-422", retryable: false }, null],
    [500, { "dure-retry": "No" }, { code: "http-500", retryable: false }, null],
    [500, { "dure-retry": "yes" }, { code: "http-500", retryable: true }, null],
    [304, {}, { code: "http-304", retryable: true }, null],
  ])("%i %j", async (status, headers, error, retryAfter) => {
    expect(await answer(status, headers)).toMatchObject({ ok: false, error, retryAfterMs: retryAfter });
  });

  test.each<[number, Record<string, string>, "deferred" | undefined, number | null]>([
    [429, { "retry-after": "5" }, "deferred", 5_000],
    [503, { "retry-after": "5" }, "deferred", 5_000],
    [503, { "retry-after": "0" }, "deferred", 0],
    [429, { "retry-after": "Sun, 22 Nov 2020 12:00:00 GMT" }, "deferred", 0],
    [429, {}, undefined, null],
    [503, {}, undefined, null],
    [503, { "retry-after": "soon" }, undefined, null],
    [500, { "retry-after": "5" }, undefined, 5_000],
    [502, { "retry-after": "5" }, undefined, 5_000],
    [503, { "retry-after": "5", "dure-retry": "no" }, undefined, 5_000],
  ])("%i %j puts the job back unspent: %s", async (status, headers, putBack, asked) => {
    const outcome = await answer(status, headers);
    if (outcome.ok !== false) throw new Error("it did not fail");
    expect([outcome.putBack, outcome.retryAfterMs]).toEqual([putBack, asked]);
  });

  test.each(["0", "Sun, 22 Nov 2020 12:00:00 GMT"])(
    "with Retry-After %s, the job waits no less than its own backoff",
    async (retryAfter) => {
      for (const status of [429, 500, 503]) {
        const outcome = await answer(status, { "retry-after": retryAfter });
        if (outcome.ok !== false) throw new Error("it did not fail");
        const wait = { policy: RETRY, spent: 3, now: 1_000_000, randomness: 0 };
        const { error, retryAfterMs: asked, putBack: by } = outcome;
        const runAt =
          by === undefined
            ? afterFailure({ error, retryAfterMs: asked, ...wait })
            : {
                retry: true,
                runAt: afterDeferral({ by, askedMs: asked ?? 0, since: null, maxDeferralMs: 1, ...wait }),
              };
        // The third wait is 40 s, and half jitter takes at most half of it.
        expect(runAt).toEqual({ retry: true, runAt: 1_020_000 });
      }
    },
  );

  test("what the target says in its error is not shown", async () => {
    expect(JSON.stringify(await answer(500, {}, "internal secret"))).not.toContain("secret");
  });

  test.each([301, 302, 303, 307, 308])("a redirect (%i) is a failure and is not followed", async (status) => {
    const elsewhere = await target((response) => response.end("followed"));
    const { url, seen } = await target((response) => response.writeHead(status, { location: elsewhere.url }).end());
    expect(await send(url)).toMatchObject({ ok: false, error: { code: `http-${status}`, retryable: true } });
    expect(seen).toHaveLength(1);
    expect(elsewhere.seen).toHaveLength(0);
  });

  test("a target that is not there is a network error", async () => {
    expect(await send("http://127.0.0.1:1/")).toMatchObject({
      ok: false,
      error: { code: "network-error", retryable: true },
    });
  });

  test("a body that breaks off is a network error", async () => {
    const { url } = await target((response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half", () => response.destroy());
    });
    expect(await send(url)).toMatchObject({ ok: false, error: { code: "network-error", retryable: true } });
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ["never answers", () => undefined],
    ["answers, but its body never ends", (response) => response.writeHead(200).write("slowly")],
  ])("a target that %s times out when the signal aborts", async (_, respond) => {
    const { url } = await target(respond);
    expect(await send(url, { signal: AbortSignal.timeout(150) })).toMatchObject({
      ok: false,
      error: { code: "timeout", retryable: true },
    });
  });
});

test.each<[string | null, number | null]>([
  [null, null],
  ["", null],
  ["7", 7000],
  [" 7 ", 7000],
  ["-1", null],
  ["1.5", null],
  ["1e3", null],
  ["Sun, 22 Nov 2026 12:00:30 GMT", 30_000],
  ["Sunday, 22-Nov-26 12:00:30 GMT", 30_000],
  ["Sun, 22 Nov 2026 11:00:00 GMT", 0],
  ["Sun, 22 Nov 2027 12:00:00 GMT", 86_400_000],
  ["tomorrow", null],
])("Retry-After %j means %j ms", (header, expected) => {
  expect(retryAfterMs(header, Date.parse("2026-11-22T12:00:00Z"))).toBe(expected);
});

describe("a target that finishes a job later", () => {
  const LATER = { "dure-async": "true" };

  test.each([{ "dure-async": "true" }, { "dure-async": " TRUE " }])("says so with 202 and %j", async (headers) => {
    expect(await answer(202, headers, "taken", { async: true })).toEqual({ ok: null });
  });

  test("does not hold the connection by a body that does not end", async () => {
    const { url } = await target((response) => {
      response.writeHead(202, LATER);
      response.write("taken, and ");
    });
    const before = Date.now();
    expect(await send(url, { async: true })).toEqual({ ok: null });
    expect(Date.now() - before).toBeLessThan(2_000);
  });

  test.each([
    [200, LATER],
    [201, LATER],
    [202, {}],
    [202, { "dure-async": "false" }],
    [202, { "dure-async": "1" }],
  ])("has finished it with %i and %j", async (status, headers) => {
    const outcome = await answer(status, headers, "done", { async: true });
    expect(outcome).toEqual({ ok: true, result: '"done"', resultTruncated: false });
  });

  test.each([500, 503, 410])("has failed it with %i, whatever the header", async (status) => {
    expect(await answer(status, LATER, "", { async: true })).toMatchObject({ ok: false });
  });

  test.each([undefined, false])(
    "is not believed where its `async` is %s: it is done, with a warning",
    async (async) => {
      expect(await answer(202, LATER, "done", { ...(async === undefined ? {} : { async }) })).toEqual({
        ok: true,
        result: '"done"',
        resultTruncated: false,
        warning: { code: "async-refused", message: expect.stringContaining("no `async`") },
      });
    },
  );
});
