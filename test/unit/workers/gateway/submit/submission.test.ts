import { describe, expect, test } from "vitest";
import { submission as read } from "../../../../../workers/gateway/submit/submission.ts";
import { NOW, readJob, submission } from "../../../../rigs/gateway-parts.ts";

describe("checking a submission", () => {
  test.each<[string, Parameters<typeof submission>[0], string]>([
    ["expired already", { payload: 1, expiresAt: "2026-11-21T23:59:59Z" }, "invalid-request"],
    ["due in more than a year", { payload: 1, runAt: "2028-01-01T00:00:00Z" }, "invalid-request"],
    ["payload too large", { payload: "x".repeat(256 * 1024) }, "payload-too-large"],
  ])("%s is refused", async (_, body, code) => {
    expect(await read(readJob(body), NOW)).toMatchObject({ code });
  });

  test("the hash of a keyed job is of its meaning, not its spelling", async () => {
    const one = await submission({ payload: { a: 1, b: 2 }, idempotencyKey: "k" }, NOW);
    const same = await submission({ queue: "default", idempotencyKey: "k", payload: { b: 2, a: 1 } }, NOW);
    const other = await submission({ payload: { a: 1, b: 3 }, idempotencyKey: "k" }, NOW);
    expect(same.idempotency).toEqual(one.idempotency);
    expect(other.idempotency?.hash).not.toBe(one.idempotency?.hash);
  });

  test("durations become milliseconds", async () => {
    const { fields } = await submission({ payload: null, delay: 1.5, timeout: 2, retry: { delay: 0.1 } }, NOW);
    expect(fields).toMatchObject({ payload: "null", delayMs: 1500, timeoutMs: 2000, retry: { delayMs: 100 } });
  });
});
