import { describe, expect, test } from "vitest";
import { HostedShard, type MakeHost } from "./hosted-shard.ts";
import { SECOND } from "./shard-words.ts";

/** What claims do with bad jobs of packs, and with rows of a queue that nobody knows: in Node, and on the real runtime. */

const PACKED = 20;
const BEHIND = 12;
/** A claim asks for fewer than stand in front. */
const MAX = 10;

export interface Door {
  name: string;
  target: { type: "pull" } | { type: "handler"; name: string };
  claim(h: HostedShard): Promise<string[]>;
}

export const DOORS: Door[] = [
  {
    name: "pull",
    target: { type: "pull" },
    claim: async (h) => (await h.claim({ max: MAX })).map(({ job }) => job.id),
  },
  {
    name: "push",
    target: { type: "handler", name: "noop" },
    claim: async (h) => (await h.take(MAX)).map(({ id }) => id),
  },
];

/** A pack of jobs each with a spec of its own, others with rows behind it; then what the pack has is planted. */
export async function planted(h: HostedShard, plant: (specs: string[]) => string[] | "the spec of all") {
  const jobs = Array.from({ length: PACKED }, (_, i) => {
    h.host.leap(1);
    return h.job({ tags: [`t${i}`] });
  });
  const packed = await h.submit(jobs);
  const behind: string[] = [];
  for (let i = 0; i < BEHIND; i++) behind.push(await h.accept({ orderingKey: `k${i}` }));
  const rows = await h.host.sql<{ specs: string }>("SELECT specs FROM packs");
  expect(rows.length).toBe(1);
  const specs = plant(JSON.parse(`[${rows[0]?.specs}]`) as string[]);
  if (typeof specs === "string") await h.host.sql("UPDATE packs SET spec = '{no JSON', specs = NULL");
  else await h.host.sql("UPDATE packs SET specs = ?", specs.map((spec) => JSON.stringify(spec)).join(","));
  await h.host.restart();
  return { packed, behind };
}

/** Claims once a second, so often; a claim that comes upon more bad jobs than it can find at once is refused. */
export async function claimed(h: HostedShard, door: Door, times: number): Promise<{ ids: string[]; refused: number }> {
  const ids: string[] = [];
  let refused = 0;
  for (let i = 0; i < times; i++) {
    const taken = await door.claim(h).catch(() => null);
    if (taken === null) refused += 1;
    else ids.push(...taken);
    await h.host.advance(SECOND);
  }
  return { ids: ids.toSorted(), refused };
}

/** The tests, over what the shards are hosted by that `make` gives. */
export function testBadPacks(make: MakeHost): void {
  describe.each(DOORS)("jobs of a pack that cannot be read, through the door for $name", (door) => {
    test.each([0, 7, PACKED - 1])("one at place %i keeps none of the others from starting", async (bad) => {
      const h = new HostedShard(await make(), { target: door.target });
      const { packed, behind } = await planted(h, (specs) => specs.with(bad, "{no JSON"));
      const well = [...packed.toSpliced(bad, 1), ...behind];
      expect(await claimed(h, door, 6)).toEqual({ ids: well.toSorted(), refused: 0 });
      expect(await h.reasonOf(packed[bad] ?? "")).toBe("quarantined");
      expect(await h.broken()).toEqual(["row-readable", "nothing-set-aside"]);
    });

    test("all of them keep none of those behind them from starting", async () => {
      const h = new HostedShard(await make(), { target: door.target });
      const { packed, behind } = await planted(h, () => "the spec of all");
      expect(await claimed(h, door, 12)).toEqual({ ids: behind.toSorted(), refused: 0 });
      for (const id of packed) expect(await h.reasonOf(id)).toBe("quarantined");
    });
  });

  test.each([
    ["a row", "UPDATE jobs SET queue = 999 WHERE ordering_key = 'k'"],
    ["a pack", "UPDATE packs SET queue = 999"],
  ])("%s of a queue that the shard does not know keeps no other job from starting", async (what, plant) => {
    const h = new HostedShard(await make());
    const [packed, own] = [await h.accept({ tags: ["t"] }), await h.accept({ orderingKey: "k" })];
    expect((await h.rows("packs")).length).toBe(1);
    await h.host.sql(plant);
    await h.host.restart();
    const later = await h.accept({ orderingKey: "later" });
    const well = [what === "a row" ? packed : own, later].toSorted();
    const taken = async () => (await h.take()).map(({ id }) => id).toSorted();
    expect(await taken()).toEqual(well);
    await h.host.advance(30 * SECOND);
    expect(await taken()).toEqual(well);
    expect(await h.broken()).toContain("queue-known");
  });
}
