import { exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { Dure, type DureError, type Job, type SubmitRequest } from "../../client/src/index.ts";
import { call, newQueue, ROOT } from "./api.ts";

/** A client of the gateway, and the paths that it has asked. */
function client(joinSubmits: boolean) {
  const paths: string[] = [];
  const dure = new Dure({
    url: "https://dure.test",
    key: ROOT,
    joinSubmits,
    retries: 0,
    fetch: (url, init) => {
      paths.push(new URL(url).pathname);
      return exports.default.fetch(new Request(url, init));
    },
  });
  return { dure, paths };
}

/** What of an answer is the same whoever sent the job, and when. What is not valid is called a job in a batch, and a request by itself. */
function comparable(outcome: PromiseSettledResult<Job>): unknown {
  if (outcome.status === "rejected") {
    const { problem } = outcome.reason as DureError;
    return { ...problem, detail: problem.detail.replace("The job is not valid.", "The request is not valid.") };
  }
  return Object.fromEntries(
    Object.entries(outcome.value).map(([name, value]) => [
      name,
      /^(id|createdAt|runAt|idempotencyKey)$/.test(name) ? typeof value : value,
    ]),
  );
}

describe("submissions that were joined", () => {
  it("are answered as if each had been sent by itself: jobs and problems", async () => {
    const [queue, divided] = [await newQueue(), await newQueue({ partitions: 4 })];
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const jobs = (run: string): SubmitRequest[] => [
      { queue, payload: { n: 1, text: "ÿ" } },
      { queue, payload: null, delay: 60, tags: ["a", "b"], priority: 9 },
      { queue, payload: 2, retry: { maxAttempts: 3 }, timeout: 30, idempotencyKey: `first-${run}` },
      { queue: divided, payload: [1], concurrencyKey: "c", expiresAt },
      { queue, payload: 3, orderingKey: "o", idempotencyKey: `second-${run}` },
      { queue: "no-such-queue", payload: 1 },
      { queue, payload: 1, priority: 99 },
      { queue, payload: 1, priority: 99, delay: -1 },
      { queue, payload: 1, mistake: true } as SubmitRequest,
      { queue: divided, payload: 1, orderingKey: "o", concurrencyKey: "c" },
      { queue, payload: "x".repeat(300_000) },
      { queue, payload: 1, expiresAt: "2001-01-01T00:00:00Z" },
      { queue, payload: 1, timeout: 1e9 },
      [] as unknown as SubmitRequest,
      7 as unknown as SubmitRequest,
    ];
    const outcomes = async (joined: boolean) => {
      const { dure, paths } = client(joined);
      const all = await Promise.allSettled(jobs(joined ? "joined" : "alone").map((job) => dure.submit(job)));
      return { paths, told: all.map(comparable) };
    };
    const joined = await outcomes(true);
    const alone = await outcomes(false);
    expect(joined.paths).toEqual(["/v1/batches", "/v1/batches"]);
    expect(alone.paths).toHaveLength(jobs("").length);
    expect(joined.told).toEqual(alone.told);
  });

  it("under one key are one job, in one tick and in the next", async () => {
    const queue = await newQueue();
    const { dure, paths } = client(true);
    const job = { queue, payload: 1, idempotencyKey: "one" };
    const [a, b] = await Promise.all([dure.submit(job), dure.submit(job)]);
    const [c, d] = await Promise.all([dure.submit(job), dure.submit({ ...job, idempotencyKey: "other" })]);
    expect([b.id, c.id]).toEqual([a.id, a.id]);
    expect(d.id).not.toBe(a.id);
    expect(c).toEqual(await dure.get(a.id));
    expect(paths.filter((path) => path === "/v1/batches")).toHaveLength(2);
  });
});

describe("a batch with include=job", () => {
  it("has each new job as a read has it, and no earlier one", async () => {
    const queue = await newQueue();
    const body = {
      jobs: [
        { queue, payload: { a: 1 } },
        { queue, payload: 2, idempotencyKey: "k" },
      ],
    };
    const { body: first } = await call<Whole>("POST", "/v1/batches?include=job", { body });
    for (const item of first.items) expect((await call<Job>("GET", `/v1/jobs/${item.id}`)).body).toEqual(item.job);
    const { body: again } = await call<Whole>("POST", "/v1/batches?include=job", { body });
    expect(again.items.map((item) => [item.replayed, item.job !== undefined])).toEqual([
      [false, true],
      [true, false],
    ]);
  });

  it("has ids and states alone without it, and under an Idempotency-Key", async () => {
    const body = { jobs: [{ queue: await newQueue(), payload: 1 }] };
    for (const headers of [undefined, { "idempotency-key": crypto.randomUUID() }]) {
      const path = headers === undefined ? "/v1/batches" : "/v1/batches?include=job";
      const { body: batch } = await call<Whole>("POST", path, headers === undefined ? { body } : { body, headers });
      expect(Object.keys(batch.items[0] ?? {}).toSorted()).toEqual(["id", "replayed", "state"]);
    }
  });

  it("is refused with another word", async () => {
    const { status } = await call("POST", "/v1/batches?include=jobs", { body: { jobs: [{ payload: 1 }] } });
    expect(status).toBe(400);
  });
});

interface Whole {
  items: { id: string; replayed: boolean; job?: Job }[];
}
