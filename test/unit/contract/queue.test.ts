import { describe, expect, test } from "vitest";
import { EmptyBody, QueueBody, QueueSettingsView, queueDefaults } from "../../../contract/queue.ts";
import { bad, checkLimits, fields, year } from "../../rigs/limit-tables.ts";

describe("queueDefaults", () => {
  test("an empty body gives the documented defaults", () => {
    expect(queueDefaults({})).toEqual({
      target: { type: "pull" },
      partitions: 16,
      lane: "default",
      concurrency: null,
      rate: null,
      perKeyConcurrency: null,
      perKeyRate: null,
      weight: 1,
      priorityAging: 3600,
      maxBacklog: null,
      onFailure: "continue",
      retry: { maxAttempts: 12, backoff: "exponential", delay: 10, maxDelay: 3600, jitter: "half" },
      maxDeferral: 86_400,
      timeout: 60,
      retention: 604_800,
      idempotencyWindow: 86_400,
      history: "all",
      keepPayload: true,
      consistency: "strong",
      paused: false,
    });
  });

  test.each([
    [{ concurrency: 5 }, 1],
    [{ concurrency: null }, 16],
    [{ rate: { limit: 5, period: 1 } }, 1],
    [{ maxBacklog: 5 }, 1],
    [{ perKeyConcurrency: 5, perKeyRate: { limit: 5, period: 1 } }, 16],
    [{ concurrency: 50, partitions: 8 }, 8],
    [{ partitions: 3 }, 3],
  ])("%j has %d partitions", (body, partitions) => {
    expect(queueDefaults(body).partitions).toBe(partitions);
  });

  test("a partial retry is laid over the defaults, and zero is kept", () => {
    expect(queueDefaults({ retry: { delay: 0, jitter: "none" } }).retry).toEqual({
      maxAttempts: 12,
      backoff: "exponential",
      delay: 0,
      maxDelay: 3600,
      jitter: "none",
    });
  });

  test("what it makes is an answer", () => {
    expect(
      QueueSettingsView.safeParse(queueDefaults({ target: { type: "http", url: "https://a.b", headers: {} } })).success,
    ).toBe(true);
  });
});

const http = (over: object) => ({ target: { type: "http", url: "https://a.b/c", ...over } });

checkLimits("QueueBody", QueueBody, {
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
    ...bad("target", [{}, { type: "mail" }], {}, "/target/type"),
    [{ target: { type: "service", service: "mailer" } }, "/target/path"],
    [{ target: { type: "service", service: "mailer", path: "send" } }, "/target/path"],
    [{ target: { type: "service", service: "mailer", path: "//evil.test@x#y" } }, "/target/path"],
    [{ target: { type: "service", path: "/" } }, "/target/service"],
    ...bad("target", [null, "pull"], {}, "/target"),
    [{ target: { type: "pull", url: "https://a.b" } }, "/target/url"],
    [{ target: { type: "handler" } }, "/target/name"],
    [{ target: { type: "worker" } }, "/target/binding"],
    [{ target: { type: "worker", binding: "mailer" } }, "/target/binding"],
    [{ target: { type: "queue", binding: "O-UT" } }, "/target/binding"],
    [{ target: { type: "queue", binding: "OUT", headers: {} } }, "/target/headers"],
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

checkLimits("EmptyBody", EmptyBody, { at: [{}], over: [[{ a: 1 }, "/a"]] });
