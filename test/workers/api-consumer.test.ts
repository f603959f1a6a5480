import { afterEach, describe, expect, it } from "vitest";
import type { ExplainView } from "../../contract/job.ts";
import type { QueueView } from "../../contract/queue.ts";
import { call, claim, claimOne, evict, freshName, getJob, must, newQueue, submit, succeed } from "./api.ts";
import { passTime, resetClock, runAlarms } from "./clock.ts";
import { sendBellsThrough } from "./faults.ts";
import { work } from "./processor.ts";

afterEach(resetClock);

const CONSUMER = { target: { type: "consumer" }, lane: "bulk" } as const;

describe("a queue with a consumer as its target", () => {
  it("is stored and read back, and its target has no other fields", async () => {
    const name = freshName("consumer");
    const queue = await must<QueueView>("PUT", `/v1/queues/${name}`, { body: CONSUMER });
    expect(queue).toMatchObject(CONSUMER);
    await evict();
    expect(await must("GET", `/v1/queues/${name}`)).toMatchObject(CONSUMER);
    const body = { target: { type: "consumer", name: "x" } };
    expect(await call("PUT", `/v1/queues/${name}`, { body })).toMatchObject({ status: 400 });
  });

  it("has no longer timeouts than an invocation of a Queue's consumer: 15 minutes", async () => {
    const name = freshName("consumer");
    expect(await call("PUT", `/v1/queues/${name}`, { body: { ...CONSUMER, timeout: 901 } })).toMatchObject({
      status: 400,
      body: { code: "invalid-request", errors: [{ pointer: "/timeout" }] },
    });
    await must("PUT", `/v1/queues/${name}`, { body: { ...CONSUMER, timeout: 900 } });
    const job = { queue: name, payload: null, timeout: 901 };
    expect(await call("POST", "/v1/jobs", { body: job })).toMatchObject({
      status: 422,
      body: { code: "timeout-too-long" },
    });
  });

  it("rings for its lane; the processor takes nothing of it, a claim does", async () => {
    const bells: unknown[] = [];
    await sendBellsThrough(async (body) => bells.push(body));
    const queue = await newQueue({ ...CONSUMER, partitions: 1 });
    const { id } = await submit({ queue, payload: { p: 1 } });
    expect(bells).toEqual([{ v: 1, kind: "work", shard: expect.stringMatching(/^shard-/), lane: "bulk" }]);
    await work("bulk");
    expect(await getJob(id)).toMatchObject({ state: "queued", attempt: 0 });
    const job = await claimOne(queue, { worker: "consumer/1" });
    expect(job).toMatchObject({ id, state: "running", attempts: [{ worker: "consumer/1" }] });
    expect((await succeed(job.lease)).status).toBe(200);
    expect(await getJob(id)).toMatchObject({ state: "succeeded" });
  });

  it("is claimed from with reports, as a pull queue is", async () => {
    const queue = await newQueue(CONSUMER);
    for (let i = 0; i < 3; i++) await submit({ queue, payload: i });
    const [first] = await claim(queue, { max: 1 });
    const body = { reports: [{ lease: first?.lease, ok: true }], claim: { queue } };
    expect(await must("POST", "/v1/reports", { body })).toMatchObject({
      items: [{ status: "recorded" }],
      jobs: [{ queue }, { queue }],
    });
  });

  it("says in explain that its lane's Queue needs a consumer, when nobody has claimed for 10 s", async () => {
    const queue = await newQueue({ ...CONSUMER, lane: "slow" });
    const { id } = await submit({ queue });
    expect(await must("GET", `/v1/jobs/${id}/explain`)).toMatchObject({ reason: "ready" });
    passTime(11_000);
    await runAlarms();
    await work("slow");
    const { reason, detail } = await must<ExplainView>("GET", `/v1/jobs/${id}/explain`);
    expect(reason).toBe("no-executor");
    expect(detail).toContain("The Queue of lane slow needs a Worker as its consumer");
  });
});
