import { describe, expect, test } from "vitest";
import { DEFERRED_KNOWN_MS } from "../../../../../contract/ingest.ts";
import type { NewJob } from "../../../../../contract/rpc.ts";
import type { HistoryKept } from "../../../../../domain/history-kept.ts";
import {
  ANY_FAILED,
  CALL,
  DAY,
  Harness,
  HOUR,
  MINUTE,
  PackHarness,
  RowHarness,
} from "../../../../rigs/shard-harness.ts";
import { finishedIn } from "../../../../simulation/history-text.ts";

const KINDS = [
  ["in rows", RowHarness],
  ["in packs", PackHarness],
] as const;

/** What history hears of, when it asks from the start: ids and states. A tombstone is `discarded`. */
function heard(h: Harness): [id: string, state: string][] {
  const told: [string, string][] = [];
  for (const { chunks, pages = [] } of h.forHistory({ taken: false })) {
    told.push(...(chunks.flatMap((chunk) => JSON.parse(chunk)) as string[][]).map(stateOf));
    for (const { columns } of pages) {
      told.push(...(JSON.parse(columns.id) as string[]).map((id): [string, string] => [id, "succeeded"]));
    }
  }
  return told.sort();
}

function stateOf(cells: string[]): [string, string] {
  return [cells[0] ?? "", cells[3] ?? ""];
}

function succeedAll(h: Harness): void {
  for (const { lease } of h.take()) h.succeed(lease);
}

/** One job that succeeds, one that fails for good, and one that is cancelled. */
function oneOfEach(h: Harness): Record<"succeeded" | "failed" | "cancelled", string> {
  const succeeded = h.accept();
  succeedAll(h);
  h.accept();
  const failed = h.failOne();
  const cancelled = h.accept();
  h.cancel(cancelled);
  return { succeeded, failed, cancelled };
}

describe.each(KINDS)("what a queue has in history, of jobs %s", (_, Kind) => {
  test.each<[HistoryKept, string[]]>([
    ["all", ["succeeded", "failed", "cancelled"]],
    ["failed", ["failed", "cancelled"]],
    ["none", []],
  ])("with history %s it hears of %j, and the log goes on to its end", (history, kept) => {
    const h = new Kind({ history });
    const ids = oneOfEach(h);
    const named = Object.entries(ids).filter(([state]) => kept.includes(state));
    expect(heard(h)).toEqual(named.map(([state, id]) => [id, state]).sort());
    h.project();
    expect(h.core.health(CALL).unprojected).toBe(0);
    expect(h.broken()).toEqual([]);
    h.advance(HOUR + MINUTE);
    expect([h.has(ids.succeeded), h.has(ids.failed), h.has(ids.cancelled)]).toEqual([false, true, true]);
    expect(h.retry(ids.failed)).toBe("job");
    succeedAll(h);
    h.project();
    h.advance(8 * DAY);
    expect(h.count("jobs")).toBe(0);
    expect(h.count("finished")).toBe(0);
    expect(h.broken()).toEqual([]);
  });

  test("it is decided when a job ends: what had ended before the setting changed is as it was", () => {
    const h = new Kind({ history: "none" });
    const before = h.accept();
    succeedAll(h);
    h.configure({ history: "all" });
    const after = h.accept();
    succeedAll(h);
    expect(heard(h)).toEqual([[after, "succeeded"]]);
    h.configure({ history: "failed" });
    expect(heard(h)).toEqual([[after, "succeeded"]]);
    expect(h.has(before)).toBe(true);
  });

  test("jobs that nobody hears of cost no answer each: one call passes over hundreds", () => {
    const h = new Kind({ history: "none" });
    for (let i = 0; i < 500; i++) h.accept();
    for (let taken = h.take(1); taken.length > 0; taken = h.take(1)) h.succeed(taken[0]?.lease ?? "");
    const reply = h.pages();
    expect([reply.jobs, reply.more, reply.chunks, reply.pages]).toEqual([0, false, [], []]);
  });

  test.each<[string, Partial<NewJob>, number]>([
    ["without a key, for an hour", {}, HOUR],
    ["with an idempotency key, as long as that answers", { idempotency: { key: "k", hash: "h" } }, DAY],
    ["that a message may bring once more, as long as one can", { comesAgain: true }, DEFERRED_KNOWN_MS],
    [
      "whose key counts from a commit that came later",
      { comesAgain: true, idempotency: { key: "k", hash: "h" } },
      DEFERRED_KNOWN_MS + DAY,
    ],
  ])("the shard answers for a job that history does not get: %s", (_name, over, forMs) => {
    const h = new Kind({ history: "failed" });
    const job = h.job(over);
    h.submit([job, h.job({ ...over, idempotency: null })]);
    succeedAll(h);
    h.project();
    h.advance(forMs - 2 * MINUTE);
    expect(h.get(job.id).state).toBe("succeeded");
    if (job.idempotency !== null && forMs === DAY)
      expect(h.submit([h.job(over)])).toMatchObject([{ type: "replayed", job: { id: job.id } }]);
    h.restart();
    h.advance(4 * MINUTE);
    expect(h.has(job.id)).toBe(false);
    expect(h.broken()).toEqual([]);
  });

  test("a job that goes to history leaves after ten minutes, whatever its keys", () => {
    const h = new Kind({ history: "all" });
    const id = h.accept({ comesAgain: true, idempotency: { key: "k", hash: "h" } });
    succeedAll(h);
    h.project();
    h.advance(10 * MINUTE - 1);
    expect(h.has(id)).toBe(true);
    h.advance(1);
    expect(h.has(id)).toBe(false);
  });

  test("payloads are left out where they are not kept, of pages and of rows, and nothing else is", () => {
    const h = new Kind({ keepPayload: false });
    const { succeeded, failed } = oneOfEach(h);
    const large = h.accept({ payload: JSON.stringify("x".repeat(80_000)) });
    succeedAll(h);
    const jobs = new Map(finishedIn(h.pages()).map((job) => [job.id, job]));
    for (const id of [succeeded, failed, large]) {
      expect(jobs.get(id)).toEqual({ ...h.get(id), payload: "null", payloadKept: false });
    }
    expect(JSON.stringify(h.pages())).not.toContain("xxxx");
  });
});

describe("a job of which history may have an earlier end", () => {
  test.each<HistoryKept>(["failed", "none"])("is taken away there when it succeeds under %s", (history) => {
    const h = new Harness({ history: "all" });
    h.accept();
    const id = h.failOne();
    h.project();
    h.configure({ history });
    h.retry(id);
    h.succeed(h.takeOne().lease);
    const told = heard(h);
    expect(told).toContainEqual([id, "discarded"]);
    expect(h.get(id)).toMatchObject({ state: "succeeded" });
    h.project();
    expect(h.broken()).toEqual([]);
  });

  test("also where it was cancelled before its first attempt", () => {
    const h = new Harness({ history: "all" });
    const id = h.accept();
    h.cancel(id);
    h.project();
    h.configure({ history: "failed" });
    h.retry(id);
    h.succeed(h.takeOne().lease);
    expect(heard(h)).toContainEqual([id, "discarded"]);
  });

  test("one that was only retried never was there", () => {
    const h = new Harness({ history: "failed" });
    const id = h.accept();
    h.fail(h.takeOne().lease);
    h.advance(2000);
    h.succeed(h.takeOne().lease);
    expect(h.get(id).state).toBe("succeeded");
    expect(heard(h)).toEqual([]);
  });

  test("a job that is deleted is told as deleted, whatever its queue has in history", () => {
    const h = new Harness({ history: "none" });
    h.accept();
    const id = h.failOne();
    h.core.discardFailed({
      ...CALL,
      namespace: "default",
      queue: "q",
      filter: ANY_FAILED,
      after: null,
      limit: 10,
    });
    expect(heard(h)).toEqual([[id, "discarded"]]);
  });

  test("and a pack that was partly done keeps to it when its jobs get rows", () => {
    const h = new PackHarness({ history: "failed" });
    h.submit(h.jobs(10));
    for (const { lease } of h.take(2)) h.succeed(lease);
    h.advance(2 * MINUTE);
    expect(h.sql.all("SELECT id FROM jobs WHERE state = 'succeeded'")).toHaveLength(2);
    expect(heard(h)).toEqual([]);
    h.project();
    expect(h.broken()).toEqual([]);
    h.advance(HOUR + MINUTE);
    expect(h.sql.all("SELECT id FROM jobs WHERE state = 'succeeded'")).toHaveLength(0);
  });
});
