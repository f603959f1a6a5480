import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LongPolls } from "../../../../../durable-objects/shard/kernel/long-poll.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Those who wait, by name, and who has been woken so far. */
function waiting(polls: LongPolls, names: readonly string[], over: Partial<Parameters<LongPolls["wait"]>[0]> = {}) {
  const woken: string[] = [];
  for (const name of names) void polls.wait({ key: "key", ms: 60_000, ...over }).then(() => woken.push(name));
  /** Since the last call. */
  return async () => {
    await vi.advanceTimersByTimeAsync(0);
    return woken.splice(0);
  };
}

const many = (count: number) => Array.from({ length: count }, (_, i) => `w${i}`);

describe("a wake", () => {
  test("reaches all who wait, or the newest", async () => {
    const polls = new LongPolls();
    const all = waiting(polls, ["a", "b"]);
    polls.wake("key");
    expect(await all()).toEqual(["b", "a"]);
    const newest = waiting(polls, ["a", "b"]);
    polls.wake("key", 1);
    expect(await newest()).toEqual(["b"]);
  });

  test("reaches no more than it is worth to, which is asked once", async () => {
    const polls = new LongPolls();
    const worth = vi.fn(() => 2);
    const woken = waiting(polls, ["a", "b", "c"], { worth });
    polls.wake("key", 32);
    expect(await woken()).toEqual(["c", "b"]);
    expect(worth).toHaveBeenCalledTimes(1);
  });

  test("reaches nobody when it is worth nothing", async () => {
    const polls = new LongPolls();
    const woken = waiting(polls, ["a"], { worth: () => 0 });
    polls.wake("key");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await woken()).toEqual([]);
    expect(polls.size).toBe(1);
  });

  test("asks nothing of those who wait for other keys, however many they are", () => {
    const polls = new LongPolls();
    const worth = vi.fn(() => 1);
    for (let i = 0; i < 2_000; i++) void polls.wait({ key: `other ${i}`, ms: 60_000, worth });
    polls.wake("another");
    polls.wake("key");
    expect(worth).not.toHaveBeenCalled();
    polls.wake("other 7");
    expect(worth).toHaveBeenCalledTimes(1);
    expect(polls.size).toBe(1_999);
  });
});

describe("one who was woken and is gone", () => {
  test("does not keep the work from the others: more and more are woken while it is there", async () => {
    const polls = new LongPolls();
    const woken = waiting(polls, many(100), { worth: () => 1_000 });
    polls.wake("key", 1);
    const rounds: number[] = [];
    for (let round = 0; round < 8; round++) {
      rounds.push((await woken()).length);
      await vi.advanceTimersByTimeAsync(15);
    }
    expect(rounds).toEqual([1, 2, 4, 8, 16, 32, 32, 5]);
  });

  test("costs nobody a wake where the work has been taken", async () => {
    const polls = new LongPolls();
    let jobs = 1;
    const woken = waiting(polls, many(100), { worth: () => jobs });
    polls.wake("key", 32);
    expect(await woken()).toHaveLength(1);
    jobs = 0;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await woken()).toEqual([]);
    jobs = 1;
    polls.wake("key", 32);
    expect(await woken()).toHaveLength(1);
  });
});

test("a wait ends after its time, and is not woken again", async () => {
  const polls = new LongPolls();
  const short = waiting(polls, ["short"], { ms: 100 });
  const long = waiting(polls, ["long"]);
  await vi.advanceTimersByTimeAsync(100);
  expect(await short()).toEqual(["short"]);
  polls.wake("key", 1);
  expect(await long()).toEqual(["long"]);
  expect(polls.size).toBe(0);
});

test("of one group only so many wait: the oldest ends, and other groups are left alone", async () => {
  const polls = new LongPolls(2);
  const other = waiting(polls, ["other"], { group: "b" });
  const woken = waiting(polls, ["a", "b", "c"], { group: "a" });
  expect(await woken()).toEqual(["a"]);
  expect(await other()).toEqual([]);
  polls.wake("key");
  expect(await woken()).toEqual(["c", "b"]);
  waiting(polls, ["d", "e"], { group: "a" });
  expect(polls.size).toBe(2);
});

describe("a wait that is joined", () => {
  const joined = (polls: LongPolls, over: Partial<Parameters<LongPolls["join"]>[0]> = {}) => {
    const ended = vi.fn();
    return { ended, leave: polls.join({ key: "key", ...over }, ended) };
  };

  test("is told once that it was woken, and waits no more", () => {
    const polls = new LongPolls();
    const { ended, leave } = joined(polls);
    polls.wake("key");
    polls.wake("key");
    leave();
    expect(ended.mock.calls).toEqual([["woken"]]);
    expect(polls.size).toBe(0);
  });

  test("is told of nothing when it has left", () => {
    const polls = new LongPolls(1);
    const { ended, leave } = joined(polls, { group: "a" });
    leave();
    leave();
    joined(polls, { group: "a" });
    polls.wake("key");
    expect(ended).not.toHaveBeenCalled();
  });

  test("is told that another of its group has its place", () => {
    const polls = new LongPolls(1);
    const first = joined(polls, { group: "a" });
    const second = joined(polls, { group: "a" });
    expect(first.ended.mock.calls).toEqual([["displaced"]]);
    polls.wake("key");
    expect(second.ended.mock.calls).toEqual([["woken"]]);
  });

  test("waits in one line with calls that are held, the newest first", async () => {
    const polls = new LongPolls();
    const { ended } = joined(polls);
    const held = waiting(polls, ["held"]);
    polls.wake("key", 1);
    expect(await held()).toEqual(["held"]);
    expect(ended).not.toHaveBeenCalled();
    polls.wake("key", 1);
    expect(ended).toHaveBeenCalledTimes(1);
  });
});
