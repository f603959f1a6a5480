import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { boundedAttempts, MAX_ATTEMPTS_BYTES, MAX_STORED_ATTEMPTS } from "../../../../domain/job/attempts.ts";
import type { Attempt } from "../../../../domain/job/job.ts";

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value), "utf8");
}

function attempt(number: number, message: string, worker: string | null = "host-1"): Attempt {
  const error = { code: "boom", message, retryable: true };
  return { number, startedAt: 1_800_000_000_000, finishedAt: 1_800_000_000_001, outcome: "failed", error, worker };
}

const texts = fc.oneof(
  fc.string({ unit: "binary", maxLength: 2_000 }),
  fc.integer({ min: 0, max: 4_096 }).map((length) => "\u0001".repeat(length)),
  fc.integer({ min: 0, max: 1_300 }).map((length) => "→".repeat(length)),
);
const attempts = fc
  .array(fc.tuple(texts, fc.option(fc.string({ maxLength: 128 }))), { maxLength: 130 })
  .map((all) => all.map(([message, worker], i) => attempt(i + 1, message, worker)));

describe("the attempts kept with a job", () => {
  test("take no more bytes of JSON than they may, keep the newest as it is, and lose the oldest first", () => {
    fc.assert(
      fc.property(attempts, (all) => {
        const kept = boundedAttempts(all);
        expect(kept.length).toBeLessThanOrEqual(MAX_STORED_ATTEMPTS);
        expect(bytesOf(kept)).toBeLessThanOrEqual(MAX_ATTEMPTS_BYTES);
        expect(kept.at(-1)).toEqual(all.at(-1));
        // What is kept is the end of what there was, and once one has lost its details no older one has them.
        const numbers = kept.map(({ number }) => number);
        expect(numbers).toEqual(all.slice(all.length - kept.length).map(({ number }) => number));
        const whole = kept.map((one) => one === all[one.number - 1]);
        expect(whole.lastIndexOf(false)).toBeLessThanOrEqual(
          whole.indexOf(true) === -1 ? kept.length : whole.indexOf(true),
        );
      }),
      { numRuns: 100 },
    );
  });

  test("of a control character six bytes count, and of an arrow three", () => {
    const control = boundedAttempts([attempt(1, "\u0001".repeat(1_000)), attempt(2, "")], 2_000);
    expect(control.map(({ error }) => error?.message.length)).toEqual([0, 0]);
    const arrow = boundedAttempts([attempt(1, "→".repeat(400)), attempt(2, "")], 2_000);
    expect(arrow.map(({ error }) => error?.message.length)).toEqual([400, 0]);
  });

  test("a hundred attempts with messages of 4 KB of control characters keep their numbers and times", () => {
    const all = Array.from({ length: 100 }, (_, i) => attempt(i + 1, "\u0001".repeat(4_096)));
    const kept = boundedAttempts(all);
    expect(kept.length).toBe(100);
    expect(kept.filter(({ error }) => error?.message !== "").map(({ number }) => number)).toEqual([100]);
    expect(bytesOf(kept)).toBeLessThan(MAX_ATTEMPTS_BYTES);
  });
});
