import { describe, expect, test } from "vitest";
import { harnessHost } from "../../../../../rigs/harness-host.ts";
import { HostedShard } from "../../../../../rigs/hosted-shard.ts";
import { claimed, DOORS, planted, testBadPacks } from "../../../../../rigs/pack-cases.ts";
import { MINUTE, PackHarness } from "../../../../../rigs/shard-harness.ts";

testBadPacks(async () => harnessHost());

describe.each(DOORS)("a pack that cannot be read as a whole, through the door for $name,", (door) => {
  const damaged = (column: string, make: (was: string) => string) => async (h: HostedShard) => {
    const [row] = await h.host.sql<{ was: string }>(`SELECT ${column} AS was FROM packs`);
    await h.host.sql(`UPDATE packs SET ${column} = ?`, make(row?.was ?? ""));
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
    ["its segment has no rank", damaged("segments", () => "[[20,1,1]]")],
    ["its segments are no numbers", damaged("segments", () => '[[20,1,1,"x"]]')],
    ["it names a place that it has not", damaged("gone", () => "[20]")],
    ["what it names is no place", damaged("gone", () => '{"3":3}')],
    ["it has specs of fewer jobs", damaged("specs", () => '"{}","{}"')],
    ["the spec of its first job is no text", damaged("specs", (was) => was.replace(/^"(?:[^"\\]|\\.)*"/, "{}"))],
  ])("because %s, keeps none of those behind it from starting, and the clock goes on", async (_what, plant) => {
    const h = new HostedShard(harnessHost(), { target: door.target });
    const { packed, behind } = await planted(h, (specs) => specs);
    await plant(h);
    await h.host.restart();
    // Of the same kind as those of the pack, which would take it.
    behind.push(await h.accept());
    const { ids, refused } = await claimed(h, door, 12);
    expect(refused).toBe(0);
    expect(ids).toEqual(behind.toSorted());
    const later = await h.accept();
    await h.host.advance(2 * MINUTE);
    expect((await claimed(h, door, 3)).ids).toContain(later);
    expect(packed.filter((id) => ids.includes(id))).toEqual([]);
    expect(await h.broken()).toContain("nothing-set-aside");
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
