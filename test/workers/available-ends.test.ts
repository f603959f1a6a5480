import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DeferredJob, DeferredMessage } from "../../contract/ingest.ts";
import type { JobView } from "../../contract/job.ts";
import { call, claim, existingAnywhere, getJob, must, newQueue, putQueue, submit } from "./api.ts";
import { passTime, resetClock, runAlarms, runCron } from "./clock.ts";
import { callThrough } from "./faults.ts";
import { awayGateway, consume } from "./ingest.ts";
import { project } from "./processor.ts";

/** A deferred job that ended because it may not run stays ended. */

let queue = "";
beforeEach(async () => {
  queue = await newQueue({ consistency: "available", retention: 1 });
});
afterEach(resetClock);

/** A job that waits for its shard; `over` is laid over what its message says. */
async function deferred(options: object, over: Partial<DeferredJob> = {}) {
  const bindings = awayGateway("broken");
  const { body } = await callThrough<JobView>(bindings, ["POST", "/v1/jobs"], {
    body: { queue, payload: 1, ...options },
  });
  const [message] = bindings.sent as DeferredMessage[];
  if (message === undefined) throw new Error(`not deferred: ${JSON.stringify(body)}`);
  return { id: body.id, message: { ...message, job: { ...message.job, ...over } } };
}

/** How a job comes to end so; what answers for it, or is of its key, waits then. Answers its id. */
const ENDED: [string, () => Promise<string>][] = [
  [
    "replayed",
    async () => {
      const { id, message } = await deferred({ idempotencyKey: "k" });
      await submit({ queue, payload: 1, idempotencyKey: "k" });
      await consume([message]);
      return id;
    },
  ],
  [
    "idempotency-mismatch",
    async () => {
      const { id, message } = await deferred({ idempotencyKey: "k" });
      await submit({ queue, payload: 2, idempotencyKey: "k" });
      await consume([message]);
      return id;
    },
  ],
  [
    "queue-deleted",
    async () => {
      const { id, message } = await deferred({});
      await must("DELETE", `/v1/queues/${queue}`);
      await consume([message]);
      await putQueue(queue, { consistency: "available", retention: 1 });
      await submit({ queue, payload: 1 });
      return id;
    },
  ],
  ["repartitioned", displaced],
];

/** By a gateway whose clock is ahead, so that the job looks younger than the change. */
async function displaced(): Promise<string> {
  for (let n = 0; n < 20; n++) {
    const createdAt = Date.now() + 2000;
    const { id, message } = await deferred({ orderingKey: `k${n}` }, { createdAt, runAt: null });
    await putQueue(queue, { consistency: "available", retention: 1, partitions: 5 });
    await consume([message]);
    if ((await getJob(id)).state === "cancelled") {
      await submit({ queue, payload: 1, orderingKey: `k${n}` });
      return id;
    }
    await claim(queue);
    queue = await newQueue({ consistency: "available", retention: 1 });
  }
  throw new Error("every key stayed in place");
}

/** A bulk retry of the queue, to its end; answers how many jobs it changed. */
async function bulkRetry(): Promise<number> {
  const { id } = await must<{ id: string }>("POST", "/v1/operations", { body: { action: "retry", filter: { queue } } });
  const read = () => must<{ state: string; progress: { changed: number } }>("GET", `/v1/operations/${id}`);
  const state = async () => {
    await runAlarms();
    await runCron();
    return (await read()).state;
  };
  await expect.poll(state, { timeout: 10_000 }).toBe("done");
  return (await read()).progress.changed;
}

async function forgotten(id: string): Promise<void> {
  for (let round = 0; round < 6; round++) {
    if (round === 3) passTime(2 * 86_400_000);
    await project();
    await runAlarms();
  }
  expect(await existingAnywhere([id])).toEqual([]);
}

async function expectEnded(id: string, code: string): Promise<void> {
  const answer = await call("POST", `/v1/jobs/${id}/retry`, { body: {} });
  expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 409, code: "invalid-state" });
  expect(answer.body.detail).toMatch(/may not run/);
  await bulkRetry();
  expect(await getJob(id)).toMatchObject({ state: "cancelled", error: { code } });
}

describe.each(ENDED)("a deferred job that ended as %s", (code, make) => {
  test("comes back by no retry, and one job of its key is claimed", async () => {
    const id = await make();
    await expectEnded(id, code);
    expect(await bulkRetry()).toBe(0);
    expect(await claim(queue)).toHaveLength(1);
  });
});

/** One with a key stays in its shard for as long as its key may answer: history is never alone with it. */
const KEYLESS = ENDED.filter(([code]) => code === "queue-deleted" || code === "repartitioned");

describe.each(KEYLESS)("a deferred job without a key that ended as %s", (code, make) => {
  test("comes back from history by none either", async () => {
    const id = await make();
    await forgotten(id);
    await expectEnded(id, code);
    expect((await claim(queue)).map((job) => job.id)).not.toContain(id);
  });
});

test("a job that was cancelled by hand comes back as ever", async () => {
  const { id, message } = await deferred({});
  await consume([message]);
  await must("POST", `/v1/jobs/${id}/cancel`, { body: {} });
  expect((await must<JobView>("POST", `/v1/jobs/${id}/retry`, { body: {} })).state).toBe("queued");
});
