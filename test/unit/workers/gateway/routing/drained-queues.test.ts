import { expect, test } from "vitest";
import { DrainedQueues } from "../../../../../workers/gateway/routing/drained-queues.ts";

const queue = { namespace: "a", name: "q" };

test("a queue is remembered for longer than a wait may be, and forgotten when something was found", () => {
  const drained = new DrainedQueues();
  drained.note(queue, 0);
  expect([drained.has(queue, 61_000), drained.has({ ...queue, namespace: "b" }, 0)]).toEqual([true, false]);
  expect(drained.has(queue, 120_000)).toBe(false);
  drained.note(queue, 0);
  drained.forget(queue);
  expect(drained.has(queue, 0)).toBe(false);
});
