import type { DatabaseSync } from "node:sqlite";
import { beforeEach, describe, expect, test } from "vitest";
import { type HistoryJob, historyCells } from "../../../../contract/history.ts";
import type { FinishedReply, FinishedRequest, Reply } from "../../../../contract/rpc.ts";
import type { SucceededPage } from "../../../../contract/succeeded-page.ts";
import { boundedAttempts } from "../../../../domain/job/attempts.ts";
import type { Job } from "../../../../domain/job/job.ts";
import { makeJobId } from "../../../../domain/job-id.ts";
import { inChunks } from "../../../../durable-objects/chunks.ts";
import { type ProjectionStore, projectionStore } from "../../../../workers/db/projection.ts";
import { FewAtOnce } from "../../../../workers/processor/few-at-once.ts";
import {
  type ProjectionEvent,
  type ProjectionPorts,
  runProjection,
  takingTurns,
} from "../../../../workers/processor/projection.ts";
import { replyOf } from "../../../rigs/replies.ts";
import { d1, openHistory } from "../../../simulation/d1-stand-in.ts";
import { chunksOf, pagedJobs, pageOf } from "../../../simulation/history-text.ts";
import { nodeSql } from "../../../simulation/node-sqlite.ts";

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

/** Jobs in rows and in pages; each once. */
function copied(): number {
  const ids = [...rows().map(({ id }) => id), ...pagedJobs(nodeSql(db)).map(({ id }) => id)];
  expect(new Set(ids).size).toBe(ids.length);
  return ids.length;
}

/** A job as it may stand in a page. */
function paged(number: number, over: Partial<Job> = {}): Job {
  const random = Uint8Array.from({ length: 8 }, (_, i) => (number >> (8 * (7 - i))) & 0xff);
  return job(number, { id: makeJobId(NOW, 7, random), delivery: 1, ...over });
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

/** Writes from where history is: rows, up to that cursor, with more to come. */
async function put(
  store: ProjectionStore,
  chunks: string[],
  cursor: number,
  {
    shard = "shard-0",
    pages = [],
    isRebuild = false,
  }: { shard?: string; pages?: SucceededPage[]; isRebuild?: boolean } = {},
): Promise<void> {
  const from = await store.position(shard);
  await store.write(shard, { from, to: { cursor, skip: 0 }, heardAt: null, chunks, pages, isRebuild });
}

describe("the store", () => {
  const store = () => projectionStore(d1(db), { now: () => NOW });

  test("a job is written column by column, its record without payload, result and attempts", async () => {
    const one = job(1, { orderingKey: "user-1" });
    await put(store(), chunksOf(one), 5);
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
    expect(await store().position("shard-0")).toEqual({ cursor: 5, skip: 0 });
  });

  test.each<[string, string, string | null]>([
    ["no result", '"p"', null],
    ["JSON null", "null", "null"],
    ["numbers", "1", "2.50"],
    ["quotes, backslashes and other scripts", '{"a":"\\"\\\\ \\u0000 두레 🌾"}', '"\\ud800 ok"'],
    ["names that SQL might mind", '{"__proto__":"\'; DROP TABLE jobs; --"}', "[]"],
  ])("texts are kept to the letter: %s", async (_, payload, result) => {
    await put(store(), chunksOf(job(1, { payload, result })), 1);
    expect(rows()[0]).toMatchObject({ payload, result });
  });

  test("an older copy never replaces a newer, and the same copy changes nothing", async () => {
    await put(store(), chunksOf(job(1, { version: 5, state: "failed" })), 1);
    await put(store(), chunksOf(job(1, { version: 4 }), job(1, { version: 5 })), 2);
    expect(rows()).toMatchObject([{ version: 5, state: "failed" }]);
    await put(store(), chunksOf(job(1, { version: 8 })), 3);
    expect(rows()).toMatchObject([{ version: 8, state: "succeeded" }]);
  });

  test("the succeeded jobs of each queue are counted as they come, change and come again", async () => {
    const counts = () => db.prepare("SELECT queue, succeeded FROM history_counts ORDER BY queue").all();
    const first = chunksOf(job(1), job(2), job(3, { state: "failed" }), job(4, { queue: "r" }));
    await put(store(), first, 4);
    expect(counts()).toEqual([
      { queue: "q", succeeded: 2 },
      { queue: "r", succeeded: 1 },
    ]);
    await put(store(), first, 4);
    const later = chunksOf(
      job(1, { version: 2 }),
      job(3, { version: 5 }),
      job(4, { queue: "r", version: 4, state: "failed" }),
    );
    await put(store(), later, 7);
    await put(store(), chunksOf(job(5, { version: 1, state: "failed" }), job(5, { version: 2 })), 9);
    expect(counts()).toEqual([
      { queue: "q", succeeded: 4 },
      { queue: "r", succeeded: 0 },
    ]);
  });

  test("a position is each shard's own, and nothing is written from another", async () => {
    await put(store(), [], 9);
    await put(store(), [], 2, { shard: "shard-1" });
    const positions = () => Promise.all(["shard-0", "shard-1", "shard-2"].map((shard) => store().position(shard)));
    const before = await positions();
    expect(before.map(({ cursor }) => cursor)).toEqual([9, 2, 0]);
    for (const from of [
      { cursor: 4, skip: 0 },
      { cursor: 0, skip: 0 },
      { cursor: 9, skip: 1 },
    ]) {
      const late = {
        from,
        to: { cursor: 12, skip: 0 },
        heardAt: null,
        chunks: chunksOf(job(1)),
        pages: [],
        isRebuild: false,
      };
      expect(await store().write("shard-0", late)).toEqual({ at: { cursor: 9, skip: 0 }, bookmark: null });
    }
    expect([count(), await positions()]).toEqual([0, before]);
  });

  test("how many jobs of an entry are there counts as long as the cursor is before it", async () => {
    const from = { cursor: 0, skip: 0 };
    const half = {
      from,
      to: { cursor: 0, skip: 3 },
      heardAt: null,
      chunks: chunksOf(job(1)),
      pages: [],
      isRebuild: false,
    };
    await store().write("shard-0", half);
    expect(await store().position("shard-0")).toEqual({ cursor: 0, skip: 3 });
    // As a projector of an earlier version writes, which knows the cursor alone.
    db.exec("UPDATE projections SET cursor = 7");
    expect(await store().position("shard-0")).toEqual({ cursor: 7, skip: 0 });
  });

  test("a page of large jobs is split so that no bound value comes near D1's 2 MB", async () => {
    const { watched, bound } = watch(d1(db));
    // Quotes double in the page's JSON, and Korean takes three bytes a character.
    const heavy = [JSON.stringify("두".repeat(80_000)), JSON.stringify('"'.repeat(120_000)), '"small"'];
    const jobs = Array.from({ length: 30 }, (_, number) =>
      job(number, { payload: heavy[number % 3] ?? "", result: heavy[(number + 1) % 3] ?? "" }),
    );
    await put(projectionStore(watched, { now: () => NOW }), chunksOf(...jobs), 30);
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
    await put(projectionStore(watched, { now: () => NOW }), chunksOf(job(1), large, job(3)), 3);
    expect(Math.max(...bound)).toBeLessThan(2_000_000);
    expect(count()).toBe(3);
    expect(rows()[1]).toMatchObject({
      payload: quotes,
      result: quotes,
      attempts: JSON.stringify(boundedAttempts(attempts)),
    });
    await put(store(), chunksOf({ ...large, version: 2, state: "failed" }), 3);
    expect(rows()[1]).toMatchObject({ state: "succeeded" });
  });

  test("rows and cursor are written together or not at all", async () => {
    const bad = job(1, { namespace: null as unknown as string });
    await expect(put(store(), chunksOf(job(2), bad), 7)).rejects.toThrow();
    expect([count(), (await store().position("shard-0")).cursor]).toEqual([0, 0]);
  });
});

describe("pages", () => {
  const store = () => projectionStore(d1(db), { now: () => NOW });
  const counts = () => db.prepare("SELECT queue, succeeded FROM history_counts ORDER BY queue").all();
  const jobs = Array.from({ length: 60 }, (_, number) =>
    paged(number, {
      payload: JSON.stringify({ n: number, text: "두레 🌾 \u0000" }),
      result: number % 2 === 0 ? null : `"${number}"`,
      orderingKey: number % 3 === 0 ? "k" : null,
      tags: number % 5 === 0 ? ["fifth"] : [],
      runAt: NOW + number,
      expiresAt: number % 7 === 0 ? NOW + 60_000 : null,
    }),
  );

  test("a page is two rows, of which each job comes back as it was", async () => {
    await put(store(), [], 0);
    const written = () => Number(db.prepare("SELECT total_changes() AS n").get()?.n);
    const before = written();
    await put(store(), [], 5, { pages: [pageOf(...jobs)] });
    // Without the index entry, which is not counted here: the page, the count of its queue, and the position.
    expect(written() - before).toBe(3);
    expect(pagedJobs(nodeSql(db))).toEqual(jobs);
    expect(counts()).toEqual([{ queue: "q", succeeded: 60 }]);
  });

  test("the jobs of a page may come in any order", async () => {
    await put(store(), [], 5, { pages: [pageOf(...jobs.toReversed())] });
    expect(pagedJobs(nodeSql(db))).toEqual(jobs);
    expect(db.prepare("SELECT min_id, max_id FROM history_pages").all()).toEqual([
      { min_id: jobs[0]?.id, max_id: jobs.at(-1)?.id },
    ]);
  });

  test("a page whose columns are not those of its jobs is refused whole", async () => {
    const page = pageOf(...jobs);
    await expect(put(store(), chunksOf(job(1)), 5, { pages: [{ ...page, n: 59 }] })).rejects.toThrow("other ids");
    expect([count(), (await store().position("shard-0")).cursor]).toEqual([0, 0]);
  });

  test("a job that ended before has its row no longer", async () => {
    const failed = jobs.slice(0, 2).map((one) => ({ ...one, state: "failed" as const, version: 3 }));
    await put(store(), chunksOf(...failed, { ...(jobs[2] as Job), version: 3 }), 3);
    expect(counts()).toEqual([{ queue: "q", succeeded: 1 }]);
    const redriven = jobs.slice(0, 3).map((one) => ({ ...one, version: 6 }));
    await put(store(), [], 9, { pages: [pageOf(...redriven)] });
    expect([count(), pagedJobs(nodeSql(db))]).toEqual([0, redriven]);
    expect(counts()).toEqual([{ queue: "q", succeeded: 3 }]);
  });

  test("a job that is deleted is taken out of its page, and nothing of it is left", async () => {
    await put(store(), [], 5, { pages: [pageOf(...jobs)] });
    const tombstones = [jobs[3], jobs[59]].map((one) => ({
      ...(one as Job),
      state: "discarded",
      version: 4,
      payload: "null",
    }));
    await put(store(), inChunks(tombstones.map((one) => historyCells(one as HistoryJob))), 7);
    expect(pagedJobs(nodeSql(db))).toEqual(jobs.filter((_, i) => i !== 3 && i !== 59));
    expect(rows()).toMatchObject([{ state: "discarded" }, { state: "discarded" }]);
    expect(counts()).toEqual([{ queue: "q", succeeded: 58 }]);
    const rest = jobs
      .filter((_, i) => i !== 3 && i !== 59)
      .map((one) => historyCells({ ...one, state: "discarded", version: 4 }));
    await put(store(), inChunks(rest), 9);
    expect([pagedJobs(nodeSql(db)), counts()]).toEqual([[], [{ queue: "q", succeeded: 0 }]]);
  });

  test("history that has lost its position takes no job a second time", async () => {
    await put(store(), [], 5, { pages: [pageOf(...jobs.slice(0, 40))] });
    db.exec("DELETE FROM projections");
    const again = [pageOf(...jobs.slice(10, 30)), pageOf(...jobs.slice(30, 60))];
    await put(store(), [], 8, { pages: again, isRebuild: true });
    expect(
      pagedJobs(nodeSql(db))
        .map(({ id }) => id)
        .sort(),
    ).toEqual(jobs.map(({ id }) => id));
    expect(counts()).toEqual([{ queue: "q", succeeded: 60 }]);
  });

  test("a write whose answer was lost has been done, and is not done twice", async () => {
    const real = d1(db);
    const losing = {
      ...real,
      withSession: () => ({
        ...real.withSession(),
        batch: async (all: D1PreparedStatement[]) => {
          await real.batch(all);
          throw new Error("lost");
        },
      }),
    } as unknown as D1Database;
    const finished = {
      from: { cursor: 0, skip: 0 },
      to: { cursor: 5, skip: 0 },
      heardAt: null,
      chunks: [],
      pages: [pageOf(...jobs)],
      isRebuild: false,
    };
    const done = await projectionStore(losing, { now: () => NOW }).write("shard-0", finished);
    expect(done).toEqual({ at: { cursor: 5, skip: 0 }, bookmark: null });
    expect(pagedJobs(nodeSql(db))).toEqual(jobs);
  });
});

/** A shard with `total` finished jobs, whose cursor is the number of the job. */
class FinishedShard {
  total: number;
  readonly projectedTo: number[] = [];
  readonly pauses: number[] = [];
  /** What it asks its projector to wait. */
  pauseMs = 0;
  pages = 0;

  constructor(total: number) {
    this.total = total;
  }

  async finished({ after, limit }: FinishedRequest): Promise<Reply<FinishedReply>> {
    this.pages++;
    const cursor = Math.min(after + limit, this.total);
    const jobs = Array.from({ length: cursor - after }, (_, index) => paged(after + index + 1));
    const [alone, together] = [jobs.slice(0, 1), jobs.slice(1)];
    const pages = together.length === 0 ? [] : [pageOf(...together)];
    const more = cursor < this.total;
    return replyOf({
      chunks: chunksOf(...alone),
      pages,
      jobs: jobs.length,
      cursor,
      skip: 0,
      more,
      pauseMs: this.pauseMs,
    });
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
      db: projectionStore(database, { now: () => NOW }),
      now: () => NOW,
      sleep: async (ms: number) => void shard.pauses.push(ms),
      log: (event: ProjectionEvent) => events.push(event),
    };
    return runProjection(ports, "shard-0").then(() => events);
  }

  test("copies everything, some pages at a time, and tells the shard after each", async () => {
    const shard = new FinishedShard(1234);
    expect(await run(shard)).toEqual([]);
    expect([copied(), shard.projectedTo]).toEqual([1234, [500, 1000, 1234]]);
  });

  test("waits between pages as long as the shard asks for, a second at most, and not at the end", async () => {
    const shard = new FinishedShard(700);
    shard.pauseMs = 20;
    expect(await run(shard)).toEqual([]);
    expect([copied(), shard.pauses]).toEqual([700, [20, 20, 20, 20, 20, 20]]);
    shard.total = 900;
    shard.pauseMs = 1e9;
    await run(shard);
    expect([copied(), shard.pauses.slice(6)]).toEqual([900, [1000]]);
  });

  test("goes on at history's cursor", async () => {
    const shard = new FinishedShard(600);
    await run(shard);
    shard.total = 700;
    await run(shard);
    expect([copied(), shard.pages, shard.projectedTo]).toEqual([700, 7, [500, 600, 700]]);
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
  ])("when D1 does not answer (%s) the next run goes on", async (_, gate) => {
    const shard = new FinishedShard(20);
    expect(await run(shard, d1(db, gate))).toMatchObject([{ event: "projection-failed" }]);
    const reading = d1(db);
    const writing = d1(db, gate);
    const half = {
      prepare: (query: string) => reading.prepare(query),
      batch: (all: D1PreparedStatement[]) => writing.batch(all),
      withSession: () => ({ ...half, getBookmark: () => null }),
    } as D1Database;
    const events = await run(shard, half);
    // What was written is found to be there, and the shard is told of it; what was not is written by the next run.
    expect(events).toHaveLength(copied() === 20 ? 0 : 1);
    expect(shard.projectedTo).toEqual(copied() === 20 ? [20] : []);
    await run(shard);
    expect([copied(), shard.projectedTo.at(-1)]).toEqual([20, 20]);
  });

  test("a shard that says there is more but gets no further is left alone", async () => {
    const shard = new FinishedShard(0);
    shard.finished = async () => replyOf({ chunks: [], jobs: 0, cursor: 0, skip: 0, more: true });
    await run(shard);
    expect(shard.projectedTo).toEqual([0]);
  });
});

test("projections take turns, but for what history has: that the shard hears at once, since until then both count it", async () => {
  const few = new FewAtOnce(1, () => () => undefined);
  const asked: string[] = [];
  const hangs = (name: string) => () => {
    asked.push(name);
    return new Promise<never>(() => undefined);
  };
  const ports = takingTurns(
    {
      shard: { finished: hangs("finished"), projected: hangs("projected") },
      db: { position: hangs("position"), write: hangs("write") },
    } as unknown as ProjectionPorts,
    few,
  );
  void ports.db.write("shard-0", {} as never);
  void ports.db.position("shard-1");
  void ports.shard.finished({} as never);
  void ports.shard.projected({} as never);
  await Promise.resolve();
  expect(asked).toEqual(["write", "projected"]);
});
