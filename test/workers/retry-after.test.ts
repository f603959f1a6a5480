import { afterEach, describe, expect, it, vi } from "vitest";
import type { JobListView } from "../../contract/job.ts";
import { getJob, must, newQueue, submit } from "./api.ts";
import { passTime, resetClock, runAlarms } from "./clock.ts";
import { work } from "./processor.ts";

/** What a target asks for by `Retry-After` makes no job come back sooner than by itself, nor all of them at once. */

afterEach(resetClock);

const PAST = "Sun, 22 Nov 2020 12:00:00 GMT";
const DELAY = 60;

/** Every request is answered so. Answers how many there were. */
function answering(status: number, retryAfter: string): () => number {
  const sent = vi
    .spyOn(globalThis, "fetch")
    .mockImplementation(async () => new Response(null, { status, headers: { "retry-after": retryAfter } }));
  return () => sent.mock.calls.length;
}

const target = { type: "http", url: "https://target.example/" } as const;

describe("a target that asks for no wait at all", () => {
  it.each([
    [500, "0", 1],
    [500, PAST, 1],
    [429, "0", 0],
    [503, PAST, 0],
  ])("by %i and Retry-After %s is asked again after the job's own backoff", async (status, retryAfter, spent) => {
    const retry = { maxAttempts: 2, backoff: "constant", delay: DELAY, jitter: "none" } as const;
    const queue = await newQueue({ partitions: 1, target, retry });
    const requests = answering(status, retryAfter);
    const before = Date.now();
    const { id } = await submit({ queue });
    await work();
    const { state, attempt, delivery, runAt } = await getJob(id);
    expect({ state, attempt, delivery }).toEqual({ state: "scheduled", attempt: spent, delivery: 1 });
    expect(Date.parse(runAt) - before).toBeGreaterThanOrEqual(DELAY * 1000);
    await work();
    expect(requests()).toBe(1);
    passTime((DELAY + 1) * 1000);
    await runAlarms();
    await work();
    expect([requests(), (await getJob(id)).state]).toEqual([2, spent === 1 ? "failed" : "scheduled"]);
  });
});

it.each([500, 503])(
  "jobs that were told the same by a %i come back over a span, and none sooner than that",
  async (status) => {
    const queue = await newQueue({ partitions: 1, target, retry: { delay: 1, maxDelay: 1, jitter: "half" } });
    answering(status, "100");
    const before = Date.now();
    await must("POST", "/v1/batches", { body: { jobs: Array.from({ length: 30 }, () => ({ queue, payload: 1 })) } });
    const list = () => must<JobListView>("GET", `/v1/jobs?queue=${queue}&limit=200`);
    // How many an invocation asks for depends on the machine: its time is counted.
    for (let left = 30; left > 0 && (await list()).items.some(({ state }) => state === "queued"); left--) await work();
    const { items } = await list();
    const waits = items.map(({ runAt }) => Date.parse(runAt) - before);
    expect(items.filter(({ state }) => state === "scheduled")).toHaveLength(30);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(100_000);
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(3_000);
  },
);
