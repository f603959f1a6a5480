import { expect, test, vi } from "vitest";
import { LongPolls } from "../../../../../durable-objects/shard/kernel/long-poll.ts";

/** The names of those who have been woken, in order. */
async function woken(polls: LongPolls, wake: () => void, waits: [name: string, worthwhile?: () => boolean][]) {
  const names: string[] = [];
  for (const [name, worthwhile] of waits) void polls.wait("key", 60_000, worthwhile).then(() => names.push(name));
  wake();
  await new Promise((resolve) => setImmediate(resolve));
  const first = [...names];
  polls.wake("key");
  return first;
}

test("a wake reaches all who wait, or the newest", async () => {
  const polls = new LongPolls();
  expect(await woken(polls, () => polls.wake("key"), [["a"], ["b"]])).toEqual(["b", "a"]);
  expect(await woken(polls, () => polls.wake("key", 1), [["a"], ["b"]])).toEqual(["b"]);
});

test("nobody is woken for what is not worth it, which is asked once", async () => {
  const polls = new LongPolls();
  const worthwhile = vi.fn(() => false);
  const waits: [string, () => boolean][] = [
    ["a", worthwhile],
    ["b", worthwhile],
  ];
  expect(await woken(polls, () => polls.wake("key"), waits)).toEqual([]);
  worthwhile.mockReturnValue(true);
  polls.wake("key");
  expect([...polls.keys()]).toEqual([]);
});

test("whether a wake is worth it is asked only where somebody waits", () => {
  const polls = new LongPolls();
  const worthwhile = vi.fn(() => true);
  void polls.wait("key", 60_000, worthwhile);
  polls.wake("another");
  expect(worthwhile).not.toHaveBeenCalled();
  polls.wake("key");
  polls.wake("key");
  expect(worthwhile).toHaveBeenCalledTimes(1);
});
