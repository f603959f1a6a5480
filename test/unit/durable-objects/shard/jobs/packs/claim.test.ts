import { describe, expect, test } from "vitest";
import { type Harness, idsOf, PackHarness, SECOND } from "../../../../../rigs/shard-harness.ts";

const PACKED = 20;
const BEHIND = 12;
/** A claim asks for fewer than stand in front. */
const MAX = 10;

interface Door {
  name: string;
  target: { type: "pull" } | { type: "handler"; name: string };
  claim(h: Harness): string[];
}

const DOORS: Door[] = [
  { name: "pull", target: { type: "pull" }, claim: (h) => h.claim({ max: MAX }).map(({ job }) => job.id) },
  { name: "push", target: { type: "handler", name: "noop" }, claim: (h) => idsOf(h.take(MAX)) },
];

/** A pack of jobs each with a spec of its own, others with rows behind it; then what the pack has is planted. */
function planted(door: Door, plant: (specs: string[]) => string[] | "the spec of all") {
  const h = new PackHarness({ target: door.target });
  const jobs = Array.from({ length: PACKED }, (_, i) => h.job({ tags: [`t${i}`] }));
  h.submit(jobs);
  const behind = Array.from({ length: BEHIND }, (_, i) => h.accept({ orderingKey: `k${i}` }));
  const [row] = h.sql.all<{ specs: string }>("SELECT specs FROM packs");
  const specs = plant(JSON.parse(`[${row?.specs}]`) as string[]);
  if (typeof specs === "string") h.sql.run("UPDATE packs SET spec = '{no JSON', specs = NULL");
  else h.sql.run("UPDATE packs SET specs = ?", specs.map((spec) => JSON.stringify(spec)).join(","));
  h.restart();
  return { h, packed: idsOf(jobs), behind };
}

/** Claims once a second, so often; a claim that comes upon more bad jobs than it can find at once is refused. */
function claimed(h: Harness, door: Door, times: number): { ids: string[]; refused: number } {
  const ids: string[] = [];
  let refused = 0;
  for (let i = 0; i < times; i++) {
    try {
      ids.push(...door.claim(h));
    } catch {
      refused += 1;
    }
    h.advance(SECOND);
  }
  return { ids, refused };
}

describe.each(DOORS)("jobs of a pack that cannot be read, through the door for $name", (door) => {
  test.each([0, 7, PACKED - 1])("one at place %i keeps none of the others from starting", (bad) => {
    const { h, packed, behind } = planted(door, (specs) => specs.with(bad, "{no JSON"));
    const well = [...packed.toSpliced(bad, 1), ...behind];
    const { ids, refused } = claimed(h, door, 6);
    expect(ids.toSorted()).toEqual(well.toSorted());
    expect(refused).toBe(0);
    expect(h.explain(packed[bad] ?? "").reason).toBe("quarantined");
    expect(h.broken()).toEqual(["row-readable", "nothing-set-aside"]);
  });

  test("all of them keep none of those behind them from starting", () => {
    const { h, packed, behind } = planted(door, () => "the spec of all");
    const { ids, refused } = claimed(h, door, 12);
    expect(refused).toBe(0);
    expect(ids.toSorted()).toEqual(behind.toSorted());
    for (const id of packed) expect(h.explain(id).reason).toBe("quarantined");
  });
});

test.each([
  ["a row", (h: Harness) => h.sql.run("UPDATE jobs SET queue = 999 WHERE ordering_key = 'k'")],
  ["a pack", (h: Harness) => h.sql.run("UPDATE packs SET queue = 999")],
])("%s of a queue that the shard does not know keeps no other job from starting", (what, plant) => {
  const h = new PackHarness();
  const [packed, own] = [h.accept({ tags: ["t"] }), h.accept({ orderingKey: "k" })];
  expect(h.count("packs")).toBe(1);
  plant(h);
  h.restart();
  const later = h.accept({ orderingKey: "later" });
  const well = what === "a row" ? packed : own;
  expect(idsOf(h.take()).toSorted()).toEqual([well, later].toSorted());
  h.advance(30 * SECOND);
  expect(idsOf(h.take()).toSorted()).toEqual([well, later].toSorted());
  expect(h.broken()).toContain("queue-known");
});
