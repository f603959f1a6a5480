import type { DatabaseSync } from "node:sqlite";
import { beforeEach, describe, expect, test } from "vitest";
import type { FinishedReply, FinishedRequest, Reply } from "../../../../contract/rpc.ts";
import { boundedAttempts } from "../../../../domain/job/attempts.ts";
import type { Job } from "../../../../domain/job/job.ts";
import { projectionStore } from "../../../../workers/db/projection.ts";
import { type ProjectionEvent, runProjection } from "../../../../workers/processor/projection.ts";
import { replyOf } from "../../../rigs/replies.ts";
import { d1, openHistory } from "../../../simulation/d1-stand-in.ts";
import { chunksOf } from "../../../simulation/history-text.ts";

const NOW = 1_763_800_000_000;

function job(number: number, over: Partial<Job> = {}): Job {
  return {
    id: `job_${String(number).padStart(6, "0")}`,
    namespace: "default",
    queue: "q",
    state: "succeeded",
    version: 3,
    attempt: 1,
    priority: 4,
    orderingKey: null,
    concurrencyKey: null,
    dedupKey: null,
    idempotencyKey: null,
    tags: ["a"],
    timeoutMs: 60_000,
    retry: { maxAttempts: 5, backoff: "exponential", delayMs: 1000, maxDelayMs: 300_000, jitter: "full" },
    payload: '{"n": 1}',
    result: '"done"',
    resultTruncated: false,
    error: null,
    createdAt: NOW,
    runAt: NOW,
    startedAt: NOW + 1,
    finishedAt: NOW + 2,
    expiresAt: null,
    leaseExpiresAt: null,
    attempts: [{ number: 1, startedAt: NOW + 1, finishedAt: NOW + 2, outcome: "succeeded", error: null, worker: "w" }],
    ...over,
  };
}

let db: DatabaseSync;
beforeEach(() => {
  db = openHistory();
});

function rows(): Record<string, unknown>[] {
  return db.prepare("SELECT * FROM jobs ORDER BY id").all();
}

function count(): unknown {
  return db.prepare("SELECT count(*) AS n FROM jobs").get()?.n;
}

/** `real`, and the size in bytes of every value that is bound. */
function watch(real: D1Database): { watched: D1Database; bound: number[] } {
  const bound: number[] = [];
  const prepare = (query: string) => {
    const statement = real.prepare(query);
    return {
      bind: (...values: unknown[]) => {
        bound.push(...values.map((value) => Buffer.byteLength(String(value))));
        return statement.bind(...values);
      },
    };
  };
  const session = { ...real, prepare, getBookmark: () => null };
  return { watched: { ...session, withSession: () => session } as unknown as D1Database, bound };
}

/** As far as that, with more to come. */
const to = (cursor: number) => ({ cursor, heardAt: null });

describe("the store", () => {
  const store = () => projectionStore(d1(db), () => NOW);

  test("a job is written column by column, its record without payload, result and attempts", async () => {
    const one = job(1, { orderingKey: "user-1" });
    await store().write("shard-0", chunksOf(one), to(5));
    const { payload, result, attempts, ...record } = one;
    expect(rows()).toEqual([
      {
        id: one.id,
        namespace: "default",
        queue: "q",
        state: "succeeded",
        version: 3,
        ordering_key: "user-1",
        finished_at: NOW + 2,
        record: JSON.stringify(record),
        payload,
        result,
        attempts: JSON.stringify(attempts),
      },
    ]);
    expect(await store().cursor("shard-0")).toBe(5);
  });

  test.each<[string, string, string | null]>([
    ["no result", '"p"', null],
    ["JSON null", "null", "null"],
    ["numbers", "1", "2.50"],
    ["quotes, backslashes and other scripts", '{"a":"\\"\\\\ \\u0000 두레 🌾"}', '"\\ud800 ok"'],
    ["names that SQL might mind", '{"__proto__":"\'; DROP TABLE jobs; --"}', "[]"],
  ])("texts are kept to the letter: %s", async (_, payload, result) => {
    await store().write("shard-0", chunksOf(job(1, { payload, result })), to(1));
    expect(rows()[0]).toMatchObject({ payload, result });
  });

  test("an older copy never replaces a newer, and the same copy changes nothing", async () => {
    await store().write("shard-0", chunksOf(job(1, { version: 5, state: "failed" })), to(1));
    await store().write("shard-0", chunksOf(job(1, { version: 4 }), job(1, { version: 5 })), to(2));
    expect(rows()).toMatchObject([{ version: 5, state: "failed" }]);
    await store().write("shard-0", chunksOf(job(1, { version: 8 })), to(3));
    expect(rows()).toMatchObject([{ version: 8, state: "succeeded" }]);
  });

  test("the succeeded jobs of each queue are counted as they come, change and come again", async () => {
    const counts = () => db.prepare("SELECT queue, succeeded FROM history_counts ORDER BY queue").all();
    const first = chunksOf(job(1), job(2), job(3, { state: "failed" }), job(4, { queue: "r" }));
    await store().write("shard-0", first, to(4));
    expect(counts()).toEqual([
      { queue: "q", succeeded: 2 },
      { queue: "r", succeeded: 1 },
    ]);
    await store().write("shard-0", first, to(4));
    const later = chunksOf(
      job(1, { version: 2 }),
      job(3, { version: 5 }),
      job(4, { queue: "r", version: 4, state: "failed" }),
    );
    await store().write("shard-0", later, to(7));
    await store().write("shard-0", chunksOf(job(5, { version: 1, state: "failed" }), job(5, { version: 2 })), to(9));
    expect(counts()).toEqual([
      { queue: "q", succeeded: 4 },
      { queue: "r", succeeded: 0 },
    ]);
  });

  test("a cursor only grows, and is each shard's own", async () => {
    await store().write("shard-0", [], to(9));
    await store().write("shard-0", [], to(4));
    await store().write("shard-1", [], to(2));
    expect([await store().cursor("shard-0"), await store().cursor("shard-1"), await store().cursor("shard-2")]).toEqual(
      [9, 2, 0],
    );
  });

  test("a page of large jobs is split so that no bound value comes near D1's 2 MB", async () => {
    const { watched, bound } = watch(d1(db));
    // Quotes double in the page's JSON, and Korean takes three bytes a character.
    const heavy = [JSON.stringify("두".repeat(80_000)), JSON.stringify('"'.repeat(120_000)), '"small"'];
    const jobs = Array.from({ length: 30 }, (_, number) =>
      job(number, { payload: heavy[number % 3] ?? "", result: heavy[(number + 1) % 3] ?? "" }),
    );
    await projectionStore(watched, () => NOW).write("shard-0", chunksOf(...jobs), to(30));
    expect(count()).toBe(30);
    expect(rows().map(({ payload }) => payload)).toEqual(jobs.map(({ payload }) => payload));
    expect(Math.max(...bound)).toBeLessThan(2_000_000);
    expect(Math.max(...bound)).toBeGreaterThan(200_000);
  });

  test("the largest job there can be fits, with the last of its many attempts", async () => {
    const quotes = JSON.stringify('"'.repeat(131_000));
    const error = { code: "e", message: '"'.repeat(4000), retryable: true };
    const attempts = Array.from({ length: 100 }, (_, number) => ({
      ...(job(1).attempts[0] as Job["attempts"][number]),
      number,
      error,
    }));
    const large = job(2, { payload: quotes, result: quotes, attempts });
    const { watched, bound } = watch(d1(db));
    await projectionStore(watched, () => NOW).write("shard-0", chunksOf(job(1), large, job(3)), to(3));
    expect(Math.max(...bound)).toBeLessThan(2_000_000);
    expect(count()).toBe(3);
    expect(rows()[1]).toMatchObject({
      payload: quotes,
      result: quotes,
      attempts: JSON.stringify(boundedAttempts(attempts)),
    });
    await store().write("shard-0", chunksOf({ ...large, version: 2, state: "failed" }), to(3));
    expect(rows()[1]).toMatchObject({ state: "succeeded" });
  });

  test("rows and cursor are written together or not at all", async () => {
    const bad = job(1, { namespace: null as unknown as string });
    await expect(store().write("shard-0", chunksOf(job(2), bad), to(7))).rejects.toThrow();
    expect([count(), await store().cursor("shard-0")]).toEqual([0, 0]);
  });
});

/** A shard with `total` finished jobs, whose cursor is the number of the job. */
class FinishedShard {
  total: number;
  readonly projectedTo: number[] = [];
  pages = 0;

  constructor(total: number) {
    this.total = total;
  }

  async finished({ after, limit }: FinishedRequest): Promise<Reply<FinishedReply>> {
    this.pages++;
    const cursor = Math.min(after + limit, this.total);
    const jobs = Array.from({ length: cursor - after }, (_, index) => job(after + index + 1));
    return replyOf({ chunks: chunksOf(...jobs), jobs: jobs.length, cursor, skip: 0, more: cursor < this.total });
  }

  async projected({ cursor }: { cursor: number }): Promise<Reply<null>> {
    this.projectedTo.push(cursor);
    return replyOf(null);
  }
}

describe("the projector", () => {
  function run(shard: FinishedShard, database = d1(db)) {
    const events: ProjectionEvent[] = [];
    const ports = {
      shard,
      db: projectionStore(database, () => NOW),
      now: () => NOW,
      log: (event: ProjectionEvent) => events.push(event),
    };
    return runProjection(ports, "shard-0").then(() => events);
  }

  test("copies everything, page by page, and tells the shard after each", async () => {
    const shard = new FinishedShard(1234);
    expect(await run(shard)).toEqual([]);
    expect([count(), shard.projectedTo]).toEqual([1234, [500, 1000, 1234]]);
  });

  test("goes on at history's cursor", async () => {
    const shard = new FinishedShard(600);
    await run(shard);
    shard.total = 700;
    await run(shard);
    expect([count(), shard.pages, shard.projectedTo]).toEqual([700, 3, [500, 600, 700]]);
  });

  test("with nothing new it writes nothing, and tells the shard once more", async () => {
    const shard = new FinishedShard(10);
    await run(shard);
    const written = () => db.prepare("SELECT total_changes() AS n").get()?.n;
    const before = written();
    await run(shard);
    expect([written(), shard.projectedTo]).toEqual([before, [10, 10]]);
  });

  test.each([
    ["nothing was written", async <T>(_: () => T): Promise<T> => Promise.reject(new Error("D1 is down"))],
    [
      "it was written, but the answer was lost",
      async <T>(work: () => T): Promise<T> => {
        work();
        throw new Error("lost");
      },
    ],
  ])("when D1 fails (%s) the shard is not told, and the next run goes on", async (_, gate) => {
    const shard = new FinishedShard(20);
    expect(await run(shard, d1(db, gate))).toMatchObject([{ event: "projection-failed" }]);
    const reading = d1(db);
    const writing = d1(db, gate);
    const half = {
      prepare: (query: string) => reading.prepare(query),
      batch: (all: D1PreparedStatement[]) => writing.batch(all),
      withSession: () => ({ ...half, getBookmark: () => null }),
    } as D1Database;
    expect(await run(shard, half)).toHaveLength(1);
    expect(shard.projectedTo).toEqual([]);
    await run(shard);
    expect([count(), shard.projectedTo]).toEqual([20, [20]]);
  });

  test("a shard that says there is more but gets no further is left alone", async () => {
    const shard = new FinishedShard(0);
    shard.finished = async () => replyOf({ chunks: [], jobs: 0, cursor: 0, skip: 0, more: true });
    await run(shard);
    expect(shard.projectedTo).toEqual([0]);
  });
});
