import { describe, expect, test } from "vitest";
import { full, idempotency, invalid } from "../../../../../../contract/problems.ts";
import {
  ackOrRetry,
  mayPass,
  reasonText,
  retryDelaySeconds,
  verdictOver,
} from "../../../../../../workers/gateway/doors/ingest/verdict.ts";

const DAY_SECONDS = 86_400;

describe("the delays between deliveries", () => {
  const delays = Array.from({ length: 100 }, (_, i) => retryDelaySeconds(i + 1, 0.5));

  test("grow from seconds to an hour", () => {
    expect(delays.slice(0, 12)).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]);
    expect([retryDelaySeconds(1, 0), retryDelaySeconds(1, 0.999)]).toEqual([5, 5]);
    expect([retryDelaySeconds(20, 0), retryDelaySeconds(20, 0.999)]).toEqual([3240, 3959]);
  });

  test("fill the four days that a Queue keeps a message, and not more", () => {
    const total = (random: number) => delays.reduce((sum, _, i) => sum + retryDelaySeconds(i + 1, random), 0);
    expect(total(0.5) / DAY_SECONDS).toBeCloseTo(3.8, 1);
    expect(total(0) / DAY_SECONDS).toBeGreaterThan(3.3);
  });
});

describe("a verdict", () => {
  test.each([
    ["unavailable", true],
    ["shard-full", true],
    ["backlog-full", true],
    ["rate-limited", true],
    ["internal", true],
    ["idempotency-undecided", true],
    ["queue-not-found", false],
    ["idempotency-mismatch", false],
    ["duplicate", false],
    ["payload-too-large", false],
    ["a code of tomorrow", true],
  ])("over %s: may it pass? %s", (code, passes) => {
    expect(mayPass({ code })).toBe(passes);
  });

  test("over a message that has no text is carried out, too", async () => {
    const deep: unknown = JSON.parse("[".repeat(1_000_000) + "]".repeat(1_000_000));
    const kept: unknown[] = [];
    const statement = { bind: (...values: unknown[]) => ({ run: async () => void kept.push(values.at(-1)) }) };
    const database = { prepare: () => statement } as unknown as D1Database;
    const done: string[] = [];
    const message = { attempts: 1, ack: () => done.push("ack"), retry: () => done.push("retry") };
    const verdict = verdictOver(invalid.request("no"), { id: "m", body: deep });
    const where = { database, queue: "dure-ingest", now: 0, random: 0 };
    await ackOrRetry(message as unknown as Message, verdict, where);
    expect(done).toEqual(["ack"]);
    expect(JSON.stringify(kept)).toContain("[object Array]");
  });

  test("over what nobody expected is that the message comes again", () => {
    expect(verdictOver(new Error("bug"), { id: "m", body: 1 })).toMatchObject({
      letters: [],
      retry: { reason: expect.stringMatching(/^Error: #[0-9a-f]{8}$/) },
    });
  });

  test("over a problem says how long to wait", () => {
    expect(verdictOver(full.queue("q", 30), { id: "m", body: 1 })).toEqual({
      letters: [],
      retry: { reason: "backlog-full", afterMs: 30_000 },
    });
  });

  test.each([
    ["that is decided in a moment comes again", idempotency.keyUndecided(), true],
    [
      "whose queue was divided anew meanwhile never does, though its code is the same",
      idempotency.partitioningChanged("q"),
      false,
    ],
  ])("over a batch %s", (_, problem, again) => {
    const { letters, retry } = verdictOver(problem, { id: "m", body: 1 });
    expect([problem.code, retry !== null, letters.length]).toEqual(["idempotency-undecided", again, again ? 0 : 1]);
  });

  test("has a reason of bounded length", () => {
    const errors = Array.from({ length: 1000 }, (_, i) => ({ pointer: `/jobs/${i}`, detail: "bad" }));
    expect(reasonText({ code: "c", detail: "d", errors })).toMatch(/^c: d; \/jobs\/0 bad; /);
    expect(reasonText({ code: "c", detail: "d", errors }).length).toBe(2000);
  });
});
