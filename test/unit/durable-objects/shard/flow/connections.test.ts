import { describe, expect, test } from "vitest";
import { FIRST_PUSH_TYPES, type WorkItem } from "../../../../../contract/rpc.ts";
import type { QueueSettings } from "../../../../../domain/queue.ts";
import { Harness, MINUTE, RowHarness, SECOND, settingsOf } from "../../../../rigs/shard-harness.ts";

/** One shard: 48 connections of the lane are its own, of which one host may have 36 and one namespace 42. */
const LANE = { size: 6, consumers: 250 };

const hook = (name: string, url: string, over: Partial<QueueSettings> = {}) =>
  settingsOf({ name, target: { type: "http", url, headers: {} }, ...over });
const HANGS = hook("hangs", "https://hangs.test/", { namespace: "hog" });
const OTHER = hook("other", "https://other.test/", { namespace: "hog" });
const VICTIM = hook("victim", "https://victim.test/", { namespace: "victim" });

function submit(h: Harness, queue: QueueSettings, count: number): string[] {
  const jobs = Array.from({ length: count }, () => h.job({}, queue));
  h.submit(jobs, { queues: [queue] });
  return jobs.map(({ id }) => id);
}

/** Invocation after invocation comes with its connections, and keeps what it is given. */
function come(h: Harness, times = 20): WorkItem[] {
  return Array.from({ length: times }, (_, i) =>
    h.work({ worker: `processor/${i}`, room: { handler: 0, http: LANE.size }, connections: LANE }),
  ).flatMap(({ items }) => items);
}

const from = (items: WorkItem[], { name }: QueueSettings) => items.filter(({ queue }) => queue === name);

describe("of a lane's connections", () => {
  test("one host has three quarters, one namespace seven eighths, and a neighbour's job starts at once", () => {
    const h = new Harness();
    submit(h, HANGS, 200);
    expect(come(h)).toHaveLength(36);
    submit(h, OTHER, 200);
    expect(come(h)).toHaveLength(6);
    submit(h, VICTIM, 3);
    expect(from(come(h), VICTIM)).toHaveLength(3);
  });

  test("a host has its part over all namespaces and queues that call it", () => {
    const h = new Harness();
    submit(h, HANGS, 30);
    submit(h, hook("too", "https://HANGS.test.:443/x", { namespace: "victim" }), 30);
    expect(come(h)).toHaveLength(36);
  });

  test("jobs that call nobody count for nothing", () => {
    const h = new Harness();
    submit(h, settingsOf({ name: "code", namespace: "hog" }), 100);
    expect(h.work({ room: { handler: 100, http: 0 }, connections: LANE }).items).toHaveLength(100);
    submit(h, HANGS, 100);
    expect(come(h)).toHaveLength(36);
  });

  test("a Worker behind a binding has a host's part, because what it sends counts among those of who calls it", () => {
    const h = new Harness();
    submit(h, settingsOf({ name: "mails", namespace: "hog", target: { type: "worker", binding: "MAILER" } }), 100);
    const types = [...FIRST_PUSH_TYPES, "worker"] as const;
    const items = Array.from({ length: 20 }, (_, i) =>
      h.work({ worker: `w/${i}`, room: { handler: 0, http: 6 }, types: [...types], connections: LANE }),
    ).flatMap((reply) => reply.items);
    expect(items).toHaveLength(36);
    submit(h, VICTIM, 3);
    expect(from(come(h), VICTIM)).toHaveLength(3);
  });

  test("a message to a Queue is none", () => {
    const h = new Harness();
    submit(h, settingsOf({ name: "out", target: { type: "queue", binding: "OUT" } }), 60);
    const room = { handler: 100, http: 0 };
    expect(h.work({ room, types: ["queue"], connections: LANE }).items).toHaveLength(60);
  });

  test("each lane has its own", () => {
    const h = new Harness();
    submit(h, HANGS, 100);
    come(h);
    submit(h, hook("bulk", "https://hangs.test/", { namespace: "hog", lane: "bulk" }), 100);
    const items = Array.from({ length: 9 }, (_, i) =>
      h.work({ lane: "bulk", worker: `b/${i}`, room: { handler: 0, http: 6 }, connections: LANE }),
    ).flatMap((reply) => reply.items);
    expect(items).toHaveLength(18);
  });

  test("a report gives one back, to a claim of the same step too", () => {
    const h = new Harness();
    submit(h, HANGS, 100);
    const [first] = come(h);
    const outcome = { ok: true, result: null, resultTruncated: false } as const;
    const again = h.work({
      reports: [{ lease: first?.lease ?? "", outcome }],
      room: { handler: 0, http: 6 },
      connections: LANE,
    });
    expect(again.items).toHaveLength(1);
    expect(come(h)).toEqual([]);
  });

  test.each([
    ["a failure", (h: Harness, { lease }: WorkItem) => h.fail(lease)],
    ["a cancel", (h: Harness, { id }: WorkItem) => h.core.cancel({ v: 1, epoch: 1, namespace: "hog", id })],
    ["the end of its lease", (h: Harness) => h.advance(16 * SECOND)],
  ])("%s gives it back", (_name, ends) => {
    const h = new Harness();
    submit(h, HANGS, 100);
    const [first] = come(h);
    ends(h, first as WorkItem);
    expect(come(h).length).toBeGreaterThan(0);
    expect(h.broken()).toEqual([]);
  });

  test("a step that is undone takes none", () => {
    const h = new Harness();
    submit(h, HANGS, 100);
    const { transaction } = h.sql;
    h.sql.transaction = (run) =>
      transaction(() => {
        run();
        throw new Error("disk full");
      });
    for (let i = 0; i < 20; i++) expect(() => come(h, 1)).toThrow("disk full");
    h.sql.transaction = transaction;
    expect(come(h)).toHaveLength(36);
  });

  test("the audit finds one that is counted for a job that does not run", () => {
    const h = new RowHarness();
    submit(h, HANGS, 1);
    const [held] = come(h);
    expect(h.broken()).toEqual([]);
    h.sql.run("UPDATE jobs SET state = 'cancelled', due_at = NULL, finished_at = 1 WHERE id = ?", held?.id ?? "");
    expect(h.broken()).toContain("connection-in-use");
  });

  test("a restart counts what runs", () => {
    const h = new Harness();
    submit(h, HANGS, 100);
    expect(come(h)).toHaveLength(36);
    h.restart();
    expect(come(h)).toEqual([]);
    expect(h.broken()).toEqual([]);
  });

  test("a queue that is sent elsewhere does not make room for more of what hangs", () => {
    const h = new Harness();
    submit(h, HANGS, 200);
    come(h);
    for (let version = 2; version < 6; version++) {
      const target = { type: "http", url: `https://hangs-${version}.test/`, headers: {} } as const;
      const queues = [{ ...HANGS, target, version }];
      h.core.configure({ v: 1, epoch: 1, queues });
      come(h);
    }
    expect(h.rows().filter(({ state }) => state === "running")).toHaveLength(42);
  });

  test("a claim looks at no job of a host that has its part", () => {
    const h = new Harness();
    submit(h, HANGS, 100);
    come(h);
    const asked: string[] = [];
    const { all } = h.sql;
    h.sql.all = (query, ...params) => {
      asked.push(query);
      return all(query, ...params);
    };
    come(h, 1);
    expect(asked.filter((query) => query.includes("jobs_ready"))).toEqual([]);
  });

  test("shares of 1 are no limit, and so is an executor that says nothing of its lane", () => {
    const h = new Harness();
    submit(h, HANGS, 100);
    expect(h.work({ room: { handler: 0, http: 60 } }).items).toHaveLength(60);
    const free = new Harness({}, undefined, { namespace: 1, host: 1 });
    submit(free, HANGS, 100);
    expect(come(free)).toHaveLength(100);
  });
});

test("explain says whose part of the connections is full, with the numbers", () => {
  const h = new Harness();
  submit(h, HANGS, 36);
  const [waits] = submit(h, HANGS, 1);
  come(h);
  const explain = (id: string | undefined) => h.core.explain({ v: 1, epoch: 1, namespace: "hog", id: id ?? "" });
  expect(explain(waits)).toMatchObject({
    explanation: {
      reason: "connections",
      detail: "36 of 36 connections of lane default that one host may have here are in use.",
      blockedBy: null,
      ahead: 0,
      estimatedStartAt: null,
    },
  });
  const [other] = submit(h, OTHER, 10);
  come(h);
  const [last] = submit(h, OTHER, 1);
  expect(explain(other)).toMatchObject({ explanation: { reason: "running" } });
  expect(explain(last)).toMatchObject({
    explanation: { reason: "connections", detail: expect.stringContaining("42 of 42") },
  });
  h.advance(16 * SECOND);
  expect(explain(waits)).not.toMatchObject({ explanation: { reason: "connections" } });
});

test("a full part owes no bell until a connection comes back", () => {
  const h = new Harness();
  submit(h, { ...HANGS, timeoutMs: 15 * MINUTE }, 100);
  const leases = come(h).map(({ lease }) => lease);
  h.rung();
  for (let beat = 0; beat < 20; beat++) {
    h.advance(5 * SECOND);
    h.core.extend({
      v: 1,
      epoch: 1,
      namespace: null,
      leases: leases.map((lease) => ({ lease, leaseMs: 15 * SECOND, unlessLeftMs: null })),
    });
  }
  expect(h.rung()).toEqual([]);
  h.succeed(leases[0] ?? "");
  expect(h.rung()).toHaveLength(1);
});
