import { describe, expect, test } from "vitest";
import type { NewJob, ReceiveReply } from "../../../../../contract/rpc.ts";
import { slotOf } from "../../../../../domain/slots.ts";
import type { ShardLimits } from "../../../../../durable-objects/shard/lifecycle/admission.ts";
import { CALL, Harness } from "../../../../rigs/shard-harness.ts";

/** A shard with so many jobs, which from then on may hold no more than this. */
function shardWith(jobs: number, limits?: (h: Harness) => Partial<ShardLimits>): Harness {
  const h = new Harness();
  h.submit(h.jobs(jobs));
  if (limits !== undefined) {
    h.limits = limits(h);
    h.restart();
  }
  return h;
}

/** Another shard hands jobs over, the first of which has the number 1. */
function receive(h: Harness, jobs: NewJob[]): ReceiveReply {
  const slot = slotOf("default", "q", 0);
  const handovers = jobs.map((job, i) => ({ seq: i + 1, slot, job }));
  return h.core.receive({ ...CALL, source: "shard-9", queues: [h.queue], jobs: handovers });
}

const BIG = JSON.stringify("x".repeat(5_000));
/** With the row that it lies in. */
const BIG_ROW = 5_702;

describe("jobs that another shard hands over", () => {
  test("take places from each other: those that find none stay where they are, and come again", () => {
    const h = shardWith(3, () => ({ maxJobs: 5 }));
    const jobs = h.jobs(4);
    expect(receive(h, jobs)).toMatchObject({ type: "received", left: [3, 4] });
    expect(h.count("jobs")).toBe(5);
    for (const { lease } of h.take(2)) h.succeed(lease);
    expect(receive(h, jobs)).toMatchObject({ type: "received", left: [] });
    expect(h.core.wake(CALL).live).toBe(5);
    expect(h.broken()).toEqual([]);
  });

  test("take bytes from each other, rows among them", () => {
    const h = shardWith(1, ({ sql }) => ({ maxBytes: sql.bytes() + 2 * BIG_ROW }));
    expect(receive(h, h.jobs(4, { payload: BIG }))).toMatchObject({ left: [3, 4] });
  });

  test("are taken as long as there is any room, however low their priority: a submission of theirs is refused before", () => {
    const h = shardWith(95, () => ({ maxJobs: 100 }));
    expect(h.submit([h.job({ priority: 0 })])).toMatchObject([{ type: "full", scope: "shard" }]);
    expect(receive(h, h.jobs(6, { priority: 0 }))).toMatchObject({ left: [6] });
  });

  test.each([
    ["unfinished jobs", { unfinishedJobs: 1 }],
    ["bytes", { bytes: 100 }],
  ])("were let in where they began: a namespace that has all its %s here takes them", (_what, limits) => {
    const h = shardWith(2);
    h.namespace(limits);
    expect(h.submit([h.job()])).toMatchObject([{ type: "full", scope: "namespace" }]);
    expect(receive(h, h.jobs(2))).toMatchObject({ left: [] });
    expect(h.count("jobs")).toBe(4);
  });
});
