import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { RPC_VERSION } from "../../contract/rpc.ts";
import { freshName, getJob, must, putQueue, shard, shardOf, sleep, submit } from "./api.ts";
import { deliver, PROCESSOR_ENV } from "./processor.ts";

/** An executor that found no more waits at its shard, and is told of what comes in the step that brings it, without a bell. */

const CALL = { v: RPC_VERSION, epoch: 0 } as const;
const HANDLER = { type: "handler", name: "noop" } as const;
const WAITING = { ...PROCESSOR_ENV, WAIT_MS: "4000" };

let queue = "";
let home = "";

/** How many bells the shard has rung for executors and others. */
async function bells(): Promise<number> {
  return (await shard(home).health(CALL)).result.totals.bells;
}

function ring(bindings = WAITING): Promise<unknown> {
  return deliver("dure-default", [{ v: 1, kind: "work", shard: home, lane: "default" }], bindings);
}

/** Executors that come one after the other: a machine that stands still for longer than one waits would end it. */
function executors(): { there(): void; came(): number; last(): Promise<unknown> } {
  let came = 0;
  let invocation: Promise<unknown> | null = null;
  let last: Promise<unknown> = Promise.resolve();
  const there = () => {
    if (invocation !== null) return;
    came += 1;
    invocation = ring().finally(() => {
      invocation = null;
    });
    last = invocation;
  };
  return { there, came: () => came, last: () => last };
}

/** Jobs have come to the lane often enough that an executor waits a second or longer for the next. */
async function jobsComeOften(): Promise<void> {
  for (let i = 0; i < 2; i++) {
    await sleep(400);
    await submit({ queue, payload: i });
  }
}

beforeEach(async () => {
  queue = freshName("warm");
  await putQueue(queue, { target: HANDLER, partitions: 1 });
  const { id } = await submit({ queue, payload: 1 });
  home = shardOf(id);
});

describe("an executor that waits", () => {
  test("runs what comes while it does, one job after the other, and no bell is rung for them", async () => {
    await jobsComeOften();
    const { there, came, last } = executors();
    there();
    await sleep(250);
    const before = await bells();
    for (let i = 0; i < 10; i++) {
      const { id } = await submit({ queue, payload: i });
      for (; (await getJob(id)).state !== "succeeded"; await sleep(5)) there();
      await sleep(30);
    }
    expect(came()).toBeLessThan(4);
    // One is for history, and one for each job that no executor was there for.
    expect((await bells()) - before).toBeLessThanOrEqual(came());
    await last();
  });

  test("soon ends where nothing comes, and the next job rings", async () => {
    const began = Date.now();
    await ring();
    expect(Date.now() - began).toBeGreaterThan(200);
    expect(Date.now() - began).toBeLessThan(3_000);
    const before = await bells();
    await submit({ queue, payload: 1 });
    expect(await bells()).toBeGreaterThan(before);
  });

  test("does not wait where the deployment says so", async () => {
    await ring(PROCESSOR_ENV);
    const before = await bells();
    await submit({ queue, payload: 1 });
    expect(await bells()).toBeGreaterThan(before);
  });

  test("is told of jobs that become ready by themselves", async () => {
    await jobsComeOften();
    const { id } = await submit({ queue, payload: 1, delay: 1 });
    const others = async () => {
      for (let i = 0; i < 12; i++) {
        await submit({ queue, payload: i });
        await sleep(100);
      }
    };
    await Promise.all([ring(), others()]);
    expect(await getJob(id)).toMatchObject({ state: "succeeded" });
  });
});

describe("a call that waits for work", () => {
  const work = (over: object = {}) =>
    shard(home).work({
      ...CALL,
      lane: "default",
      worker: "w",
      reports: [],
      room: { handler: 100, http: 6 },
      leaseMs: 15_000,
      ...over,
    });

  beforeEach(async () => {
    await ring(PROCESSOR_ENV);
  });

  const often = async () => {
    await jobsComeOften();
    await ring(PROCESSOR_ENV);
  };

  test("is answered with the job in the step that brings it, and says how long it waited", async () => {
    await often();
    const waiting = work({ waitMs: 4_000 });
    await sleep(100);
    const { id } = await submit({ queue, payload: 1 });
    const { result } = await waiting;
    expect(result.items.map((item) => item.id)).toEqual([id]);
    expect(result.waitedMs).toBeGreaterThanOrEqual(90);
    expect(await getJob(id)).toMatchObject({ state: "running" });
  });

  test("is answered at once where it reports, or has no room for some kind of job", async () => {
    const room = { handler: 100, http: 0 };
    const reports = [{ lease: "lease", outcome: { ok: true, result: null, resultTruncated: false } as const }];
    for (const over of [{ room }, { reports }])
      expect((await work({ waitMs: 4_000, ...over })).result.waitedMs).toBeUndefined();
  });

  test("of two that wait one is told of one job, and a bell is rung for what neither may have", async () => {
    await often();
    const before = await bells();
    const two = [work({ waitMs: 4_000, worker: "one" }), work({ waitMs: 4_000, worker: "two" })];
    await sleep(250);
    await submit({ queue, payload: 1 });
    const given = (await Promise.all(two)).map(({ result }) => result.items.length);
    expect(given.toSorted()).toEqual([0, 1]);
    expect(await bells()).toBe(before);
    const jobs = Array.from({ length: 350 }, () => ({ queue, payload: 1 }));
    const again = work({ waitMs: 4_000, worker: "three" });
    await sleep(250);
    await must("POST", "/v1/batches", { body: { jobs } });
    await again;
    // Four executors are worth it: one is there.
    expect(await bells()).toBe(before + 3);
  });

  test("is lost with its object, which then rings", async () => {
    const killed = async () => {
      const waiting = work({ waitMs: 4_000 }).then(
        () => "answered",
        () => "lost",
      );
      await sleep(100);
      await runInDurableObject(shard(home), (_, state) => state.abort("the test")).catch(() => undefined);
      return waiting;
    };
    // A wait that was over when the object died was no wait.
    await vi.waitFor(async () => expect(await killed()).toBe("lost"), { timeout: 15_000 });
    const { id } = await submit({ queue, payload: 1 });
    expect(await bells()).toBeGreaterThan(0);
    expect(await getJob(id)).toMatchObject({ state: "queued" });
    expect(env.SHARD).toBeDefined();
  });
});
