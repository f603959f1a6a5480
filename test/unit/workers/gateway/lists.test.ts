import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { QueueStats } from "../../../../contract/rpc.ts";
import type { Job } from "../../../../domain/job/job.ts";
import { mergePages, type Source } from "../../../../workers/gateway/jobs/job-list.ts";
import { mergeStats } from "../../../../workers/gateway/operations/queue-operations.ts";
import { slotViolations } from "../../../../workers/gateway/platform/audit.ts";
import { shares } from "../../../../workers/gateway/work/claiming.ts";

const job = (id: string, state = "queued") => ({ id, state }) as Job;
const ids = (jobs: Job[]) => jobs.map(({ id }) => id);

describe("merging pages", () => {
  test.each<[string, Source[], number, string[], string | null]>([
    ["nothing anywhere", [{ items: [], scannedTo: null }], 2, [], null],
    [
      "newest first over sources",
      [
        { items: [job("d"), job("a")], scannedTo: null },
        { items: [job("c")], scannedTo: null },
      ],
      9,
      ["d", "c", "a"],
      null,
    ],
    [
      "cut at the limit, going on below the last",
      [
        { items: [job("d"), job("a")], scannedTo: null },
        { items: [job("c")], scannedTo: null },
      ],
      2,
      ["d", "c"],
      "c",
    ],
    [
      "what lies below a source's frontier waits",
      [
        { items: [job("d"), job("c")], scannedTo: "c" },
        { items: [job("a")], scannedTo: null },
      ],
      9,
      ["d", "c"],
      "c",
    ],
    [
      "an empty source that has not looked further holds all back",
      [
        { items: [job("b")], scannedTo: null },
        { items: [], scannedTo: "c" },
      ],
      9,
      [],
      "c",
    ],
  ])("%s", (_, sources, limit, items, before) => {
    const page = mergePages(sources, limit);
    expect(ids(page.items)).toEqual(items);
    expect(page.before).toBe(before);
  });

  test("the earlier source's copy of a job wins", () => {
    const page = mergePages(
      [
        { items: [job("a", "running")], scannedTo: null },
        { items: [job("a", "failed")], scannedTo: null },
      ],
      9,
    );
    expect(page.items).toEqual([job("a", "running")]);
  });

  test("walking all pages yields every job once, newest first", () => {
    const sourceIds = fc.array(fc.uniqueArray(fc.stringMatching(/^[a-z]{3}$/), { maxLength: 30 }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(sourceIds, fc.integer({ min: 1, max: 7 }), (sources, limit) => {
        const seen: string[] = [];
        let before: string | null = null;
        do {
          const pages = sources.map((all): Source => {
            const below = all
              .filter((id) => before === null || id < before)
              .sort()
              .reverse();
            const items = below.slice(0, limit);
            return {
              items: items.map((id) => job(id)),
              scannedTo: below.length > limit ? (items.at(-1) ?? null) : null,
            };
          });
          const page = mergePages(pages, limit);
          seen.push(...ids(page.items));
          before = page.before;
        } while (before !== null);
        expect(seen).toEqual([...new Set(sources.flat())].sort().reverse());
      }),
    );
  });
});

describe("a claim's share of each shard", () => {
  test.each<[string[], number, number[]]>([
    [["a", "b"], 10, [5, 5]],
    [["a", "b", "c"], 10, [4, 3, 3]],
    [["a", "b", "c"], 2, [1, 1]],
    [["a"], 100, [100]],
  ])("%j of %i", (shards, max, parts) => {
    expect(shares(shards, max).map((share) => share.max)).toEqual(parts);
  });
});

describe("slots", () => {
  const owning = (shard: string, ...ranges: [number, number][]) => ({
    shard,
    slots: ranges.map(([from, to]) => ({ from, to })),
  });

  test("owned once each are no violation", () => {
    expect(slotViolations([owning("a", [0, 2000], [3000, 4095]), owning("b", [2001, 2999])])).toEqual([]);
  });

  test("owned twice or by nobody are", () => {
    const violations = slotViolations([owning("a", [0, 2000]), owning("b", [2000, 4000])]);
    expect(violations).toEqual([
      { shard: "b", rule: "slot-owned-twice", detail: "1 slots, the first 2000, are also owned by a" },
      { shard: "", rule: "slot-unowned", detail: "95 slots, the first 4001" },
    ]);
  });
});

test("a queue's numbers add up over shards, with history's succeeded jobs", () => {
  const stats = (part: Partial<QueueStats>): QueueStats => ({
    counts: { scheduled: 0, queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 },
    unprojectedSucceeded: 0,
    oldestQueuedAt: null,
    inFlight: 0,
    parkedKeys: 0,
    perSecond: { accepted: 0, started: 0, finished: 0 },
    latenciesMs: [],
    ...part,
  });
  const counts = { scheduled: 1, queued: 2, running: 3, succeeded: 50, failed: 4, cancelled: 5 };
  const merged = mergeStats(
    "q",
    [
      stats({ counts, unprojectedSucceeded: 7, oldestQueuedAt: 2000, inFlight: 3, latenciesMs: [1, 9] }),
      stats({ counts, unprojectedSucceeded: 1, oldestQueuedAt: 1000, latenciesMs: [5] }),
    ],
    100,
  );
  expect(merged.counts).toEqual({ scheduled: 2, queued: 4, running: 6, succeeded: 108, failed: 8, cancelled: 10 });
  expect(merged.oldestQueuedAt).toBe("1970-01-01T00:00:01.000Z");
  expect(merged.latencyMs).toEqual({ p50: 5, p95: 9, p99: 9 });
  expect(mergeStats("q", [stats({})], 0).latencyMs).toEqual({ p50: null, p95: null, p99: null });
});
