import { describe, expect, test } from "vitest";
import { harnessHost } from "../../../../../rigs/harness-host.ts";
import { testBadPacks } from "../../../../../rigs/pack-cases.ts";
import { type Harness, idsOf, MINUTE, PackHarness, SECOND } from "../../../../../rigs/shard-harness.ts";

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
  const jobs = Array.from({ length: PACKED }, (_, i) => {
    h.now += 1;
    return h.job({ tags: [`t${i}`] });
  });
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

testBadPacks(async () => harnessHost());

describe.each(DOORS)("a pack that cannot be read as a whole, through the door for $name,", (door) => {
  const damaged = (column: string, make: (was: string) => string) => (h: Harness) => {
    const [row] = h.sql.all<{ was: string }>(`SELECT ${column} AS was FROM packs`);
    h.sql.run(`UPDATE packs SET ${column} = ?`, make(row?.was ?? ""));
  };
  /** The fourth id, changed in one of its characters. */
  const withId = (at: number, character: string) =>
    damaged("ids", (was) => {
      const ids = was.split(",");
      const id = ids[3] ?? "";
      return ids.with(3, id.slice(0, at) + character + id.slice(at + 1)).join(",");
    });

  test.each([
    ["one id is no id", withId(0, "x")],
    ["one id lies behind the others", withId(4, "7")],
    ["one id is of another slot", withId(16, "0")],
    [
      "two ids are the same",
      damaged("ids", (was) =>
        was
          .split(",")
          .with(3, was.slice(0, was.indexOf(",")))
          .join(","),
      ),
    ],
    ["the ids lie below where they are said to begin", damaged("min_id", () => "job_7")],
    ["its segments are of fewer jobs", damaged("segments", () => "[[2,1,1,1]]")],
    ["its segments are no numbers", damaged("segments", () => '[[20,1,1,"x"]]')],
    ["it names a place that it has not", damaged("gone", () => "[20]")],
    ["what it names is no place", damaged("gone", () => '{"3":3}')],
    ["it has specs of fewer jobs", damaged("specs", () => '"{}","{}"')],
    ["the spec of its first job is no text", damaged("specs", (was) => was.replace(/^"(?:[^"\\]|\\.)*"/, "{}"))],
  ])("because %s, keeps none of those behind it from starting, and the clock goes on", (_what, plant) => {
    const { h, packed, behind } = planted(door, (specs) => specs);
    plant(h);
    h.restart();
    // Of the same kind as those of the pack, which would take it.
    behind.push(h.accept());
    const { ids, refused } = claimed(h, door, 12);
    expect(refused).toBe(0);
    expect(ids.toSorted()).toEqual(behind.toSorted());
    const later = h.accept();
    h.advance(2 * MINUTE);
    expect(claimed(h, door, 3).ids).toContain(later);
    expect(packed.filter((id) => ids.includes(id))).toEqual([]);
    expect(h.broken()).toContain("nothing-set-aside");
  });
});

test("a slice that is open without a job that is keeps the clock from nothing", () => {
  const h = new PackHarness();
  h.submit(h.jobs(3));
  h.take(2);
  h.sql.run("UPDATE packs SET gone = '[0,1]'");
  h.restart();
  h.advance(2 * MINUTE);
  expect(h.take()).toHaveLength(1);
  expect(h.broken()).toEqual(["slice-counts-its-jobs"]);
});
