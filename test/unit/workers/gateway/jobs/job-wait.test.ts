import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { isProblem } from "../../../../../contract/problems.ts";
import type { GetRequest, JobReply, WatchRequest } from "../../../../../contract/rpc.ts";
import type { JobState } from "../../../../../domain/job/state.ts";
import { makeJobId } from "../../../../../domain/job-id.ts";
import { initialMap } from "../../../../../domain/slots.ts";
import { askForEnd } from "../../../../../workers/gateway/jobs/job-wait.ts";
import { ShardClient } from "../../../../../workers/gateway/routing/shard-client.ts";
import type { Heard } from "../../../../../workers/gateway/routing/watch.ts";
import { servicesWith } from "../../../../rigs/gateway-parts.ts";
import { replyOf, shardWith } from "../../../../rigs/replies.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const NAME = { namespace: "default", id: makeJobId(1, 0, new Uint8Array(8)) };

/** One shard with one job, whose state a test changes. `holds`: how long its calls are held in all. */
function fake(watchable = true) {
  const asked: string[] = [];
  let state: JobState = "running";
  let heldMs = 0;
  let hear: (heard: Heard) => void = () => undefined;
  const reply = (): JobReply => ({ type: "job", job: { id: NAME.id, state } as never });
  const shards = new ShardClient({
    shard: () =>
      shardWith({
        get: async ({ waitMs }: GetRequest) => {
          asked.push("get");
          const began = Date.now();
          while (Date.now() < began + waitMs && state === "running") await new Promise((wake) => setTimeout(wake, 10));
          heldMs += Date.now() - began;
          return replyOf(reply());
        },
      }),
    watch: async (_, { watched }: WatchRequest, listener) => {
      asked.push(`watch ${watched.for}`);
      if (!watchable) throw new Error("The object has no fetch.");
      hear = listener;
      if (state !== "running") return null;
      return { waitOn: () => undefined, close: () => void asked.push("close") };
    },
    directory: () => ({ map: async () => initialMap(1), usedShards: async () => ["shard-0"] }),
    now: () => Date.now(),
    random: () => 0.5,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  });
  const read = async (waitMs: number) => {
    const began = Date.now();
    const answer = await askForEnd(servicesWith({ shards }), NAME, waitMs);
    if (isProblem(answer) || answer.result.type !== "job") throw new Error("there is a job");
    return { state: answer.result.job.state, ms: Date.now() - began };
  };
  return {
    asked,
    read,
    held: () => heldMs,
    ends: () => {
      state = "succeeded";
      hear("look");
    },
    says: (heard: Heard) => hear(heard),
  };
}

async function after<T>(ms: number, work: Promise<T>): Promise<T> {
  await vi.advanceTimersByTimeAsync(ms);
  return work;
}

describe("a read that waits for the end of a job", () => {
  test("is held for a moment, and then watches", async () => {
    const { asked, read, held, ends } = fake();
    const reading = read(60_000);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(asked).toEqual(["get", "watch end"]);
    expect(held()).toBeLessThanOrEqual(210);
    ends();
    expect(await after(0, reading)).toEqual({ state: "succeeded", ms: 30_000 });
    expect(asked).toEqual(["get", "watch end", "get", "close"]);
  });

  test("that is short, or of a job that ends soon, is held alone", async () => {
    const short = fake();
    expect(await after(400, short.read(400))).toMatchObject({ state: "running" });
    const soon = fake();
    const reading = soon.read(60_000);
    await vi.advanceTimersByTimeAsync(100);
    soon.ends();
    expect(await after(20, reading)).toMatchObject({ state: "succeeded" });
    expect([short.asked, soon.asked]).toEqual([["get"], ["get"]]);
  });

  test("is answered with the job as it is when its time is over", async () => {
    const { asked, read } = fake();
    expect(await after(10_000, read(10_000))).toEqual({ state: "running", ms: 10_000 });
    expect(asked).toEqual(["get", "watch end", "get", "close"]);
  });

  test("goes on when it was told of an end that is none, and when its watch is lost", async () => {
    const { asked, read, says, ends } = fake();
    const reading = read(60_000);
    await vi.advanceTimersByTimeAsync(1_000);
    says("look");
    await vi.advanceTimersByTimeAsync(1_000);
    says("lost");
    await vi.advanceTimersByTimeAsync(1_000);
    ends();
    expect(await after(0, reading)).toMatchObject({ state: "succeeded" });
    expect(asked.filter((what) => what !== "close")).toEqual(["get", "watch end", "get", "watch end", "get"]);
  });

  test("is held by a shard that knows no watch, a quarter of a minute at a time", async () => {
    const { asked, read, ends } = fake(false);
    const reading = read(60_000);
    await vi.advanceTimersByTimeAsync(20_000);
    ends();
    expect(await after(100, reading)).toMatchObject({ state: "succeeded" });
    expect(asked.filter((what) => what === "get")).toHaveLength(4);
  });
});
