import { describe, expect, test } from "vitest";
import { Harness, idsOf } from "../../../rigs/shard-harness.ts";

const MIB = 1024 * 1024;
/** 256 KiB as bytes of UTF-8, and twice that on the wire: one character is beyond Latin-1. */
const LARGE = JSON.stringify(`${"x".repeat(256 * 1024 - 8)}é`.replace("é", "한"));

describe("an answer fits in one RPC", () => {
  test("a claim of large payloads stops short of the limit, and the next claim goes on", () => {
    const h = new Harness();
    h.submit(h.jobs(100, { payload: LARGE }));
    const first = idsOf(h.work().items);
    expect(first.length).toBeGreaterThan(20);
    expect(first.length * LARGE.length * 2).toBeLessThan(32 * MIB);
    const second = idsOf(h.work().items);
    expect(second.length).toBeGreaterThan(0);
    expect(second.filter((id) => first.includes(id))).toEqual([]);
  });

  test("one step that finished many large jobs is given to history in several pages, each job once", () => {
    const h = new Harness();
    h.submit(h.jobs(60, { payload: LARGE }));
    const reports: { lease: string; outcome: { ok: true; result: string; resultTruncated: false } }[] = [];
    for (let items = h.work().items; items.length > 0; items = h.work().items) {
      for (const { lease } of items)
        reports.push({ lease, outcome: { ok: true, result: LARGE, resultTruncated: false } });
    }
    h.work({ reports });
    const ids: string[] = [];
    let pages = 0;
    for (let at = { cursor: 0, skip: 0, more: true }; at.more; pages++) {
      const page = h.finished(at.cursor, 500, at.skip);
      const units = page.jobs.reduce((sum, job) => sum + job.payload.length + (job.result?.length ?? 0), 0);
      expect(units * 2).toBeLessThan(32 * MIB);
      ids.push(...page.jobs.map((job) => job.id));
      at = page;
    }
    expect(pages).toBeGreaterThan(1);
    expect(new Set(ids).size).toBe(60);
    expect(ids.length).toBe(60);
  });
});
