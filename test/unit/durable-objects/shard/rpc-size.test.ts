import { describe, expect, test } from "vitest";
import { Harness, idsOf } from "../../../rigs/shard-harness.ts";

const MIB = 1024 * 1024;
/** 256 KiB as bytes of UTF-8, and twice that on the wire: one character is beyond Latin-1. */
const LARGE = JSON.stringify(`${"x".repeat(256 * 1024 - 8)}é`.replace("é", "한"));

describe("an answer fits in one RPC", { timeout: 120_000 }, () => {
  test("a claim of large payloads stops short of the limit, and the next claim goes on", () => {
    const h = new Harness();
    h.submit(h.jobs(70, { payload: LARGE }));
    const first = idsOf(h.work().items);
    expect(first.length).toBeGreaterThan(20);
    expect(first.length * LARGE.length * 2).toBeLessThan(32 * MIB);
    const second = idsOf(h.work().items);
    expect(second.length).toBeGreaterThan(0);
    expect(second.filter((id) => first.includes(id))).toEqual([]);
  });

  test("a claim brings no more bytes than the executor has memory for, and the rest stays ready", () => {
    const h = new Harness();
    h.submit(h.jobs(30, { payload: LARGE }));
    expect(h.work({ bytes: 4 * MIB }).items.length).toBe(16);
    expect(h.work({ bytes: MIB }).items.length).toBe(4);
    expect(h.work({ bytes: 100 }).items).toEqual([]);
    expect(h.work().items.length).toBeGreaterThan(0);
  });

  test("one step that finished many large jobs is given to history in several pages, each job once", () => {
    const h = new Harness();
    h.submit(h.jobs(40, { payload: LARGE }));
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
    expect(new Set(ids).size).toBe(40);
    expect(ids.length).toBe(40);
  });
});

/** 4 KB with one character beyond Latin-1, so that each takes two bytes on the wire. */
const LONG_MESSAGE = `${"x".repeat(4_090)}→`;

/** A queue whose jobs have failed 41 times each, with long messages: one has done so itself, and lent the others its row. */
function oftenFailed(jobs: number): Harness {
  const retry = { maxAttempts: 100, backoff: "constant", delayMs: 0, maxDelayMs: 0, jitter: "none" } as const;
  const h = new Harness({ target: { type: "pull" }, retry });
  const payload = JSON.stringify("x".repeat(40_000));
  const first = h.accept({ payload });
  for (let attempt = 0; attempt < 41; attempt++) {
    const [claimed] = h.claim();
    h.fail(claimed?.lease ?? "", { message: LONG_MESSAGE }, 0);
  }
  if (jobs > 1) h.submit(h.jobs(jobs - 1, { payload }));
  h.sql.run(
    `UPDATE jobs SET (attempt, attempts, error) = (SELECT attempt, attempts, error FROM jobs WHERE id = ?1)
       WHERE id <> ?1`,
    first,
  );
  return h;
}

/** What an answer takes on the wire at most: two bytes a character. */
function wireBytes(answer: unknown): number {
  return 2 * JSON.stringify(answer).length;
}

describe("a claim of jobs that have failed often", () => {
  test("has the last two attempts of each and fits, and all that is kept for who asks for it, and fits", {
    timeout: 120_000,
  }, () => {
    const h = oftenFailed(100);
    const plain = h.claim({ max: 100 });
    expect(plain.length).toBe(100);
    expect(wireBytes(plain)).toBeLessThan(32 * MIB);
    expect(plain[0]?.job.attempts.map(({ number }) => number)).toEqual([41, 42]);
    for (const { lease } of plain) h.fail(lease, {}, 0);
    const whole = h.claim({ max: 100, allAttempts: true });
    expect(whole.length).toBeGreaterThan(50);
    expect(wireBytes(whole)).toBeLessThan(32 * MIB);
    expect(whole[0]?.job.attempts.length).toBe(43);
    // What does not fit is not leased: the next claim has it.
    expect(whole.length + h.claim({ max: 100 }).length).toBe(100);
  });

  test("leaves rows that Cloudflare takes", () => {
    const h = oftenFailed(1);
    for (let attempt = 0; attempt < 60; attempt++) {
      const [claimed] = h.claim();
      h.fail(claimed?.lease ?? "", { message: "\u0001".repeat(4_096) }, 0);
    }
    const [row] = h.sql.all<{ bytes: number }>("SELECT octet_length(attempts) AS bytes FROM jobs");
    expect(row?.bytes).toBeLessThan(60_001);
  });
});
