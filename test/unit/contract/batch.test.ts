import { expect, test } from "vitest";
import { BatchBody, BatchEnvelope } from "../../../contract/batch.ts";
import { checkLimits, p, type Table } from "../../rigs/limit-tables.ts";

const jobs = (count: number) => ({ jobs: Array(count).fill(p) });

const batches: Table = {
  at: [jobs(1), jobs(1000), { ...jobs(1), atomic: true }],
  over: [
    [jobs(0), "/jobs"],
    [jobs(1001), "/jobs"],
    [{}, "/jobs"],
    [{ ...jobs(1), atomic: 1 }, "/atomic"],
    [{ ...jobs(1), id: "b" }, "/id"],
  ],
};

checkLimits("BatchBody", BatchBody, {
  ...batches,
  over: [...batches.over, [{ jobs: [p, { queue: "q" }] }, "/jobs/1/payload"]],
});

checkLimits("BatchEnvelope", BatchEnvelope, batches);

test("the envelope of a batch leaves each job to be judged alone", () => {
  expect(BatchEnvelope.parse({ jobs: [1, p] })).toEqual({ atomic: false, jobs: [1, p] });
});
