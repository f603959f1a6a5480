import { describe, expect, test } from "vitest";
import type { JobReply, ListReply, Reply } from "../../../../../contract/rpc.ts";
import { ANY_FAILED, CALL, Harness, HOUR, MINUTE, only, SECOND } from "../../../../rigs/shard-harness.ts";

const EVERY = {
  queue: null,
  state: null,
  tag: null,
  orderingKey: null,
  createdAfter: null,
  createdBefore: null,
};

function list(h: Harness): Reply<ListReply> {
  const include = { payload: false, result: false, attempts: false };
  return h.core.reply(h.core.list({ ...CALL, namespace: "default", filter: EVERY, before: null, limit: 50, include }));
}

function get(h: Harness, id: string): Reply<JobReply> {
  return h.core.reply(h.core.get({ ...CALL, namespace: "default", id, waitMs: 0 }));
}

/** The numbers in the log, in order. */
function numbers(h: Harness): number[] {
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
    expect(get(h, live)).toMatchObject({ result: { type: "job" }, log: { seq: 0 } });
    expect(list(h).log).toEqual({ seq: 0, forgotten: 0, bookmark: null });
    h.cancel(live);
    const first = only(numbers(h));
    expect(get(h, live)).toMatchObject({ result: { type: "job" }, log: { seq: first } });
    expect(get(h, h.job().id)).toMatchObject({ result: { type: "none" }, log: { seq: first } });
    done(h);
    const [, second] = numbers(h);
    expect(list(h).log.seq).toBe(second);
  });

  test("with the change itself, when a reply is of a step that finished a job", () => {
    const h = new Harness();
    const id = h.accept();
    const reply = h.core.reply(h.core.cancel({ ...CALL, namespace: "default", id }));
    expect(reply).toMatchObject({ result: { type: "job" }, log: { seq: only(numbers(h)) } });
    const conflict = h.core.reply(h.core.cancel({ ...CALL, namespace: "default", id }));
    expect(conflict).toMatchObject({ result: { type: "conflict" }, log: { seq: only(numbers(h)) } });
  });

  test("with the deletion itself, also of a job that is told to be gone", () => {
    const h = new Harness({
      retry: { maxAttempts: 1, backoff: "constant", delayMs: 0, maxDelayMs: 0, jitter: "none" },
    });
    const id = h.accept();
    h.fail(h.takeOne().lease);
    const filter = ANY_FAILED;
    h.core.discardFailed({ ...CALL, namespace: "default", queue: "q", filter, after: null, limit: 10 });
    const [, tombstone] = numbers(h);
    expect(get(h, id)).toMatchObject({ result: { type: "gone" }, log: { seq: tombstone } });
  });

  test("never less than before, over restarts and when the log is empty again", () => {
    const h = new Harness();
    const id = done(h);
    const { seq } = get(h, id).log;
    expect(seq).toBeGreaterThan(0);
    h.project();
    h.advance(HOUR + MINUTE);
    expect(numbers(h)).toEqual([]);
    expect(get(h, id)).toMatchObject({ result: { type: "none" }, log: { seq } });
    h.restart();
    expect(get(h, id)).toMatchObject({ result: { type: "none" }, log: { seq } });
    expect(list(h).log).toMatchObject({ seq, forgotten: seq });
  });

  test("whatever the answer is about", () => {
    const h = new Harness();
    done(h);
    const log = { seq: only(numbers(h)), forgotten: 0, bookmark: null };
    expect(h.core.reply({ type: "busy", retryAfterMs: 5 })).toEqual({ result: { type: "busy", retryAfterMs: 5 }, log });
    expect(h.core.reply(null)).toEqual({ result: null, log });
  });
});

describe("a list tells what has left the shard", () => {
  test("once it has, not when history gets it, and up to its number alone", () => {
    const h = new Harness();
    done(h);
    h.project();
    expect(list(h).log.forgotten).toBe(0);
    h.advance(5 * MINUTE);
    done(h);
    h.project();
    const [first, second] = numbers(h);
    h.advance(6 * MINUTE);
    expect(numbers(h)).toEqual([second]);
    expect(list(h).log).toMatchObject({ forgotten: first, seq: second });
    h.restart();
    expect(list(h).log.forgotten).toBe(first);
  });

  test("the highest number of all, though a later job may leave before an earlier", () => {
    const h = new Harness();
    const slow = h.accept();
    h.cancel(slow);
    h.advance(SECOND);
    done(h);
    h.project();
    const [, second] = numbers(h);
    h.advance(HOUR + MINUTE);
    // The cancelled job stays until its queue's retention ends.
    expect([numbers(h).length, list(h).log.forgotten]).toEqual([1, second]);
    h.advance(8 * 24 * HOUR);
    expect([numbers(h).length, list(h).log.forgotten]).toEqual([0, second]);
  });
});

describe("D1's bookmark of what history has", () => {
  function left(): { h: Harness; id: string; cursor: number } {
    const h = new Harness();
    const id = done(h);
    h.project();
    const { seq } = get(h, id).log;
    h.advance(HOUR + MINUTE);
    return { h, id, cursor: seq };
  }

  test("is told with every answer, until the object dies", () => {
    const { h, id, cursor } = left();
    h.core.projected({ ...CALL, cursor, bookmark: "b-1" });
    expect(get(h, id)).toMatchObject({ result: { type: "none" }, log: { bookmark: "b-1" } });
    h.core.projected({ ...CALL, cursor, bookmark: null });
    expect(get(h, id).log.bookmark).toBe("b-1");
    h.restart();
    expect(get(h, id).log.bookmark).toBeNull();
  });

  test("never covers less than history has: an older word does not replace it, a newer without one ends it", () => {
    const { h, id, cursor } = left();
    h.core.projected({ ...CALL, cursor, bookmark: "b-1" });
    h.core.projected({ ...CALL, cursor: cursor - 1, bookmark: "b-0" });
    expect(get(h, id).log.bookmark).toBe("b-1");
    h.cancel(h.accept());
    const [next] = numbers(h);
    h.core.projected({ ...CALL, cursor: next ?? 0, bookmark: null });
    expect(get(h, id).log.bookmark).toBeNull();
  });
});
