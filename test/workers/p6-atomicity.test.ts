import { abortAllDurableObjects, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { BatchView } from "../../contract/batch.ts";
import type { TransactionApi } from "../../contract/rpc.ts";
import {
  type Answer,
  call,
  claim,
  evict,
  freshName,
  getJob,
  must,
  newQueue,
  type Problem,
  shards,
  sleep,
  submit,
} from "./api.ts";
import { passTime, resetClock, runAlarms } from "./clock.ts";
import { auditNow, callThrough, faultyShards, replaced } from "./faults.ts";

afterEach(() => {
  resetClock();
  vi.restoreAllMocks();
});

interface JobBody {
  queue: string;
  payload: unknown;
  orderingKey?: string;
  idempotencyKey?: string;
  priority?: number;
}

/** Jobs with ordering keys of their own: spread over the partitions, and so over every shard. */
const spread = (queue: string, count = 32, name = "line"): JobBody[] =>
  Array.from({ length: count }, (_, i) => ({ queue, payload: i, orderingKey: `${name}-${i}` }));

const headers = (key: string | null): Record<string, string> => (key === null ? {} : { "idempotency-key": key });
const send = (
  jobs: JobBody[],
  key: string | null = null,
  bindings: Env | null = null,
): Promise<Answer<BatchView & Problem>> => {
  const options = { body: { atomic: true, jobs }, headers: headers(key) };
  return bindings === null
    ? call<BatchView & Problem>("POST", "/v1/batches", options)
    : callThrough<BatchView & Problem>(bindings, ["POST", "/v1/batches"], options);
};
const idsOf = ({ items }: BatchView) => items.map((item) => ("id" in item ? item.id : "refused"));
const queued = async (queue: string) =>
  (await must<{ counts: { queued: number } }>("GET", `/v1/queues/${queue}/stats`)).counts.queued;

/** How many jobs of a queue each shard has, and has prepared. */
async function onShards(): Promise<{ jobs: number; undecided: number }[]> {
  return Promise.all(
    shards().map(({ stub }) =>
      runInDurableObject(stub, (_, { storage }) => {
        const count = (table: string) => Number(storage.sql.exec(`SELECT count(*) AS n FROM ${table}`).one().n);
        return { jobs: count("jobs"), undecided: count("undecided") };
      }),
    ),
  );
}

/** Until shards have prepared so many jobs of which nobody has decided. */
async function prepared(count: number): Promise<void> {
  const undecided = async () => (await onShards()).reduce((sum, shard) => sum + shard.undecided, 0);
  await expect.poll(undecided, { timeout: 15_000 }).toBe(count);
}

async function expectSound(): Promise<void> {
  expect(await auditNow()).toMatchObject({ ok: true, violations: [] });
  expect((await onShards()).map(({ undecided }) => undecided)).toEqual(shards().map(() => 0));
}

describe("an atomic batch over every shard", () => {
  it("is accepted whole, and is there after eviction", async () => {
    const queue = await newQueue({ partitions: 64 });
    const before = await onShards();
    const answer = await send(spread(queue));
    expect(answer).toMatchObject({ status: 202, body: { atomic: true, accepted: 32 } });
    expect(answer.headers.get("dure-bookmark")).toBeTruthy();
    await evict();
    const jobs = await Promise.all(idsOf(answer.body).map((id) => getJob(id)));
    expect(jobs.map(({ payload, state }) => [payload, state])).toEqual(
      spread(queue).map(({ payload }) => [payload, "queued"]),
    );
    const after = await onShards();
    expect(after.every(({ jobs: now }, i) => now > (before[i]?.jobs ?? 0))).toBe(true);
    await expectSound();
    expect((await claim(queue, { max: 100 })).length).toBe(32);
  });

  it("may have a thousand jobs", async () => {
    const queue = await newQueue({ partitions: 64 });
    expect(await send(spread(queue, 1000))).toMatchObject({ status: 202, body: { accepted: 1000 } });
    expect(await queued(queue)).toBe(1000);
    await expectSound();
  });

  it("is refused whole for one bad job, which is told by its place", async () => {
    const queue = await newQueue({ partitions: 64 });
    await submit({ queue, payload: 0, orderingKey: "line-13", idempotencyKey: "taken" });
    const jobs = spread(queue).map((job, i) => (i === 13 ? { ...job, idempotencyKey: "taken" } : job));
    expect(await send(jobs)).toMatchObject({
      status: 422,
      body: { code: "batch-refused", errors: [{ pointer: "/jobs/13" }] },
    });
    expect(await queued(queue)).toBe(1);
    await expectSound();
  });

  it("answers for jobs whose keys were seen, and accepts the others", async () => {
    const queue = await newQueue({ partitions: 64 });
    const first = await submit({ queue, payload: 7, orderingKey: "line-7", idempotencyKey: "k7" });
    const jobs = spread(queue).map((job, i) => (i === 7 ? { ...job, idempotencyKey: "k7" } : job));
    const answer = await send(jobs);
    expect(answer).toMatchObject({ status: 202, body: { accepted: 31 } });
    expect(answer.body.items[7]).toEqual({ id: first.id, state: "queued", replayed: true });
    await expectSound();
  });

  it("goes by settings that its shards know and the gateway does not", async () => {
    const queue = await newQueue({ partitions: 64 });
    const stale = { get: async () => null, put: async () => undefined };
    await callThrough({ ...env, CACHE: replaced(env.CACHE, stale) }, ["PUT", `/v1/queues/${queue}`], {
      body: { partitions: 64, priorityAging: 60 },
    });
    expect((await send(spread(queue))).status).toBe(202);
    expect(await queued(queue)).toBe(32);
  });

  it("two with one key: one is accepted, the other waits, is refused or replayed, and nothing is half", async () => {
    const queue = await newQueue({ partitions: 64 });
    const batch = (who: number) =>
      spread(queue).map((job) => ({ ...job, payload: who, idempotencyKey: `both-${job.orderingKey}` }));
    const answers = await Promise.all([send(batch(1)), send(batch(2))]);
    expect(answers.map(({ status }) => status).sort()).not.toEqual([202, 202]);
    for (const { status, body } of answers) {
      if (status === 409) expect(body.code).toBe("idempotency-undecided");
      else if (status === 422) expect(body.code).toBe("batch-refused");
      else expect(status).toBe(202);
    }
    expect([0, 32]).toContain(await queued(queue));
    await expectSound();
  });
});

describe("with an Idempotency-Key", () => {
  it("is replayed whole, under the same ids", async () => {
    const queue = await newQueue({ partitions: 64 });
    const key = freshName("key");
    const first = await send(spread(queue), key);
    await evict();
    const again = await send(spread(queue), key);
    expect(again.status).toBe(200);
    expect(idsOf(again.body)).toEqual(idsOf(first.body));
    expect(await queued(queue)).toBe(32);
  });

  it("is one batch when many send it at once", async () => {
    const queue = await newQueue({ partitions: 64 });
    const key = freshName("key");
    const answers = await Promise.all(Array.from({ length: 4 }, () => send(spread(queue), key)));
    expect(new Set(answers.map(({ body }) => idsOf(body).join())).size).toBe(1);
    expect(await queued(queue)).toBe(32);
  });

  it("undecided in time is 503, and the same key tells the outcome later, even minutes", async () => {
    const queue = await newQueue({ partitions: 64 });
    const key = freshName("key");
    const lost = transactions(async (request, real) => {
      await real(request);
      throw new Error("the answer was lost");
    });
    const unheard = await send(spread(queue), key, { ...env, TRANSACTION: lost });
    expect(unheard).toMatchObject({ status: 503, body: { code: "unavailable" } });
    expect(unheard.headers.get("retry-after")).toMatch(/^[1-9]/);
    passTime(10 * 60_000);
    expect(await send(spread(queue), key)).toMatchObject({ status: 202, body: { accepted: 32 } });
    expect(await queued(queue)).toBe(32);
  });

  it("a batch that never reached its transaction is undecidable later, not accepted twice", async () => {
    const queue = await newQueue({ partitions: 64 });
    const key = freshName("key");
    const away = transactions(() => Promise.reject(new Error("away")));
    expect((await send(spread(queue), key, { ...env, TRANSACTION: away })).status).toBe(503);
    passTime(2 * 60_000);
    const late = await send(spread(queue), key);
    expect(late).toMatchObject({ status: 409, body: { code: "idempotency-undecided" } });
    expect(await queued(queue)).toBe(0);
    // And stays so: the key is not free, because nobody knows.
    expect((await send(spread(queue), key)).status).toBe(409);
  });
});

describe("killed in the middle", () => {
  it("every object, again and again: whole or absent, never half, and never stuck", async () => {
    const seen = { accepted: 0, other: 0 };
    for (let round = 0; round < 10; round++) {
      const queue = await newQueue({ partitions: 64 });
      const key = freshName("key");
      const sent = send(spread(queue), key);
      // The kill meets the protocol at a different point each round.
      await sleep(round * 2);
      await abortAllDurableObjects();
      const answer = await sent;
      if (answer.status === 202) seen.accepted += 1;
      else {
        seen.other += 1;
        expect(answer.status).toBe(503);
      }
      const outcome = await settled(queue, key);
      if (answer.status === 202) expect(outcome).toBe(32);
      expect([0, 32]).toContain(outcome);
      const again = await send(spread(queue), key);
      expect([200, 202]).toContain(again.status);
      expect(await queued(queue)).toBe(32);
    }
    expect(seen.accepted + seen.other).toBe(10);
    await expectSound();
  }, 60_000);

  it("shards that never hear the commit ask for it, and nobody reads a job of the batch as absent", async () => {
    const queue = await newQueue({ partitions: 64 });
    const faulty = faultyShards({ method: "decide", when: "before" });
    const answer = await send(spread(queue), null, { ...env, TRANSACTION: withShards(faulty.SHARD) });
    expect(answer.status).toBe(202);
    expect(faulty.calls()).toBeGreaterThan(4);
    const read = await Promise.all(idsOf(answer.body).map((id) => call("GET", `/v1/jobs/${id}`)));
    expect(new Set(read.map(({ status }) => status))).toEqual(new Set([200]));
    expect(await queued(queue)).toBe(32);
    await expectSound();
  }, 30_000);

  it("whoever is told of a batch reads all of it, whatever dies meanwhile", async () => {
    const queue = await newQueue({ partitions: 64 });
    const round = async () => {
      const told = await Promise.all(
        Array.from({ length: 8 }, async (_, i) => {
          await sleep(i * 15);
          const answer = await send(spread(queue, 16, `line-${i}`));
          if (answer.status !== 202) return null;
          const reads = await Promise.all(idsOf(answer.body).map((id) => call("GET", `/v1/jobs/${id}`)));
          return reads.map(({ status }) => status);
        }).concat(kills(4, 25).then(() => null)),
      );
      return told.flatMap((batch) => batch ?? []);
    };
    const statuses: number[] = [];
    // Where the machine is slow, kills may leave nobody who was told.
    for (let rounds = 0; rounds < 5 && !statuses.includes(200); rounds++) statuses.push(...(await round()));
    // An object that has just died answers 503 for once: never that a job is not there.
    expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
    expect(statuses).toContain(200);
  }, 60_000);

  it("what is prepared and not decided is seen by nobody, and gone when its transaction died", async () => {
    const queue = await newQueue({ partitions: 64 });
    const faulty = faultyShards({ method: "prepare", when: "after" });
    const bindings = { ...env, TRANSACTION: withShards(faulty.SHARD) };
    const sent = send(spread(queue), null, bindings);
    await prepared(32);
    expect(await queued(queue)).toBe(0);
    expect(await claim(queue)).toEqual([]);
    expect(await must(`GET`, `/v1/jobs?queue=${queue}`)).toMatchObject({ items: [] });
    await abortAllDurableObjects();
    expect((await sent).status).toBe(503);
    expect(await settled(queue, "the batch of the dead transaction")).toBe(0);
    await expectSound();
  }, 30_000);
});

it("a transaction forgets itself an hour after it was over", async () => {
  const queue = await newQueue({ partitions: 64 });
  const { body } = await send(spread(queue));
  const stub = env.TRANSACTION.getByName(body.id);
  const tables = () =>
    runInDurableObject(
      stub,
      (_, { storage }) => storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'record'").toArray().length,
    );
  expect(await tables()).toBe(1);
  await runDurableObjectAlarm(stub);
  passTime(3_600_001);
  await runDurableObjectAlarm(stub);
  expect(await tables()).toBe(0);
  await evict();
  expect(await stub.outcome({ v: 1 })).toBe("abort");
  expect(await tables()).toBe(0);
});

it("a queue with undecided jobs cannot be deleted", async () => {
  const queue = await newQueue({ partitions: 64 });
  const faulty = faultyShards({ method: "prepare", when: "after" });
  const sent = send(spread(queue), null, { ...env, TRANSACTION: withShards(faulty.SHARD) });
  await prepared(32);
  expect(await call("DELETE", `/v1/queues/${queue}`)).toMatchObject({ status: 409, body: { code: "queue-has-jobs" } });
  await sent;
}, 30_000);

async function kills(times: number, everyMs: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    await sleep(everyMs);
    await abortAllDurableObjects();
  }
}

type Run = TransactionApi["run"];

/** Transactions whose `run` is answered by `run`, which may call the real one. */
function transactions(run: (request: Parameters<Run>[0], real: Run) => ReturnType<Run>): Env["TRANSACTION"] {
  const getByName = (name: string) => {
    const stub = env.TRANSACTION.getByName(name);
    const real: Run = (request) => stub.run(request);
    return replaced(stub, { run: (request: Parameters<Run>[0]) => run(request, real) });
  };
  return replaced(env.TRANSACTION, { getByName });
}

/** Transactions that reach their shards through `shard`. */
function withShards(shard: Env["SHARD"]): Env["TRANSACTION"] {
  return transactions(async (request, real) => {
    await runInDurableObject(env.TRANSACTION.getByName(request.id), (instance) => {
      Object.defineProperty(instance, "env", { value: { ...env, SHARD: shard }, configurable: true });
    });
    return real(request);
  });
}

/** How many jobs of the queue there are once everything is decided. */
async function settled(queue: string, key: string): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const open = (await onShards()).some(({ undecided }) => undecided > 0);
    if (!open) return queued(queue);
    await sleep(100);
    await runAlarms();
  }
  throw new Error(`${key} is undecided for five seconds`);
}
