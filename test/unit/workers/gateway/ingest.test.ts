import { describe, expect, test } from "vitest";
import { DEFERRED_KNOWN_MS, DeferredMessage, IngestEnvelope, IngestMessage } from "../../../../contract/ingest.ts";
import { full, idempotency, invalid, isProblem } from "../../../../contract/problems.ts";
import { settingsFrom } from "../../../../contract/queue-settings.ts";
import { makeJobId } from "../../../../domain/job-id.ts";
import { initialMap } from "../../../../domain/slots.ts";
import { LATE, within } from "../../../../workers/gateway/deadline.ts";
import {
  ackOrRetry,
  mayPass,
  reasonText,
  retryDelaySeconds,
  verdictOver,
} from "../../../../workers/gateway/doors/ingest/verdict.ts";
import { CommittedJobs, type JobSources } from "../../../../workers/gateway/jobs/committed-jobs.ts";
import { ShardClient, type ShardPorts } from "../../../../workers/gateway/routing/shard-client.ts";
import { replyOf } from "../../../rigs/replies.ts";

const DAY_SECONDS = 86_400;

describe("the delays between deliveries", () => {
  const delays = Array.from({ length: 100 }, (_, i) => retryDelaySeconds(i + 1, 0.5));

  test("grow from seconds to an hour", () => {
    expect(delays.slice(0, 12)).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]);
    expect([retryDelaySeconds(1, 0), retryDelaySeconds(1, 0.999)]).toEqual([5, 5]);
    expect([retryDelaySeconds(20, 0), retryDelaySeconds(20, 0.999)]).toEqual([3240, 3959]);
  });

  test("fill the four days that a Queue keeps a message, and not more", () => {
    const total = (random: number) => delays.reduce((sum, _, i) => sum + retryDelaySeconds(i + 1, random), 0);
    expect(total(0.5) / DAY_SECONDS).toBeCloseTo(3.8, 1);
    expect(total(0) / DAY_SECONDS).toBeGreaterThan(3.3);
  });
});

describe("a verdict", () => {
  test.each([
    ["unavailable", true],
    ["shard-full", true],
    ["backlog-full", true],
    ["rate-limited", true],
    ["internal", true],
    ["idempotency-undecided", true],
    ["queue-not-found", false],
    ["idempotency-mismatch", false],
    ["duplicate", false],
    ["payload-too-large", false],
    ["a code of tomorrow", true],
  ])("over %s: may it pass? %s", (code, passes) => {
    expect(mayPass({ code })).toBe(passes);
  });

  test("over a message that has no text is carried out, too", async () => {
    const deep: unknown = JSON.parse("[".repeat(1_000_000) + "]".repeat(1_000_000));
    const kept: unknown[] = [];
    const statement = { bind: (...values: unknown[]) => ({ run: async () => void kept.push(values.at(-1)) }) };
    const database = { prepare: () => statement } as unknown as D1Database;
    const done: string[] = [];
    const message = { attempts: 1, ack: () => done.push("ack"), retry: () => done.push("retry") };
    const verdict = verdictOver(invalid.request("no"), { id: "m", body: deep });
    const where = { database, queue: "dure-ingest", now: 0, random: 0 };
    await ackOrRetry(message as unknown as Message, verdict, where);
    expect(done).toEqual(["ack"]);
    expect(JSON.stringify(kept)).toContain("[object Array]");
  });

  test("over what nobody expected is that the message comes again", () => {
    expect(verdictOver(new Error("bug"), { id: "m", body: 1 })).toMatchObject({
      letters: [],
      retry: { reason: "Error: bug" },
    });
  });

  test("over a problem says how long to wait", () => {
    expect(verdictOver(full.queue("q", 30), { id: "m", body: 1 })).toEqual({
      letters: [],
      retry: { reason: "backlog-full", afterMs: 30_000 },
    });
  });

  test.each([
    ["that is decided in a moment comes again", idempotency.keyUndecided(), true],
    [
      "whose queue was divided anew meanwhile never does, though its code is the same",
      idempotency.partitioningChanged("q"),
      false,
    ],
  ])("over a batch %s", (_, problem, again) => {
    const { letters, retry } = verdictOver(problem, { id: "m", body: 1 });
    expect([problem.code, retry !== null, letters.length]).toEqual(["idempotency-undecided", again, again ? 0 : 1]);
  });

  test("has a reason of bounded length", () => {
    const errors = Array.from({ length: 1000 }, (_, i) => ({ pointer: `/jobs/${i}`, detail: "bad" }));
    expect(reasonText({ code: "c", detail: "d", errors })).toMatch(/^c: d; \/jobs\/0 bad; /);
    expect(reasonText({ code: "c", detail: "d", errors }).length).toBe(2000);
  });
});

describe("messages", () => {
  test("of other Workers are strict", () => {
    const job = { payload: 1 };
    expect(IngestMessage.safeParse({ type: "submit", job }).success).toBe(true);
    expect(IngestMessage.safeParse({ type: "submit", job, jobs: [] }).success).toBe(false);
    expect(IngestMessage.safeParse({ type: "submit", job, namespace: "Not a name" }).success).toBe(false);
    expect(IngestMessage.safeParse({ type: "submitBatch", jobs: [job], idempotencyKey: "k" }).success).toBe(true);
    expect(IngestMessage.safeParse({ type: "submitBatch", jobs: [{ what: 1 }] }).success).toBe(false);
  });

  test("are read job by job, so that one costs only itself", () => {
    const read = IngestEnvelope.parse({ type: "submitBatch", jobs: [{ what: 1 }] });
    expect(read).toEqual({ type: "submitBatch", atomic: false, jobs: [{ what: 1 }] });
  });

  test("with deferred jobs need a place and a payload, and may have more", () => {
    const job = { id: makeJobId(1, 7, new Uint8Array(8)), partition: 0, payload: "1" };
    const message = { type: "deferred", v: 1, namespace: "default", queue: "q", job, more: true };
    expect(DeferredMessage.safeParse(message).success).toBe(true);
    expect(DeferredMessage.safeParse({ ...message, v: 2 }).success).toBe(false);
    expect(DeferredMessage.safeParse({ ...message, job: { ...job, id: "job_x" } }).success).toBe(false);
    expect(DeferredMessage.safeParse({ ...message, job: { ...job, partition: null } }).success).toBe(false);
  });
});

describe("a deadline", () => {
  test("hears an answer in time, its failure too, and not what comes later", async () => {
    expect(await within(1000, Promise.resolve(7))).toBe(7);
    await expect(within(1000, Promise.reject(new Error("no")))).rejects.toThrow("no");
    const slow = new Promise((_, reject) => setTimeout(() => reject(new Error("late")), 30));
    expect(await within(5, slow)).toBe(LATE);
    await new Promise((wake) => setTimeout(wake, 50));
  });
});

describe("a queue that stops being available", () => {
  const stamp = { namespace: "default", name: "q", version: 1, createdAt: 0 };
  const available = settingsFrom({ consistency: "available" }, { ...stamp, updatedAt: 10 });

  test("remembers until when it was, over every later change", () => {
    expect(available).not.toHaveProperty("availableUntil");
    const strong = settingsFrom({}, { ...stamp, updatedAt: 20, before: available });
    expect(strong.availableUntil).toBe(20);
    expect(settingsFrom({}, { ...stamp, updatedAt: 30, before: strong }).availableUntil).toBe(20);
    const deleted = { ...available, deleted: true };
    expect(settingsFrom({}, { ...stamp, updatedAt: 40, before: deleted }).availableUntil).toBe(40);
    expect(settingsFrom({}, { ...stamp, updatedAt: 40, before: null })).not.toHaveProperty("availableUntil");
  });
});

describe("a queue that is divided anew", () => {
  const stamp = { namespace: "default", name: "q", version: 1, createdAt: 0 };
  const first = settingsFrom({ partitions: 16 }, { ...stamp, updatedAt: 10 });
  const second = settingsFrom({ partitions: 5 }, { ...stamp, updatedAt: 20, before: first });

  test("remembers how many partitions it had, over every later change", () => {
    expect(first).not.toHaveProperty("earlier");
    expect(second.earlier).toEqual([{ partitions: 16, until: 20 }]);
    const deleted = { ...second, deleted: true };
    const third = settingsFrom({ partitions: 5 }, { ...stamp, updatedAt: 30, before: deleted });
    expect(third.earlier).toEqual([{ partitions: 16, until: 20 }]);
    const fourth = settingsFrom({ partitions: 16 }, { ...stamp, updatedAt: 40, before: third });
    expect(fourth.earlier?.[0]).toEqual({ partitions: 5, until: 40 });
    const fifth = settingsFrom({ partitions: 2 }, { ...stamp, updatedAt: 50, before: fourth });
    expect(fifth.earlier).toEqual([
      { partitions: 16, until: 50 },
      { partitions: 5, until: 40 },
    ]);
  });

  test("and forgets it when no message of then can come any more", () => {
    const updatedAt = 20 + DEFERRED_KNOWN_MS;
    expect(settingsFrom({ partitions: 5 }, { ...stamp, updatedAt, before: second })).not.toHaveProperty("earlier");
  });
});

describe("asking what is known", () => {
  test("is one question a shard for all who ask at a time, and one that is away fails its own alone", async () => {
    const asked: { shard: string; ids: number }[] = [];
    const map = initialMap(2);
    const ports = {
      shard: (id: string) => ({
        existingIds: async ({ ids }: { ids: string[] }) => {
          asked.push({ shard: id, ids: ids.length });
          if (id === "shard-1") throw new Error("away");
          return replyOf({ type: "existing", ids });
        },
      }),
      directory: () => ({ map: async () => map }),
      now: () => 0,
      random: () => 0,
      sleep: (ms: number) => new Promise((wake) => setTimeout(wake, ms)),
    } as unknown as ShardPorts;
    const sources: JobSources = {
      shards: new ShardClient(ports),
      database: null as unknown as D1Database,
    };
    const committed = new CommittedJobs(sources);
    const id = (slot: number, n: number) => makeJobId(n, slot, new Uint8Array(8));
    const answers = await Promise.all([
      committed.of([id(0, 1), id(0, 2)]),
      committed.of([id(0, 3)]),
      committed.of([id(4095, 4)]),
    ]);
    expect(answers.map(isProblem)).toEqual([false, false, true]);
    expect(asked).toEqual([
      { shard: "shard-0", ids: 3 },
      { shard: "shard-1", ids: 1 },
    ]);
    expect(await committed.of([id(0, 5)])).toEqual({ existing: new Set([id(0, 5)]), past: new Set() });
  });
});
