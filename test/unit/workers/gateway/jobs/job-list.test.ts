import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Job } from "../../../../../domain/job/job.ts";
import { mergePages, type Source } from "../../../../../workers/gateway/jobs/job-list.ts";

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
