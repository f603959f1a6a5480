import { describe, expect, test } from "vitest";
import { testPlantedRows } from "../../../../../rigs/planted-rows.ts";
import { BOOM, CALL, PackHarness } from "../../../../../rigs/shard-harness.ts";

/** A pack of ten jobs: two have succeeded, one has become a row, two run, and the others wait. */
function packed(): PackHarness {
  const h = new PackHarness();
  h.submit(h.jobs(10));
  const items = h.take(5);
  for (const { lease } of items.slice(0, 2)) h.succeed(lease, '"done"');
  h.fail(items[2]?.lease ?? "", BOOM);
  return h;
}

test("a pack of which jobs have succeeded, run, wait and become rows breaks no rule", () => {
  expect(packed().broken()).toEqual([]);
});

describe("the audit", () => {
  testPlantedRows(packed, [
    [
      "slice-counts-its-jobs",
      "a slice that counts a job as running which has ended",
      "UPDATE slices SET open = open + 1",
    ],
    ["slice-counts-its-jobs", "a slice that counts one job less", "UPDATE slices SET open = open - 1"],
    [
      "slice-counts-its-jobs",
      "a success that is written down twice, and another not",
      "UPDATE slices SET done = '[0,1,null,0,null],[0,1,null,0,null]'",
    ],
    ["slice-has-pack", "a slice that reaches beyond its pack", "UPDATE slices SET n = 11"],
    ["slice-has-pack", "a slice of no pack", "UPDATE slices SET pack = pack + 1"],
    ["slice-readable", "a slice whose successes cannot be read", "UPDATE slices SET done = '[0'"],
    [
      "job-in-one-slice",
      "a claim that leaves jobs out",
      "INSERT INTO slices SELECT pack, 7, slot, 2, 2, begun, attempt_at, attempt_ends_at, lease_ends_at, last_at, bytes, lease, worker, '' FROM slices",
    ],
    ["pack-readable", "a pack with other numbers than it has ids", "UPDATE packs SET n = 9"],
    ["packed-job-has-no-row", "a job that is in its pack and a row", "UPDATE packs SET gone = NULL"],
    ["pack-head-equals-row", "a pack that takes other bytes than is known", "UPDATE packs SET bytes = bytes + 1"],
  ]);
});

test("a step of the audit looks at a part of many packs, because each has many jobs", () => {
  const h = new PackHarness();
  for (let i = 0; i < 120; i++) h.submit(h.jobs(100));
  let steps = 0;
  for (let running = true; running && steps < 100; steps++) {
    running = h.core.audit({ ...CALL, walk: true }, h.alarmAt).running !== null;
  }
  expect(steps).toBeGreaterThanOrEqual(3);
});
