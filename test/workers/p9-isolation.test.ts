import { expect, it } from "vitest";
import type { ExplainView, JobView } from "../../contract/job.ts";
import { implicitDefault } from "../../contract/queue-settings.ts";
import { type NewJob, RPC_VERSION } from "../../contract/rpc.ts";
import { makeJobId } from "../../domain/job-id.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import { initialMap, ownerOf, slotOf } from "../../domain/slots.ts";
import { call, makeKey, makeNamespace, must, putQueue, shard, sleep } from "./api.ts";
import { work } from "./processor.ts";

/** P9: a greedy namespace cannot take another's turns, however much of its work waits. */

const MAP = initialMap(4);
const HANDLER = { type: "handler", name: "noop" } as const;

/** The shard of a queue of one partition. */
function placeOf(namespace: string, queue: string): { id: string; slot: number } {
  const slot = slotOf(namespace, queue, 0);
  return { id: ownerOf(MAP, slot), slot };
}

/** A queue name of `namespace` that lives on the shard `id`. */
function nameOn(id: string, namespace: string): string {
  const names = Array.from({ length: 200 }, (_, i) => `on-${i}`);
  const name = names.find((candidate) => placeOf(namespace, candidate).id === id);
  if (name === undefined) throw new Error(`no name lies on ${id}`);
  return name;
}

/** Fills a queue through its shard's RPC, a thousand jobs a call, for `forMs` at most. Answers how many wait. */
async function fill(settings: QueueSettings, count: number, forMs: number): Promise<number> {
  const { id, slot } = placeOf(settings.namespace, settings.name);
  // Types of RPC forget that a slot range is a pair.
  const stub = shard(id);
  const endsAt = Date.now() + forMs;
  let filled = 0;
  while (filled < count && Date.now() < endsAt) {
    const jobs = Array.from({ length: 1000 }, () => newJob(slot));
    const request = { v: RPC_VERSION, epoch: MAP.epoch, queues: [settings], jobs, atomic: false };
    const { result: reply } = await stub.submit(request);
    if (reply.type !== "submitted") throw new Error(reply.type);
    filled += jobs.length;
  }
  return filled;
}

function newJob(slot: number): NewJob {
  return {
    id: makeJobId(Date.now(), slot, crypto.getRandomValues(new Uint8Array(8))),
    queue: 0,
    partition: 0,
    priority: 9,
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
  };
}

it("a tenant's job starts in the next claim, though another's queue has 100,000 jobs waiting", {
  timeout: 90_000,
}, async () => {
  await makeNamespace("greedy");
  await makeNamespace("small");
  const greedy: QueueSettings = { ...implicitDefault("greedy"), name: "q", version: 1, partitions: 1, target: HANDLER };
  const waiting = await fill(greedy, 100_000, 30_000);
  expect(waiting).toBeGreaterThanOrEqual(20_000);

  const { key } = await makeKey(["submit", "read", "admin"], "small");
  const name = nameOn(placeOf("greedy", "q").id, "small");
  await putQueue(name, { target: HANDLER, partitions: 1 }, key);
  const stub = shard(placeOf("greedy", "q").id);
  const claimOne = () =>
    stub.work({
      v: RPC_VERSION,
      epoch: MAP.epoch,
      lane: "default",
      worker: "test",
      reports: [],
      room: { handler: 1, http: 0 },
      leaseMs: 15_000,
    });
  await claimOne();
  const took: number[] = [];
  for (let round = 0; round < 3; round++) {
    const { id } = await must<JobView>("POST", "/v1/jobs", { body: { queue: name, payload: null, priority: 0 }, key });
    const explained = await must<ExplainView>("GET", `/v1/jobs/${id}/explain`, { key });
    expect(explained).toMatchObject({ reason: "ready", ahead: 0 });
    const started = performance.now();
    const { items } = (await claimOne()).result;
    expect(items.map((item) => item.id)).toEqual([id]);
    took.push(performance.now() - started);
    await claimOne();
  }
  // No claim reads its way through the other's backlog, which would take its time in every round.
  expect(Math.min(...took)).toBeLessThan(1000);
});

it("and runs to its end through the processor within one bell", { timeout: 60_000 }, async () => {
  const greedy: QueueSettings = { ...implicitDefault("greedy"), name: "r", version: 1, partitions: 1, target: HANDLER };
  await fill(greedy, 5000, 10_000);
  const { key } = await makeKey(["submit", "read", "admin"], "small");
  const name = nameOn(placeOf("greedy", "r").id, "small");
  await putQueue(name, { target: HANDLER, partitions: 1 }, key);
  const { id } = await must<JobView>("POST", "/v1/jobs", { body: { queue: name, payload: null }, key });
  const done = work("default");
  for (let i = 0; i < 50; i++) {
    const answer = await call<JobView>("GET", `/v1/jobs/${id}`, { key });
    if (answer.body.state === "succeeded") break;
    await sleep(100);
  }
  expect((await must<JobView>("GET", `/v1/jobs/${id}`, { key })).state).toBe("succeeded");
  await done;
});
