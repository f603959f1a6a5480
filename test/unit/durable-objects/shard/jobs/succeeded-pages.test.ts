import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FinishedReply } from "../../../../../contract/rpc.ts";
import {
  jobsOfPage,
  MAX_PAGE_BYTES,
  MAX_PAGE_JOBS,
  MAX_PAGED_JOB_BYTES,
  pageContent,
  pageSpan,
} from "../../../../../contract/succeeded-page.ts";
import type { Job } from "../../../../../domain/job/job.ts";
import { CALL, Harness, RowHarness, SECOND } from "../../../../rigs/shard-harness.ts";
import { finishedIn, jobsIn } from "../../../../simulation/history-text.ts";

const NO_ROOM = { handler: 0, http: 0 };

function succeedAll(h: Harness, result: (i: number) => string | null = () => "null"): void {
  for (let taken = h.take(); taken.length > 0; taken = h.take()) {
    const reports = taken.map(({ lease }, i) => ({
      lease,
      outcome: { ok: true, result: result(i), resultTruncated: i % 5 === 0 } as const,
    }));
    h.work({ reports, room: NO_ROOM });
  }
}

const sorted = (jobs: Job[]) => jobs.toSorted((a, b) => (a.id < b.id ? -1 : 1));
const sizes = (reply: FinishedReply) => reply.pages?.map(({ n }) => n) ?? [];

describe("pages of succeeded jobs", () => {
  test("each job is as its shard has it, whatever it is and whatever befell it", () => {
    const text = fc.oneof(fc.json(), fc.constant(JSON.stringify("\u0000 두레 \u2028 ' \" \\")));
    const key = fc.option(fc.string({ minLength: 1, maxLength: 8 }), { nil: null });
    const one = fc.record({
      payload: text,
      priority: fc.nat(9),
      orderingKey: key,
      tags: fc.array(fc.string({ minLength: 1, maxLength: 5 }), { maxLength: 3 }),
      expires: fc.boolean(),
      fails: fc.boolean(),
      result: fc.option(text, { nil: null }),
    });
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 12 }), (wanted) => {
        const h = new Harness();
        const results = new Map<string, string | null>();
        for (const { payload, priority, orderingKey, tags, expires, result } of wanted) {
          const expiresAt = expires ? h.now + 3_600_000 : null;
          results.set(h.accept({ payload, priority, orderingKey, tags, expiresAt }), result);
          h.advance(7);
        }
        const failing = new Set([...results.keys()].filter((_, i) => wanted[i]?.fails));
        for (let rounds = 0; rounds < 60; rounds++) {
          for (const { id, lease } of h.take()) {
            if (failing.delete(id)) h.fail(lease, { message: "once" });
            else h.succeed(lease, results.get(id) ?? null);
          }
          h.advance(60 * SECOND);
        }
        const reply = h.pages();
        expect(jobsIn(reply.chunks)).toEqual([]);
        const jobs = finishedIn(reply);
        expect(sorted(jobs)).toEqual(sorted(jobs.map(({ id }) => h.get(id))));
        expect(jobs).toHaveLength(wanted.length);
        expect(JSON.stringify(reply.pages)).not.toContain("nonce");
      }),
      { numRuns: 40 },
    );
  });

  test("are of one queue, of half a minute, of a hundred jobs and of some bytes", () => {
    const h = new Harness();
    h.submit(h.jobs(150));
    succeedAll(h);
    expect(sizes(h.pages(0, 0, 300))).toEqual([MAX_PAGE_JOBS, 50]);
    const payload = JSON.stringify("x".repeat(60_000));
    const large = new Harness();
    large.submit(large.jobs(10, { payload }));
    succeedAll(large);
    const reply = large.pages();
    expect(sizes(reply)).toEqual([4, 4, 2]);
    expect(reply.pages?.every(({ bytes }) => bytes <= MAX_PAGE_BYTES)).toBe(true);
    const long = new Harness();
    long.accept();
    long.advance(40 * SECOND);
    long.submit(long.jobs(2));
    succeedAll(long);
    expect(sizes(long.pages()).sort()).toEqual([1, 2]);
    for (const page of long.pages().pages ?? []) {
      const ids = jobsOfPage(pageContent(page)).map(({ id }) => pageSpan(id).from);
      expect(new Set(ids).size).toBe(1);
    }
  });

  test("have no job that failed, was cancelled, is very large or has a deduplication key: those come in rows", () => {
    const h = new Harness();
    const [bad, gone] = [h.accept({ retry: { maxAttempts: 1 } as never }), h.accept()];
    const lease = h.take().find(({ id }) => id === bad)?.lease ?? "";
    h.fail(lease, { retryable: false });
    h.cancel(gone);
    const large = h.accept({ payload: JSON.stringify("y".repeat(MAX_PAGED_JOB_BYTES)) });
    const plain = h.accept();
    succeedAll(h);
    const reply = h.pages();
    expect(
      jobsIn(reply.chunks)
        .map(({ id }) => id)
        .sort(),
    ).toEqual([bad, gone, large].sort());
    expect((reply.pages ?? []).flatMap((page) => jobsOfPage(pageContent(page)).map(({ id }) => id))).toEqual([plain]);
    expect(reply.jobs).toBe(4);
  });

  test("come by small pages as by large ones, each job once", () => {
    const h = new Harness();
    h.submit(h.jobs(23));
    succeedAll(h);
    for (const limit of [1, 4, 22, 23, 100]) {
      const ids: string[] = [];
      for (let at = { cursor: 0, skip: 0, more: true }; at.more; ) {
        const reply = h.pages(at.cursor, at.skip, limit);
        ids.push(...finishedIn(reply).map(({ id }) => id));
        at = reply;
      }
      expect([limit, ids.length, new Set(ids).size]).toEqual([limit, 23, 23]);
    }
  });

  test("end where they are too large for one answer, and go on there", () => {
    const h = new Harness();
    const payload = JSON.stringify("z".repeat(250_000));
    h.submit(h.jobs(30, { payload }));
    succeedAll(h);
    const first = h.pages();
    expect(first).toMatchObject({ more: true, cursor: 0 });
    expect(first.jobs).toBe(first.skip);
    expect(first.jobs).toBeLessThan(12);
    const next = h.pages(first.cursor, first.skip);
    const seen = [...finishedIn(first), ...finishedIn(next)].map(({ id }) => id);
    expect(new Set(seen).size).toBe(seen.length);
  });

  test("a row that cannot be read spoils no page", () => {
    const h = new RowHarness();
    h.submit(h.jobs(5));
    succeedAll(h);
    const [victim] = finishedIn(h.pages()).map(({ id }) => id);
    h.sql.run("UPDATE jobs SET spec = '{' WHERE id = ?", victim ?? "");
    const reply = h.pages();
    expect(finishedIn(reply)).toHaveLength(4);
    h.sql.run("UPDATE jobs SET spec = '{}', worker = x'00ff' WHERE id = ?", victim ?? "");
    // SQLite makes no JSON of it: then each goes by itself.
    expect(sizes(h.pages())).toEqual([]);
    expect(jobsIn(h.pages().chunks).length).toBeGreaterThanOrEqual(4);
  });

  test("are given to whoever asks for them alone", () => {
    const h = new Harness();
    h.submit(h.jobs(3));
    succeedAll(h);
    const reply = h.core.finished({ ...CALL, after: 0, limit: 100, skip: 0 });
    expect(reply).not.toHaveProperty("pages");
    expect(jobsIn(reply.chunks)).toHaveLength(3);
  });

  test("ask the projector to wait while the shard accepts or hands out jobs, and not when it rests", () => {
    const h = new Harness();
    h.submit(h.jobs(3));
    succeedAll(h);
    expect(h.pages().pauseMs).toBe(20);
    h.advance(1 * SECOND);
    expect(h.pages().pauseMs).toBe(20);
    h.advance(2 * SECOND);
    expect(h.pages().pauseMs).toBe(0);
    h.accept();
    expect(h.pages().pauseMs).toBe(20);
  });

  test("say how far history was, so that a lost position is noticed", () => {
    const h = new Harness();
    h.submit(h.jobs(3));
    succeedAll(h);
    const { cursor } = h.pages();
    expect(h.pages().projected).toBe(0);
    h.core.projected({ ...CALL, cursor, bookmark: null });
    expect(h.pages().projected).toBe(cursor);
  });
});
