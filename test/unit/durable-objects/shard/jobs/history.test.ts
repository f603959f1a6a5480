import { describe, expect, test } from "vitest";
import {
  BOOM,
  CALL,
  DAY,
  Harness,
  HOUR,
  idsOf,
  MINUTE,
  only,
  RowHarness,
  SECOND,
} from "../../../../rigs/shard-harness.ts";

const page = (h: Harness, after = 0, limit = 100, skip = 0) => h.finished(after, limit, skip);

describe("the log of finished jobs", () => {
  test("tells them in the order they finished, whatever their end", () => {
    const h = new RowHarness();
    const [a, b, c, d] = [h.accept(), h.accept(), h.accept({ expiresAt: h.now + SECOND }), h.accept()];
    h.cancel(d ?? "");
    const leases = new Map(h.take(2).map(({ id, lease }) => [id, lease]));
    h.succeed(leases.get(b ?? "") ?? "");
    h.advance(SECOND);
    h.fail(leases.get(a ?? "") ?? "", { retryable: false });
    const { jobs } = page(h);
    expect(idsOf(jobs)).toEqual([d, b, c, a]);
    expect(jobs.map(({ state }) => state)).toEqual(["cancelled", "succeeded", "failed", "failed"]);
    expect(jobs).toEqual(jobs.map(({ id }) => h.get(id)));
  });

  test("comes in pages, each after the cursor of the one before, and none is told twice", () => {
    const h = new Harness();
    const ids = Array.from({ length: 7 }, () => h.accept());
    for (const id of ids) h.cancel(id);
    const seen: string[] = [];
    let after = 0;
    const mores: boolean[] = [];
    for (let i = 0; i < 4; i++) {
      const reply = page(h, after, 2);
      seen.push(...idsOf(reply.jobs));
      mores.push(reply.more);
      after = reply.cursor;
    }
    expect(seen).toEqual(ids);
    expect(mores).toEqual([true, true, true, false]);
    expect(page(h, after)).toEqual({
      chunks: [],
      jobs: [],
      cursor: after,
      skip: 0,
      more: false,
      projected: 0,
      pauseMs: 20,
    });
  });

  test("asked again from an old cursor tells the same again", () => {
    const h = new Harness();
    for (let i = 0; i < 5; i++) h.cancel(h.accept());
    const first = page(h, 0, 3);
    h.restart();
    // What the shard was doing before it does not know any more.
    expect(page(h, 0, 3)).toEqual({ ...first, pauseMs: 0 });
  });

  test("costs one entry a step, however many jobs finished in it", () => {
    const h = new Harness();
    h.submit(h.jobs(100));
    const outcome = { ok: true, result: null, resultTruncated: false } as const;
    h.work({ reports: h.take().map(({ lease }) => ({ lease, outcome })) });
    expect(h.count("finished")).toBe(1);
    expect(h.project()).toHaveLength(100);
  });

  test("ends a page inside a long entry and goes on there, though a job of it was redriven in between", () => {
    const h = new Harness();
    h.submit(h.jobs(100));
    const reports = h.take().map(({ lease }) => ({
      lease,
      outcome: { ok: false as const, error: { ...BOOM, retryable: false }, retryAfterMs: null },
    }));
    h.work({ reports, room: { handler: 0, http: 0 } });
    h.cancel(h.accept());
    const ids = idsOf(h.project());
    expect(ids).toHaveLength(101);
    const seen: string[] = [];
    let pages = 0;
    for (let at = { cursor: 0, skip: 0, more: true }; at.more; pages++) {
      const reply = page(h, at.cursor, 30, at.skip);
      seen.push(...idsOf(reply.jobs));
      if (pages === 0) h.retry(ids[0] ?? "");
      at = reply;
    }
    expect(pages).toBeGreaterThan(1);
    expect(seen).toEqual(ids);
  });

  test("leaves out a job that was redriven since; it comes again when it is final again", () => {
    const h = new Harness();
    const [id, other] = [h.accept(), h.accept()];
    h.cancel(id);
    h.cancel(other);
    h.retry(id);
    const before = page(h);
    expect(idsOf(before.jobs)).toEqual([other]);
    h.succeed(h.takeOne().lease);
    const after = page(h, before.cursor);
    expect(after.jobs).toMatchObject([{ id, state: "succeeded" }]);
  });

  test("tells a job that was redriven and ended again once, in its newest version", () => {
    const h = new Harness();
    const id = h.accept();
    h.cancel(id);
    h.retry(id);
    h.cancel(id);
    expect(page(h).jobs).toEqual([h.get(id)]);
  });

  test("versions only grow, so that of two copies the newer is known", () => {
    const h = new Harness();
    const id = h.accept();
    const versions = [h.get(id).version];
    const note = () => versions.push(h.get(id).version);
    h.fail(h.takeOne().lease);
    note();
    h.advance(SECOND);
    note();
    const { lease } = h.takeOne();
    note();
    h.extend(lease, HOUR);
    note();
    h.cancel(id);
    note();
    h.retry(id);
    note();
    const last = h.takeOne();
    note();
    h.succeed(last.lease);
    note();
    for (let i = 1; i < versions.length; i++) expect(versions[i]).toBeGreaterThan(versions[i - 1] ?? 0);
  });
});

describe("a finished job is forgotten", () => {
  test("only when history has it and its time is over: a succeeded one after ten minutes", () => {
    const h = new Harness();
    const id = h.accept();
    h.succeed(h.takeOne().lease);
    h.advance(DAY);
    expect(h.has(id)).toBe(true);
    h.project();
    h.advance(0);
    expect([h.has(id), h.count("finished")]).toEqual([false, 0]);
  });

  test("not for a minute, however short its retention: its submission may be sent again", () => {
    const h = new Harness({ retentionMs: SECOND });
    const job = h.job();
    h.submit([job]);
    h.succeed(h.takeOne().lease);
    h.project();
    h.advance(30 * SECOND);
    expect(h.submit([job])).toMatchObject([{ type: "accepted" }]);
    expect(h.take()).toEqual([]);
    h.advance(MINUTE);
    expect(h.has(job.id)).toBe(false);
  });

  test("ten minutes after it succeeded, when history was quicker", () => {
    const h = new Harness();
    const id = h.accept();
    h.succeed(h.takeOne().lease);
    h.project();
    h.advance(10 * MINUTE - 1);
    expect(h.has(id)).toBe(true);
    h.advance(1);
    expect(h.has(id)).toBe(false);
  });

  test("a failed or cancelled one when the queue's retention ends", () => {
    const h = new Harness({ retentionMs: 2 * DAY });
    const ids = [h.accept(), h.accept()];
    h.cancel(ids[1] ?? "");
    h.failOne();
    h.project();
    h.advance(2 * DAY - 1);
    expect(ids.map((id) => h.has(id))).toEqual([true, true]);
    h.advance(1);
    expect(ids.map((id) => h.has(id))).toEqual([false, false]);
  });

  test("a succeeded one sooner than that when the retention is shorter", () => {
    const h = new Harness({ retentionMs: MINUTE });
    const id = h.accept();
    h.succeed(h.takeOne().lease);
    h.project();
    h.advance(MINUTE);
    expect(h.has(id)).toBe(false);
  });

  test("a failed one not before its idempotency key is", () => {
    const h = new Harness({ retentionMs: MINUTE, idempotencyWindowMs: HOUR });
    const job = h.job({ idempotency: { key: "i", hash: "h" } });
    h.submit([job]);
    h.cancel(job.id);
    h.project();
    h.advance(HOUR - 1);
    expect(only(h.submit([h.job({ idempotency: { key: "i", hash: "h" } })]))).toMatchObject({
      type: "replayed",
      job: { id: job.id, state: "cancelled" },
    });
    h.advance(1);
    expect(h.has(job.id)).toBe(false);
  });

  test("never while it was redriven and is not final, nor under its earlier end's clock", () => {
    const h = new Harness({ retentionMs: DAY });
    const id = h.accept();
    h.cancel(id);
    h.project();
    h.advance(DAY - HOUR);
    h.retry(id);
    h.advance(HOUR);
    expect(h.state(id)).toBe("queued");
    h.failOne();
    h.project();
    h.advance(DAY - 1);
    expect(h.has(id)).toBe(true);
    h.advance(1);
    expect(h.has(id)).toBe(false);
  });

  test("exactly up to the projector's cursor, and an older word than the last changes nothing", () => {
    const h = new RowHarness();
    const ids = [h.accept(), h.accept(), h.accept()];
    for (const { lease } of h.take()) h.succeed(lease);
    const two = page(h, 0, 2).cursor;
    h.core.projected({ ...CALL, cursor: two, bookmark: null });
    h.core.projected({ ...CALL, cursor: 0, bookmark: null });
    h.restart();
    h.advance(HOUR);
    expect(ids.map((id) => h.has(id))).toEqual([false, false, true]);
  });

  test("with a thousand others, by the alarm alone", () => {
    const h = new RowHarness();
    h.submit(h.jobs(300));
    for (let items = h.take(); items.length > 0; items = h.take()) for (const { lease } of items) h.succeed(lease);
    expect(h.count("finished")).toBe(300);
    h.project();
    h.advance(HOUR);
    expect([h.count("jobs"), h.count("finished")]).toEqual([0, 0]);
    expect(h.broken()).toEqual([]);
  });

  test("and its key still answers with its id, without the job", () => {
    const h = new Harness();
    const job = h.job({ idempotency: { key: "i", hash: "h" } });
    h.submit([job]);
    h.succeed(h.takeOne().lease);
    h.project();
    h.advance(2 * HOUR);
    expect(h.has(job.id)).toBe(false);
    const again = { idempotency: { key: "i", hash: "h" } };
    expect(only(h.submit([h.job(again)]))).toEqual({ type: "replayed", id: job.id, job: null });
    expect(only(h.submit([h.job({ idempotency: { key: "i", hash: "other" } })]))).toEqual({
      type: "mismatch",
      id: job.id,
    });
  });

  test("and its lease is unknown from then on", () => {
    const h = new Harness();
    h.accept();
    const { lease } = h.takeOne();
    h.succeed(lease);
    h.project();
    h.advance(HOUR);
    expect(h.succeed(lease)).toBe("unknown");
  });
});

describe("what a shard still holds", () => {
  test("names exactly those of the asked ids that it has", () => {
    const h = new Harness();
    const [mine, foreign] = [h.accept(), h.job().id];
    expect(h.core.existingIds({ ...CALL, ids: [foreign, mine, "nonsense"] })).toEqual({
      type: "existing",
      ids: [mine],
    });
    expect(h.core.existingIds({ ...CALL, ids: [] })).toEqual({ type: "existing", ids: [] });
  });
});

describe("who waits for a job", () => {
  test("is told of every job that became final, after the commit, and of no other", () => {
    const h = new Harness();
    const told: string[] = [];
    h.core.engine.listen(({ woken }) => {
      for (const [key] of woken) {
        if (!key.startsWith("job:")) continue;
        const id = key.slice("job:".length);
        expect(["succeeded", "failed", "cancelled"]).toContain(h.state(id));
        told.push(id);
      }
    });
    const [a, b, c, d] = [h.accept(), h.accept(), h.accept({ expiresAt: h.now + SECOND, delayMs: DAY }), h.accept()];
    h.cancel(d ?? "");
    const [first, second] = h.take();
    h.succeed(first?.lease ?? "");
    h.fail(second?.lease ?? "");
    h.advance(SECOND);
    h.failOne();
    expect(told).toEqual([d, a, c, b]);
  });
});

describe("history without room", () => {
  test("is tried again every minute, whatever finishes meanwhile, and goes on when there is", () => {
    const h = new Harness();
    let tries = 0;
    const tryToCopy = (full: boolean) => {
      tries += 1;
      if (!full) return void h.project();
      h.finished();
      h.core.projected({ ...CALL, cursor: 0, bookmark: null, full });
    };
    const answerBells = (full: boolean) => {
      for (const { bell } of h.bells.splice(0)) if (bell.kind === "history") tryToCopy(full);
    };
    for (let second = 0; second < 120; second++) {
      h.cancel(h.accept());
      answerBells(true);
      h.advance(SECOND);
      answerBells(true);
    }
    expect(tries).toBeGreaterThanOrEqual(2);
    expect(tries).toBeLessThanOrEqual(3);
    expect(h.core.health(CALL)).toMatchObject({ unprojected: 120, historyFullSince: expect.any(Number) });
    expect(h.broken()).toEqual(["history-has-room"]);
    for (let second = 0; second < 70; second++) {
      answerBells(false);
      h.advance(SECOND);
    }
    expect(h.core.health(CALL)).toMatchObject({ unprojected: 0, historyFullSince: null });
    expect(h.broken()).toEqual([]);
  });
});
