import { describe, expect, test } from "vitest";
import type { ListReply, Told } from "../../contract/rpc.ts";
import { FORGOTTEN_MIGRATIONS } from "../../durable-objects/shard/jobs/forgotten-schema.ts";
import { CALL, Harness, HOUR, MINUTE, only, SECOND } from "./shard-harness.ts";

const EVERY = {
  queue: null,
  state: null,
  tag: null,
  orderingKey: null,
  createdAfter: null,
  createdBefore: null,
};

function list(h: Harness): ListReply {
  const include = { payload: false, result: false, attempts: false };
  return h.core.dated(h.core.list({ ...CALL, namespace: "default", filter: EVERY, before: null, limit: 50, include }));
}

function get(h: Harness, id: string): Told & { type: string } {
  return h.core.dated(h.core.get({ ...CALL, namespace: "default", id, waitMs: 0 }));
}

/** The numbers in the log, in order. */
function log(h: Harness): number[] {
  return h.sql.all<{ seq: number }>("SELECT seq FROM finished ORDER BY seq").map(({ seq }) => seq);
}

/** A job that has succeeded, and history knows. */
function done(h: Harness): string {
  const id = h.accept();
  h.succeed(h.takeOne().lease);
  return id;
}

describe("a reply tells how far the log of finished jobs is", () => {
  test("from 0 on, by the newest number, whoever is asked about", () => {
    const h = new Harness();
    const live = h.accept();
    expect(get(h, live)).toMatchObject({ type: "job", seq: 0 });
    expect(list(h)).toMatchObject({ seq: 0, forgotten: 0 });
    h.cancel(live);
    const first = only(log(h));
    expect(get(h, live)).toMatchObject({ type: "job", seq: first });
    expect(get(h, h.job().id)).toEqual({ type: "none", seq: first });
    done(h);
    const [, second] = log(h);
    expect(list(h).seq).toBe(second);
  });

  test("with the change itself, when a reply is of a step that finished a job", () => {
    const h = new Harness();
    const id = h.accept();
    const reply = h.core.dated(h.core.cancel({ ...CALL, namespace: "default", id }));
    expect(reply).toMatchObject({ type: "job", seq: only(log(h)) });
    const conflict = h.core.dated(h.core.cancel({ ...CALL, namespace: "default", id }));
    expect(conflict).toMatchObject({ type: "conflict", seq: only(log(h)) });
  });

  test("with the deletion itself, also of a job that is told to be gone", () => {
    const h = new Harness({
      retry: { maxAttempts: 1, backoff: "constant", delayMs: 0, maxDelayMs: 0, jitter: "none" },
    });
    const id = h.accept();
    h.fail(h.takeOne().lease);
    const filter = { errorCode: null, tag: null, finishedBefore: null };
    h.core.discardFailed({ ...CALL, namespace: "default", queue: "q", filter, after: null, limit: 10 });
    const [, tombstone] = log(h);
    expect(get(h, id)).toEqual({ type: "gone", seq: tombstone });
  });

  test("never less than before, over restarts and when the log is empty again", () => {
    const h = new Harness();
    const id = done(h);
    const { seq } = get(h, id);
    expect(seq).toBeGreaterThan(0);
    h.project();
    h.advance(HOUR + MINUTE);
    expect(log(h)).toEqual([]);
    expect(get(h, id)).toEqual({ type: "none", seq });
    h.restart();
    expect(get(h, id)).toEqual({ type: "none", seq });
    expect(list(h)).toMatchObject({ seq, forgotten: seq });
  });

  test("and no word of it where nothing is told", () => {
    const h = new Harness();
    expect(h.core.dated({ type: "busy", retryAfterMs: 5 })).toEqual({ type: "busy", retryAfterMs: 5 });
    expect(h.core.dated(undefined)).toBeUndefined();
  });
});

describe("a list tells what has left the shard", () => {
  test("once it has, not when history gets it, and up to its number alone", () => {
    const h = new Harness();
    done(h);
    h.project();
    expect(list(h).forgotten).toBe(0);
    h.advance(30 * MINUTE);
    done(h);
    h.project();
    const [first, second] = log(h);
    h.advance(31 * MINUTE);
    expect(log(h)).toEqual([second]);
    expect(list(h)).toMatchObject({ forgotten: first, seq: second });
    h.restart();
    expect(list(h).forgotten).toBe(first);
  });

  test("the highest number of all, though a later job may leave before an earlier", () => {
    const h = new Harness();
    const slow = h.accept();
    h.cancel(slow);
    h.advance(SECOND);
    done(h);
    h.project();
    const [, second] = log(h);
    h.advance(HOUR + MINUTE);
    // The cancelled job stays until its queue's retention ends.
    expect([log(h).length, list(h).forgotten]).toEqual([1, second]);
    h.advance(8 * 24 * HOUR);
    expect([log(h).length, list(h).forgotten]).toEqual([0, second]);
  });

  test("of a shard from before it was noted: all that history had", () => {
    const h = new Harness();
    done(h);
    h.project();
    const [seq] = log(h);
    h.sql.run("DELETE FROM meta WHERE key = 'forgotten'");
    const count = h.sql.all<{ n: number }>("SELECT count(*) AS n FROM meta")[0]?.n ?? 0;
    expect(count).toBeGreaterThan(0);
    for (const [statement] of FORGOTTEN_MIGRATIONS) h.sql.run(statement ?? "");
    h.restart();
    expect(list(h).forgotten).toBe(seq);
  });
});

describe("D1's bookmark of what history has", () => {
  function left(): { h: Harness; id: string; cursor: number } {
    const h = new Harness();
    const id = done(h);
    h.project();
    const { seq = 0 } = get(h, id);
    h.advance(HOUR + MINUTE);
    return { h, id, cursor: seq };
  }

  test("is told of a job that is not here, until the object dies", () => {
    const { h, id, cursor } = left();
    h.core.projected({ cursor, bookmark: "b-1" });
    expect(get(h, id)).toMatchObject({ type: "none", bookmark: "b-1" });
    expect(get(h, h.accept()).bookmark).toBeUndefined();
    h.core.projected({ cursor });
    expect(get(h, id).bookmark).toBe("b-1");
    h.restart();
    expect(get(h, id).bookmark).toBeUndefined();
  });

  test("never covers less than history has: an older word does not replace it, a newer without one ends it", () => {
    const { h, id, cursor } = left();
    h.core.projected({ cursor, bookmark: "b-1" });
    h.core.projected({ cursor: cursor - 1, bookmark: "b-0" });
    expect(get(h, id).bookmark).toBe("b-1");
    h.cancel(h.accept());
    const [next] = log(h);
    h.core.projected({ cursor: next ?? 0 });
    expect(get(h, id).bookmark).toBeUndefined();
  });
});
