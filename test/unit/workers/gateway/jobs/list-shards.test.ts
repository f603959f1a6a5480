import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isProblem, unavailable } from "../../../../../contract/problems.ts";
import type { ListRequest } from "../../../../../contract/rpc.ts";
import type { Job } from "../../../../../domain/job/job.ts";
import { mergePages } from "../../../../../workers/gateway/jobs/job-list.ts";
import { askShards, charactersOf } from "../../../../../workers/gateway/jobs/list-shards.ts";
import { ShardsRig } from "../../../../rigs/gateway-parts.ts";
import { replyOf } from "../../../../rigs/replies.ts";

const REQUEST = {
  namespace: "default",
  filter: { queue: null, state: null, tag: null, orderingKey: null, createdAfter: null, createdBefore: null },
  before: null,
  include: { payload: false, result: false, attempts: false },
};

const job = (id: string, payload = "null") => ({ id, payload, result: null }) as Job;

/** Four shards with these jobs, by their ids, in any order. Those that begin with "x" have been deleted. */
function shardsWith(ids: Record<string, string[]>, payload = "null") {
  const asked: { shard: string; limit: number; before: string | null; characters: number | undefined }[] = [];
  const rig = new ShardsRig({
    shard: (shard) => ({
      list: async ({ limit, before, characters }: ListRequest) => {
        asked.push({ shard, limit, before, characters });
        const below = (ids[shard] ?? []).filter((id) => before === null || id.slice(1) < before);
        const newest = below.sort((a, b) => (a.slice(1) < b.slice(1) ? 1 : -1));
        const items: Job[] = [];
        const gone: string[] = [];
        let scannedTo: string | null = null;
        for (const id of newest) {
          if (id.startsWith("x")) gone.push(id.slice(1));
          else items.push(job(id.slice(1), payload));
          if (items.length < limit) continue;
          scannedTo = id.slice(1);
          break;
        }
        return replyOf({ type: "page", items, scannedTo, gone }, { seq: asked.length, forgotten: asked.length });
      },
    }),
  });
  const pages = async (limit: number) => {
    const answer = await askShards({ shards: rig.client }, { ...REQUEST, limit });
    if (isProblem(answer)) throw new Error(answer.code);
    return answer;
  };
  return { asked, pages, client: rig.client };
}

const named = (n: number, from = 100) => Array.from({ length: n }, (_, i) => `j${from + i}`);

describe("the newest jobs of all shards", () => {
  test("are asked of each once where they lie evenly, a few of each", async () => {
    const ids = Object.fromEntries([0, 1, 2, 3].map((shard) => [`shard-${shard}`, [] as string[]]));
    for (const [i, id] of named(400, 1_000).entries()) ids[`shard-${i % 4}`]?.push(id);
    const { asked, pages } = shardsWith(ids);
    const page = mergePages(
      (await pages(100)).map(({ reply }) => reply),
      100,
    );
    expect(page.items.map(({ id }) => id)).toEqual(
      named(100, 1_300)
        .map((id) => id.slice(1))
        .reverse(),
    );
    expect(asked.map(({ limit }) => limit)).toEqual([56, 56, 56, 56]);
  });

  test("are asked once more of the one that has more of the page than its part, for what is left of it", async () => {
    const { asked, pages } = shardsWith({ "shard-2": named(300, 1_000), "shard-1": ["j0001", "j0002"] });
    const found = await pages(100);
    expect(found.map(({ reply }) => reply.items.length)).toEqual([0, 2, 100, 0]);
    expect(asked.slice(4)).toMatchObject([{ shard: "shard-2", limit: 44, before: "1244" }]);
    // History is to have all that had left the shard when it answered last.
    expect(found[2]?.log).toMatchObject({ seq: 5, forgotten: 5 });
  });

  test("are not asked for more than a page that is small", async () => {
    const { asked, pages } = shardsWith({ "shard-0": named(50) });
    expect((await pages(5))[0]?.reply).toMatchObject({ items: { length: 5 }, scannedTo: "145" });
    expect(asked.map(({ limit }) => limit)).toEqual([5, 5, 5, 5]);
  });

  test("of large payloads are no more characters than an isolate has room for", async () => {
    const payload = "x".repeat(30_000);
    const { asked, pages } = shardsWith({ "shard-0": named(100) }, payload);
    const [page] = await pages(100);
    expect(charactersOf(page?.reply.items ?? [])).toBe(100 * 30_000);
    const budget = (8 * 1024 * 1024) / 4;
    expect(asked.map(({ characters }) => characters)).toEqual([budget, budget, budget, budget, budget - 56 * 30_000]);
  });

  test("are those that asking each for a whole page would find, wherever they lie", async () => {
    const place = fc.record({ shard: fc.nat({ max: 3 }), deleted: fc.boolean(), id: fc.nat({ max: 9_999 }) });
    const places = fc.uniqueArray(place, { selector: ({ id }) => id, minLength: 60, maxLength: 150 });
    await fc.assert(
      fc.asyncProperty(places, fc.integer({ min: 10, max: 60 }), fc.boolean(), async (all, limit, skewed) => {
        const ids: Record<string, string[]> = {};
        for (const { shard, deleted, id } of all) {
          const name = `shard-${skewed ? Math.floor(shard / 3) : shard}`;
          ids[name] = [...(ids[name] ?? []), `${deleted ? "x" : "j"}${String(id).padStart(4, "0")}`];
        }
        const { pages, asked } = shardsWith(ids);
        const replies = (await pages(limit)).map(({ reply }) => reply);
        const newest = all
          .filter(({ deleted }) => !deleted)
          .map(({ id }) => String(id).padStart(4, "0"))
          .sort()
          .reverse();
        const page = mergePages(replies, limit);
        expect(page.items.map(({ id }) => id)).toEqual(newest.slice(0, limit));
        expect(asked.length).toBeLessThanOrEqual(8);
        // What has been deleted in the range of the page is told, in whichever answer it was.
        const gone = new Set(replies.flatMap((reply) => reply.gone));
        const below = page.before ?? "";
        for (const { id, deleted } of all) {
          const name = String(id).padStart(4, "0");
          if (deleted && name > below) expect(gone).toContain(name);
        }
      }),
    );
  });

  test("are a problem where one shard does not answer, and a shorter page where it does so no more", async () => {
    const failing = (failsAt: number) => {
      let calls = 0;
      const items = named(20).map((id) => job(id));
      const rig = new ShardsRig({
        shard: (shard) => ({
          list: async () => {
            if (++calls >= failsAt) throw new Error("away");
            return replyOf({ type: "page", items: shard === "shard-0" ? items : [], scannedTo: "j100", gone: [] });
          },
        }),
      });
      return askShards({ shards: rig.client }, { ...REQUEST, limit: 28 });
    };
    expect(await failing(1)).toMatchObject({ code: unavailable.part().code });
    expect(await failing(5)).toMatchObject([{ reply: { items: { length: 20 }, scannedTo: "j100" } }, {}, {}, {}]);
  });
});
