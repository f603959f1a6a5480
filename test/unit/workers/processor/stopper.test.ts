import { expect, test } from "vitest";
import { Stopper } from "../../../../workers/processor/stopper.ts";

test("a signal asked for before the stop aborts with it", () => {
  const stopper = new Stopper();
  const { signal } = stopper;
  expect(signal.aborted).toBe(false);
  stopper.stop();
  expect(signal.aborted).toBe(true);
});

test("a signal asked for after the stop has aborted, and is one and the same", () => {
  const stopper = new Stopper();
  stopper.stop();
  expect(stopper.signal.aborted).toBe(true);
  expect(stopper.signal).toBe(stopper.signal);
});
