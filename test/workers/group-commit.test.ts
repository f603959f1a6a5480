import { runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { implicitDefault } from "../../contract/queue-settings.ts";
import { type NewJob, RPC_VERSION, type SubmitReply } from "../../contract/rpc.ts";
import { makeJobId } from "../../domain/job-id.ts";
import { initialMap, ownerOf, slotOf } from "../../domain/slots.ts";
import { call, evict, getJob, shard } from "./api.ts";
import { packJobs } from "./packing.ts";

packJobs();

const SETTINGS = implicitDefault("default");
const MAP = initialMap(4);
const SLOT = slotOf("default", "default", 0);
const STUB_ID = ownerOf(MAP, SLOT);

function newJob(patch: Partial<NewJob> = {}): NewJob {
  return {
    id: makeJobId(Date.now(), SLOT, crypto.getRandomValues(new Uint8Array(8))),
    queue: 0,
    partition: 0,
    priority: 4,
    orderingKey: null,
    concurrencyKey: null,
    dedup: null,
    idempotency: null,
    delayMs: null,
    runAt: null,
    expiresAt: null,
    timeoutMs: null,
    retry: null,
    tags: [],
    payload: "null",
    createdAt: null,
    parent: null,
    ...patch,
  };
}

async function submit(jobs: NewJob[], atomic = false): Promise<SubmitReply> {
  // Types of RPC forget that a slot range is a pair.
  const stub = shard(STUB_ID);
  return (await stub.submit({ v: RPC_VERSION, epoch: MAP.epoch, queues: [SETTINGS], jobs, atomic })).result;
}

async function rowsWritten(): Promise<number> {
  return (await shard(STUB_ID).wake({ v: RPC_VERSION, epoch: 1 })).result.rowsWritten;
}

interface Counted {
  /** Transactions begun. */
  steps: number;
  /** Turns of the event loop in which there were any: nothing runs between the steps of one, so they share a commit. */
  turns: number;
}

/** Counts the shard's transactions until it is evicted. */
async function countSteps(): Promise<Counted> {
  const counted: Counted = { steps: 0, turns: 0 };
  await runInDurableObject(shard(STUB_ID), (_, { storage }) => {
    const begin = storage.transactionSync.bind(storage);
    let sameStep = false;
    const counting = <T>(step: () => T): T => {
      counted.steps += 1;
      if (!sameStep) {
        counted.turns += 1;
        sameStep = true;
        queueMicrotask(() => {
          sameStep = false;
        });
      }
      return begin(step);
    };
    Object.defineProperty(storage, "transactionSync", { value: counting, configurable: true });
  });
  return counted;
}

it("submissions that arrive together share a step, and its rows", async () => {
  await submit([newJob()]);
  const before = await rowsWritten();
  const counted = await countSteps();
  const jobs = Array.from({ length: 64 }, () => newJob());
  const replies = await Promise.all(jobs.map((job) => submit([job])));
  expect(replies).toMatchObject(jobs.map(() => ({ type: "submitted", results: [{ type: "accepted" }] })));
  expect(counted.steps).toBeGreaterThan(0);
  expect(counted.steps).toBeLessThanOrEqual(16);
  expect((await rowsWritten()) - before).toBeLessThanOrEqual(16);
  await evict();
  const read = await Promise.all(jobs.map(({ id }) => getJob(id)));
  expect(read.map(({ state }) => state)).toEqual(jobs.map(() => "queued"));
});

it("those that may not share a step share a commit, each a transaction of its own", async () => {
  await submit([newJob()]);
  const counted = await countSteps();
  const jobs = Array.from({ length: 64 }, () => newJob());
  const replies = await Promise.all(jobs.map((job) => submit([job], true)));
  expect(replies).toMatchObject(jobs.map(() => ({ type: "submitted", results: [{ type: "accepted" }] })));
  // An atomic one has a transaction within its own.
  expect(counted.steps).toBe(128);
  expect(counted.turns).toBeGreaterThan(0);
  expect(counted.turns).toBeLessThanOrEqual(16);
  await evict();
  const read = await Promise.all(jobs.map(({ id }) => getJob(id)));
  expect(read.map(({ state }) => state)).toEqual(jobs.map(() => "queued"));
});

it("a submission alone is one transaction and costs one row", async () => {
  await submit([newJob()]);
  const before = await rowsWritten();
  const counted = await countSteps();
  await submit([newJob()]);
  expect(counted).toEqual({ steps: 1, turns: 1 });
  expect((await rowsWritten()) - before).toBe(1);
});

it("a step that is undone takes none of those beside it along", async () => {
  const idempotency = { key: "taken", hash: "one" };
  await submit([newJob({ idempotency })]);
  const good = Array.from({ length: 10 }, () => newJob());
  const torn = [newJob(), newJob({ idempotency: { key: "taken", hash: "two" } }), newJob()];
  const [undone, ...kept] = await Promise.all([submit(torn, true), ...good.map((job) => submit([job]))]);
  expect(undone).toMatchObject({
    type: "submitted",
    results: [{ type: "refused" }, { type: "mismatch" }, { type: "refused" }],
  });
  expect(kept.map((reply) => reply.type)).toEqual(good.map(() => "submitted"));
  await evict();
  for (const { id } of torn) expect((await call("GET", `/v1/jobs/${id}`)).status).toBe(404);
  for (const { id } of good) expect((await getJob(id)).state).toBe("queued");
});

it("a step that throws fails its own caller alone", async () => {
  const good = [newJob(), newJob()];
  const [first, bad, last] = await Promise.allSettled([
    submit([good[0] ?? newJob()]),
    submit([newJob({ queue: 7 })]),
    submit([good[1] ?? newJob()]),
  ]);
  expect([first.status, bad.status, last.status]).toEqual(["fulfilled", "rejected", "fulfilled"]);
  await evict();
  for (const { id } of good) expect((await getJob(id)).state).toBe("queued");
});
