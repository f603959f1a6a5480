import { describe, expect, test } from "vitest";
import { isProblem, notFound, type Problem, type Result } from "../../../../contract/problems.ts";
import { implicitDefault, settingsFrom } from "../../../../contract/queue-settings.ts";
import type { NewJob, RunReply, RunRequest, SubmitReply, SubmitRequest } from "../../../../contract/rpc.ts";
import { parseJobId } from "../../../../domain/job-id.ts";
import type { QueueSettings } from "../../../../domain/queue.ts";
import { initialMap, slotOf } from "../../../../domain/slots.ts";
import { jobFromAccepted } from "../../../../workers/gateway/routing/assigned-job.ts";
import { ShardClient, type ShardPorts } from "../../../../workers/gateway/routing/shard-client.ts";
import type { Services } from "../../../../workers/gateway/services.ts";
import { drawRandomness } from "../../../../workers/gateway/submit/randomness.ts";
import { submission as read } from "../../../../workers/gateway/submit/submission.ts";
import { submitAll as submit } from "../../../../workers/gateway/submit/submit.ts";
import { replyOf } from "../../../rigs/replies.ts";

const NOW = Date.UTC(2026, 10, 22);
const accepted = { type: "accepted", state: "queued", createdAt: NOW, runAt: NOW } as const;

/** Services over fake shards: `answer` sees each submission, `queues` is what the cache knows. */
function fake(
  answer: (request: SubmitRequest, shard: string) => SubmitReply,
  queues: QueueSettings[],
  transact: (request: RunRequest) => RunReply = () => ({ type: "unavailable" }),
) {
  const transactions: RunRequest[] = [];
  const transaction = () => ({
    run: async (request: RunRequest) => {
      transactions.push(request);
      return transact(request);
    },
  });
  const requests: { shard: string; request: SubmitRequest }[] = [];
  const known = new Map(queues.map((settings) => [settings.name, settings]));
  const ports = {
    shard: (id: string) => ({
      submit: async (request: SubmitRequest) => {
        requests.push({ shard: id, request });
        return replyOf(answer(request, id));
      },
    }),
    directory: () => ({ map: async () => initialMap(4) }),
    now: () => NOW,
    random: () => 0.5,
    sleep: async () => undefined,
  } as unknown as ShardPorts;
  const settings = {
    get: async (_namespace: string, queue: string) => {
      const found = known.get(queue);
      return found === undefined || found.deleted ? notFound.queue(queue) : found;
    },
    learn: (learned: QueueSettings) => known.set(learned.name, learned),
  };
  const services = { shards: new ShardClient(ports), settings, transaction } as unknown as Services;
  return { services, requests, transactions };
}

function sound<T>(result: Result<T>): T {
  if (isProblem(result)) throw new Error(result.detail);
  return result as T;
}

/** A submission without a fault. */
const submission = async (...of: Parameters<typeof read>) => sound(await read(...of));
/** What becomes of jobs where the request as a whole has no problem. */
const submitAll = async (...of: Parameters<typeof submit>) => sound(await submit(...of));

const options = (atomic = false) => ({
  namespace: "default",
  atomic,
  randomness: drawRandomness(),
  now: NOW,
});
const all = (request: SubmitRequest): SubmitReply => ({ type: "submitted", results: request.jobs.map(() => accepted) });
const plain = (count: number) => Promise.all(Array.from({ length: count }, (_, i) => submission({ payload: i }, NOW)));

describe("checking a submission", () => {
  test.each<[string, Parameters<typeof submission>[0], string]>([
    ["expired already", { payload: 1, expiresAt: "2026-11-21T23:59:59Z" }, "invalid-request"],
    ["due in more than a year", { payload: 1, runAt: "2028-01-01T00:00:00Z" }, "invalid-request"],
    ["payload too large", { payload: "x".repeat(256 * 1024) }, "payload-too-large"],
  ])("%s is refused", async (_, body, code) => {
    expect(await read(body, NOW)).toMatchObject({ code });
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

describe("submitting", () => {
  test("unkeyed jobs of one request go to one shard in one call", async () => {
    const { services, requests } = fake(all, [implicitDefault("default")]);
    const results = await submitAll(services, await plain(10), options());
    expect(results.every((result) => result.type === "done")).toBe(true);
    expect(requests).toHaveLength(1);
    expect(new Set(requests[0]?.request.jobs.map((job) => job.id)).size).toBe(10);
  });

  test("an id carries the slot of its job's partition", async () => {
    const { services, requests } = fake(all, [implicitDefault("default")]);
    await submitAll(services, await plain(3), options());
    const jobs: NewJob[] = requests.flatMap(({ request }) => request.jobs);
    for (const { id, partition } of jobs) expect(parseJobId(id)?.slot).toBe(slotOf("default", "default", partition));
  });

  test("jobs of one ordering key always share a partition", async () => {
    const { services, requests } = fake(all, [implicitDefault("default")]);
    for (let i = 0; i < 5; i++) {
      await submitAll(services, [await submission({ payload: i, orderingKey: "user-42" }, NOW)], options());
    }
    expect(new Set(requests.map(({ request }) => request.jobs[0]?.partition)).size).toBe(1);
  });

  test("newer settings from a shard are learnt, and the jobs planned again by them", async () => {
    const older = implicitDefault("default");
    const newer = { ...older, version: 3, partitions: 1 };
    const answer = (request: SubmitRequest): SubmitReply =>
      request.queues[0]?.version === 3 ? all(request) : { type: "settings", settings: newer };
    const { services, requests } = fake(answer, [older]);
    const [result] = await submitAll(services, await plain(1), options());
    expect(result?.type).toBe("done");
    expect(requests.at(-1)?.request.jobs[0]?.partition).toBe(0);
  });

  test("a queue that was deleted meanwhile refuses its jobs only", async () => {
    const gone = settingsFrom({}, { namespace: "default", name: "gone", version: 1, createdAt: 0, updatedAt: 0 });
    const answer = (request: SubmitRequest): SubmitReply =>
      request.queues.some(({ name }) => name === "gone")
        ? { type: "settings", settings: { ...gone, version: 2, deleted: true } }
        : all(request);
    const { services } = fake(answer, [gone, implicitDefault("default")]);
    const jobs = [await submission({ payload: 1, queue: "gone" }, NOW), await submission({ payload: 2 }, NOW)];
    const results = await submitAll(services, jobs, options());
    expect(results.map((result) => (result.type === "refused" ? result.problem.code : "accepted"))).toEqual([
      "queue-not-found",
      "accepted",
    ]);
  });

  test("a slot that moved is asked of its new owner", async () => {
    const newer = { ...initialMap(1), epoch: 2 };
    const { services, requests } = fake(
      (request) => (request.epoch < 2 ? { type: "moved", map: newer } : all(request)),
      [implicitDefault("default")],
    );
    const [result] = await submitAll(services, await plain(1), options());
    expect(result?.type).toBe("done");
    expect(requests.at(-1)?.shard).toBe("shard-0");
  });

  test("a shard that fails costs only its own jobs", async () => {
    let failed = "";
    const answer = (request: SubmitRequest, shard: string): SubmitReply => {
      failed ||= shard;
      if (shard === failed) throw new Error("away");
      return all(request);
    };
    const { services } = fake(answer, [implicitDefault("default")]);
    const jobs = await Promise.all(
      Array.from({ length: 40 }, (_, i) => submission({ payload: i, orderingKey: `key-${i}` }, NOW)),
    );
    const results = await submitAll(services, jobs, options(false));
    const refused = results.filter((result) => result.type === "refused");
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(40);
    expect(refused.every((result) => result.problem.code === "unavailable")).toBe(true);
  });

  test("a timeout too long for a pushed queue is 422, and the shard is not asked", async () => {
    const pushed = settingsFrom(
      { target: { type: "handler", name: "noop" } },
      { namespace: "default", name: "default", version: 1, createdAt: 0, updatedAt: 0 },
    );
    const { services, requests } = fake(all, [pushed]);
    const [result] = await submitAll(services, [await submission({ payload: 1, timeout: 1000 }, NOW)], options());
    expect(result).toMatchObject({ type: "refused", problem: { code: "timeout-too-long" } });
    expect(requests).toHaveLength(0);
  });
});

describe("an atomic batch", () => {
  test("on one shard is one atomic request", async () => {
    const { services, requests } = fake(all, [implicitDefault("default")]);
    await submitAll(services, await plain(5), options(true));
    expect(requests.map(({ request }) => request.atomic)).toEqual([true]);
  });

  const spread = (count = 40) =>
    Promise.all(Array.from({ length: count }, (_, i) => submission({ payload: i, orderingKey: `key-${i}` }, NOW)));
  const committed = ({ jobs }: RunRequest): RunReply => ({
    type: "committed",
    verdicts: jobs.map((_, i) => (i === 7 ? { type: "replayed", id: "job_x", state: "running" } : accepted)),
  });

  test("over several shards is one transaction, and no shard is asked", async () => {
    const { services, requests, transactions } = fake(all, [implicitDefault("default")], committed);
    const { randomness, ...rest } = options(true);
    const results = await submitAll(services, await spread(), { ...rest, randomness });
    expect(requests).toEqual([]);
    expect(transactions.map(({ id, jobs }) => [id, jobs.map(({ payload }) => payload)])).toEqual([
      [randomness.batchId, Array.from({ length: 40 }, (_, i) => String(i))],
    ]);
    expect(results.filter(({ type }) => type === "done")).toHaveLength(39);
    expect(results[7]).toEqual({ type: "replayed", id: "job_x", state: "running" });
  });

  test("over several shards, one of which has newer settings, is another transaction", async () => {
    const first = implicitDefault("default");
    const newer = { ...first, version: 3, priorityAgingMs: 1000 };
    const transact = (request: RunRequest): RunReply =>
      request.queues[0]?.version === 3 ? committed(request) : { type: "settings", settings: [newer] };
    const { services, transactions } = fake(all, [first], transact);
    const { randomness, ...rest } = options(true);
    await submitAll(services, await spread(), { ...rest, randomness });
    expect(transactions.map(({ id }) => id)).toEqual([randomness.batchId, `${randomness.batchId}.1`]);
  });

  test.each<[RunReply["type"], Problem["code"], Problem["extras"]]>([
    ["unavailable", "unavailable", { accepted: "nothing" }],
    ["too-late", "idempotency-undecided", { accepted: "unknown" }],
  ])("over several shards that ends %s is answered %s", async (type, code, extras) => {
    const { services } = fake(all, [implicitDefault("default")], () => ({ type }) as RunReply);
    expect(await submit(services, await spread(), options(true))).toMatchObject({ code, extras });
  });

  test("over several shards asks a transaction again that cannot be reached, and then says so", async () => {
    let calls = 0;
    const transact = (request: RunRequest): RunReply => {
      calls += 1;
      if (calls % 5 !== 0) throw new Error("away");
      return committed(request);
    };
    const { services } = fake(all, [implicitDefault("default")], transact);
    expect(await submit(services, await spread(), options(true))).toMatchObject({ code: "unavailable" });
    expect(calls).toBe(4);
    expect(await submitAll(services, await spread(), options(true))).toHaveLength(40);
  });

  test("sent again too late, on one shard, is undecidable", async () => {
    const { services, requests } = fake(all, [implicitDefault("default")]);
    const sent = await submit(services, await plain(5), { ...options(true), late: true });
    expect(sent).toMatchObject({ code: "idempotency-undecided", extras: { accepted: "unknown" } });
    expect(requests).toEqual([]);
  });

  test("with one job for an unknown queue asks no shard", async () => {
    const { services, requests } = fake(all, [implicitDefault("default")]);
    const jobs = [await submission({ payload: 1 }, NOW), await submission({ payload: 1, queue: "nope" }, NOW)];
    const results = await submitAll(services, jobs, options(true));
    expect(results.map((result) => result.type === "refused" && result.problem.code)).toEqual([
      "batch-refused",
      "queue-not-found",
    ]);
    expect(requests).toHaveLength(0);
  });
});

test("the job in the answer has the queue's settings under what was sent", async () => {
  const { services } = fake(all, [implicitDefault("default")]);
  const [result] = await submitAll(
    services,
    [await submission({ payload: { a: 1 }, retry: { maxAttempts: 2 } }, NOW)],
    options(),
  );
  if (result?.type !== "done" || result.outcome.type !== "accepted") throw new Error("not accepted");
  expect(jobFromAccepted(result.assigned, result.outcome)).toMatchObject({
    state: "queued",
    attempt: 0,
    timeoutMs: 60_000,
    retry: { maxAttempts: 2, backoff: "exponential", delayMs: 1000 },
    payload: '{"a":1}',
    attempts: [],
  });
});
