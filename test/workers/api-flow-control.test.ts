import { afterEach, describe, expect, it } from "vitest";
import type { ExplainView } from "../../contract/job.ts";
import type { ClaimedJobView } from "../../contract/pull.ts";
import type { QueueInput, QueueView } from "../../contract/queue.ts";
import { call, claim, claimOne, evict, fail, freshName, must, newQueue, putQueue, submit, succeed } from "./api.ts";
import { passTime, resetClock, runAlarms } from "./clock.ts";

afterEach(resetClock);

/** A long timeout, so that no lease ends while tests move the clock. */
const CALM = { timeout: 86_400 } as const;

const explain = (id: string) => must<ExplainView>("GET", `/v1/jobs/${id}/explain`);

async function submitAll(count: number, body: Record<string, unknown>): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) ids.push((await submit(body)).id);
  return ids;
}

const idsOf = (jobs: ClaimedJobView[]) => jobs.map(({ id }) => id);

describe("the settings of flow control", () => {
  it.each<[string, QueueInput, Partial<QueueView>]>([
    ["rate", { rate: { limit: 5, period: 1.5 } }, { rate: { limit: 5, period: 1.5 }, partitions: 1 }],
    ["perKeyConcurrency", { perKeyConcurrency: 3 }, { perKeyConcurrency: 3, partitions: 16 }],
    ["perKeyRate", { perKeyRate: { limit: 1, period: 60 } }, { perKeyRate: { limit: 1, period: 60 }, partitions: 16 }],
    ["weight", { weight: 7 }, { weight: 7 }],
    ["priorityAging", { priorityAging: 90 }, { priorityAging: 90 }],
    ["priorityAging null", { priorityAging: null }, { priorityAging: null }],
    ["rate over partitions", { rate: { limit: 8, period: 1 }, partitions: 8 }, { partitions: 8 }],
  ])("%s is taken, kept, and given back", async (_name, input, expected) => {
    const name = freshName();
    expect(await putQueue(name, input)).toMatchObject(expected);
    await evict();
    expect(await must<QueueView>("GET", `/v1/queues/${name}`)).toMatchObject(expected);
  });

  it("what is left out gets its default again, but for the partitions", async () => {
    const name = await newQueue({
      rate: { limit: 5, period: 1 },
      perKeyConcurrency: 1,
      weight: 3,
      priorityAging: null,
    });
    expect(await putQueue(name, {})).toMatchObject({
      rate: null,
      perKeyConcurrency: null,
      perKeyRate: null,
      weight: 1,
      priorityAging: 3600,
      partitions: 1,
    });
  });

  it.each([
    [{ rate: 5 }, "/rate"],
    [{ rate: { limit: 0, period: 1 } }, "/rate/limit"],
    [{ rate: { limit: 1, period: 0 } }, "/rate/period"],
    [{ rate: { limit: 1, period: 86_401 } }, "/rate/period"],
    [{ rate: { limit: 1, period: 1, burst: 2 } }, "/rate/burst"],
    [{ perKeyConcurrency: 1001 }, "/perKeyConcurrency"],
    [{ perKeyRate: { limit: 1 } }, "/perKeyRate/period"],
    [{ weight: 0 }, "/weight"],
    [{ priorityAging: 0 }, "/priorityAging"],
  ])("%j is refused with 400 at %s", async (body, pointer) => {
    const answer = await call("PUT", `/v1/queues/${freshName()}`, { body });
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid-request", errors: [{ pointer }] } });
  });

  it.each([
    [{ rate: { limit: 3, period: 1 }, partitions: 4 }, "/rate/limit"],
    [{ concurrency: 3, partitions: 4 }, "/concurrency"],
  ])("%j is refused with 422: a limit is divided over the partitions", async (body, pointer) => {
    const answer = await call("PUT", `/v1/queues/${freshName()}`, { body });
    expect(answer).toMatchObject({ status: 422, body: { code: "limit-below-partitions", errors: [{ pointer }] } });
  });

  it("an ordering key and a concurrency key need a queue of one partition", async () => {
    const keys = { orderingKey: "o", concurrencyKey: "c", payload: null };
    for (const settings of [{ perKeyConcurrency: 1 }, {}]) {
      const queue = await newQueue({ ...settings, partitions: 2 });
      const answer = await call("POST", "/v1/jobs", { body: { ...keys, queue } });
      expect(answer).toMatchObject({
        status: 422,
        body: { code: "keys-need-one-partition", errors: [{ pointer: "/concurrencyKey" }] },
      });
    }
    const one = await newQueue({ perKeyConcurrency: 1, partitions: 1 });
    expect(await submit({ ...keys, queue: one })).toMatchObject({ orderingKey: "o", concurrencyKey: "c" });
  });
});

describe("a rate", () => {
  it("holds over claims, restarts of the shard, and retries", async () => {
    const queue = await newQueue({ ...CALM, rate: { limit: 3, period: 60 }, retry: { delay: 0, jitter: "none" } });
    await submitAll(6, { queue });
    await fail((await claimOne(queue)).lease);
    expect(await claim(queue)).toHaveLength(2);
    await evict();
    expect(await claim(queue)).toEqual([]);
    passTime(60_000 - 5_000);
    expect(await claim(queue)).toEqual([]);
    passTime(6_000);
    expect(await claim(queue)).toHaveLength(3);
    expect(await claim(queue)).toEqual([]);
  });

  it("wakes a worker that waits as soon as the window has passed", async () => {
    const queue = await newQueue({ rate: { limit: 1, period: 1.5 } });
    await submitAll(2, { queue });
    const jobs = [await claimOne(queue), ...(await claim(queue, { max: 1, wait: 20 }))];
    const [first = 0, second = 0] = jobs.map(({ startedAt }) => Date.parse(startedAt ?? ""));
    expect(jobs).toHaveLength(2);
    expect(second - first).toBeGreaterThanOrEqual(1_500);
    // Not at the end of its wait.
    expect(second - first).toBeLessThan(10_000);
  });

  it("is explained with its numbers and the time of the next start", async () => {
    const queue = await newQueue({ ...CALM, rate: { limit: 2, period: 100 } });
    const ids = await submitAll(5, { queue });
    await claim(queue, { max: 2 });
    const claimedAt = Date.now();
    await evict();
    const next = await explain(ids[2] ?? "");
    expect(next).toMatchObject({ state: "queued", reason: "rate", ahead: 0 });
    expect(next.detail).toContain("2 jobs in 100 s");
    const opensIn = Date.parse(next.estimatedStartAt ?? "") - claimedAt;
    expect(opensIn).toBeGreaterThan(95_000);
    expect(opensIn).toBeLessThanOrEqual(100_001);
    const last = await explain(ids[4] ?? "");
    expect(last).toMatchObject({ reason: "rate", ahead: 2 });
    expect(Date.parse(last.estimatedStartAt ?? "") - claimedAt).toBeGreaterThan(195_000);
    passTime(Date.parse(next.estimatedStartAt ?? "") - Date.now());
    expect(idsOf(await claim(queue, { max: 1 }))).toEqual([ids[2]]);
  });

  it.each<[string, QueueInput, Record<string, unknown>]>([
    ["a rate", { rate: { limit: 4, period: 30 } }, {}],
    ["a rate of each key", { perKeyRate: { limit: 4, period: 30 } }, { concurrencyKey: "k" }],
  ])("that counts starts keeps the number of partitions until they are over: %s", async (_name, limit, job) => {
    const queue = await newQueue({ ...CALM, ...limit, partitions: 1 });
    await submit({ queue, payload: 1, ...job });
    await succeed((await claimOne(queue)).lease);
    const more = { ...CALM, ...limit, partitions: 4 };
    const refused = await call("PUT", `/v1/queues/${queue}`, { body: more });
    expect(refused).toMatchObject({ status: 409, body: { code: "queue-has-starts" } });
    passTime(31_000);
    await runAlarms();
    expect(await putQueue(queue, more)).toMatchObject({ partitions: 4 });
  });

  it("that is raised acts at once", async () => {
    const queue = await newQueue({ rate: { limit: 1, period: 3600 } });
    await submitAll(3, { queue });
    expect(await claim(queue)).toHaveLength(1);
    const waiting = claim(queue, { wait: 10 });
    await putQueue(queue, { rate: { limit: 3, period: 3600 } });
    expect((await waiting).length).toBeGreaterThan(0);
  });
});

describe("a limit of each concurrency key", () => {
  it("is held for each key by itself, over all partitions and a restart", async () => {
    const queue = await newQueue({ ...CALM, perKeyConcurrency: 2 });
    for (const concurrencyKey of ["a", "b", "c"]) await submitAll(4, { queue, concurrencyKey });
    const existing = await claim(queue, { max: 100 });
    const keys = existing.map((job) => job.concurrencyKey).sort();
    expect(keys).toEqual(["a", "a", "b", "b", "c", "c"]);
    await evict();
    expect(await claim(queue)).toEqual([]);
    const [first] = existing;
    await succeed(first?.lease ?? "");
    const next = await claim(queue);
    expect(next.map((job) => job.concurrencyKey)).toEqual([first?.concurrencyKey]);
  });

  it("is explained with its numbers", async () => {
    const queue = await newQueue({ perKeyConcurrency: 1, partitions: 1 });
    const [, second, third] = await submitAll(3, { queue, concurrencyKey: "tenant-7" });
    await claimOne(queue);
    await evict();
    expect(await explain(second ?? "")).toMatchObject({
      reason: "concurrency",
      detail: "Its concurrency key runs 1/1 jobs.",
      ahead: 0,
    });
    expect(await explain(third ?? "")).toMatchObject({ reason: "concurrency", ahead: 1 });
  });

  it("lets the best go first, also when it comes later, and a full key holds up nobody else", async () => {
    const queue = await newQueue({ ...CALM, perKeyConcurrency: 1, partitions: 1 });
    await submitAll(1, { queue, concurrencyKey: "k" });
    const running = await claimOne(queue);
    await submitAll(20, { queue, concurrencyKey: "k", priority: 9 });
    const [other] = await submitAll(1, { queue, concurrencyKey: "other", priority: 0 });
    expect(idsOf(await claim(queue))).toEqual([other]);
    await submitAll(1, { queue, concurrencyKey: "k", priority: 0 });
    await succeed(running.lease);
    expect((await claimOne(queue)).priority).toBe(9);
  });

  it("may be a rate, which opens again by itself", async () => {
    const queue = await newQueue({ ...CALM, perKeyRate: { limit: 1, period: 30 } });
    const [, second] = await submitAll(2, { queue, concurrencyKey: "k" });
    await succeed((await claimOne(queue)).lease);
    expect(await claim(queue)).toEqual([]);
    const told = await explain(second ?? "");
    expect(told).toMatchObject({ reason: "rate", ahead: 0 });
    passTime(Date.parse(told.estimatedStartAt ?? "") - Date.now());
    await runAlarms();
    expect(idsOf(await claim(queue))).toEqual([second]);
  });

  it("that is lifted lets the backlog go, and one that is set counts those that run", async () => {
    const queue = await newQueue({ ...CALM, perKeyConcurrency: 1, partitions: 1 });
    await submitAll(5, { queue, concurrencyKey: "k" });
    expect(await claim(queue)).toHaveLength(1);
    await putQueue(queue, { ...CALM, partitions: 1 });
    await runAlarms();
    expect(await claim(queue, { max: 2, wait: 5 })).toHaveLength(2);
    await putQueue(queue, { ...CALM, perKeyConcurrency: 3, partitions: 1 });
    expect(await claim(queue)).toEqual([]);
  });
});

describe("explain says with numbers", () => {
  it("how many run of how many may, and the share of a partition", async () => {
    const queue = await newQueue({ ...CALM, concurrency: 2 });
    const ids = await submitAll(3, { queue });
    await claim(queue);
    expect(await explain(ids[2] ?? "")).toMatchObject({
      reason: "concurrency",
      detail: `Queue ${queue} runs 2/2 jobs.`,
    });
    const divided = await newQueue({ ...CALM, concurrency: 4, partitions: 4 });
    const lined = await submitAll(3, { queue: divided, idempotencyKey: undefined, concurrencyKey: "same" });
    await claim(divided);
    expect((await explain(lined[1] ?? "")).detail).toMatch(/^Partition \d of 4 of queue .* runs 1\/1 jobs\.$/);
  });

  it("how many go first", async () => {
    const queue = await newQueue({ partitions: 1, priorityAging: null });
    const [low] = await submitAll(1, { queue, priority: 0 });
    await submitAll(3, { queue, priority: 1 });
    expect(await explain(low ?? "")).toMatchObject({ reason: "priority", ahead: 3 });
  });
});

it("a job that has waited goes before a later one of higher priority, by the aging of its queue", async () => {
  const queue = await newQueue({ ...CALM, partitions: 1, priorityAging: 60 });
  const [old] = await submitAll(1, { queue, priority: 4 });
  passTime(59_000);
  const [inTime] = await submitAll(1, { queue, priority: 5 });
  passTime(63_000);
  const [late] = await submitAll(1, { queue, priority: 5 });
  expect(idsOf(await claim(queue))).toEqual([inTime, old, late]);
});
