import { describe, expect, test } from "vitest";
import { lane } from "../../../lane.ts";
import { harnessHost } from "../../../rigs/harness-host.ts";
import { played, SICK, testPlanted, UNREADABLE } from "../../../rigs/planted-cases.ts";
import { CALL, Harness, HOUR, MINUTE, PackHarness } from "../../../rigs/shard-harness.ts";
import { drain, subscribe } from "../../../rigs/subscription-harness.ts";

/** Bad rows of one queue, while others of the shard go on; then what each of those tells that are settings. */

testPlanted({ ...played(async () => harnessHost()), turn: lane.turn, runs: 1, beforeRestart: true });

describe("a queue whose settings cannot be read", () => {
  test("starts nothing and says why, until its settings are sent again; what runs goes on", () => {
    const h = new Harness({ target: { type: "pull" }, concurrency: 1, partitions: 1 });
    const [running, waiting] = [h.accept(), h.accept()];
    const [claimed] = h.claim({ max: 1 });
    h.sql.run(`UPDATE queues SET settings = ${UNREADABLE}`);
    h.restart();
    expect(h.claim({ max: 5 })).toEqual([]);
    expect(h.explain(waiting)).toMatchObject({ state: "queued", reason: "quarantined" });
    expect(h.broken()).toContain("nothing-set-aside");
    expect(h.succeed(claimed?.lease ?? "")).toBe("recorded");
    // It stays so, and is said, for however long nobody sends them: nobody knows how many may run, or whether it was paused.
    for (let hours = 0; hours < 3; hours++) {
      h.advance(HOUR);
      expect(h.claim({ max: 5 })).toEqual([]);
      expect(h.explain(waiting)).toMatchObject({ state: "queued", reason: "quarantined" });
      expect(h.broken()).toContain("nothing-set-aside");
    }
    h.core.configure({ ...CALL, queues: [h.queue] });
    expect(h.broken()).toEqual([]);
    expect(h.claim({ max: 5 }).map(({ job }) => job.id)).toEqual([waiting]);
    expect(h.state(running)).toBe("succeeded");
    h.restart();
    expect(h.broken()).toEqual([]);
  });

  test("goes on when a submission brings them, also where nobody has ever changed them", () => {
    const h = new Harness({ name: "default", target: { type: "pull" }, version: 0 });
    const waiting = h.accept();
    h.sql.run(`UPDATE queues SET settings = ${UNREADABLE}`);
    h.restart();
    const brings = h.accept();
    expect(h.broken()).toEqual([]);
    expect(h.claim({ max: 5 }).map(({ job }) => job.id)).toEqual([waiting, brings]);
  });

  test("keeps what ends meanwhile for days, so that it can be redriven when they are sent again", () => {
    const h = new Harness({ target: { type: "pull" } });
    const failed = h.accept();
    const [claimed] = h.claim({ max: 1 });
    h.sql.run(`UPDATE queues SET settings = ${UNREADABLE}`);
    h.restart();
    expect(h.fail(claimed?.lease ?? "", { retryable: false })).toBe("recorded");
    h.project();
    for (let hours = 0; hours < 48; hours += 12) h.advance(12 * HOUR);
    expect(h.state(failed)).toBe("failed");
    h.core.configure({ ...CALL, queues: [h.queue] });
    expect(h.state(failed)).toBe("failed");
  });

  test("was not partitioned anew because nobody knows how it was", () => {
    const h = new Harness({ target: { type: "pull" }, partitions: 4 });
    h.accept();
    h.sql.run(`UPDATE queues SET settings = ${UNREADABLE}`);
    h.restart();
    h.core.configure({ ...CALL, queues: [h.queue] });
    expect(h.sql.all("SELECT partitioned_at AS at FROM queues")).toEqual([{ at: 0 }]);
    h.configure({ partitions: 8 });
    const partitioned = [{ at: h.now }];
    expect(h.sql.all("SELECT partitioned_at AS at FROM queues")).toEqual(partitioned);
    h.sql.run(`UPDATE queues SET settings = ${UNREADABLE}`);
    h.advance(HOUR);
    h.restart();
    h.core.configure({ ...CALL, queues: [h.queue] });
    expect(h.sql.all("SELECT partitioned_at AS at FROM queues")).toEqual(partitioned);
  });
});

test.each([
  ["of a queue", { rate: { limit: 2, periodMs: MINUTE } }, "rates"],
  ["of its keys", { perKeyRate: { limit: 2, periodMs: MINUTE } }, "gates"],
] as const)(
  "a rate %s whose starts cannot be read lets nothing start: nobody knows how many there were",
  (_, limit, table) => {
    const h = new Harness({ target: { type: "pull" }, partitions: 1, ...limit });
    for (let jobs = 0; jobs < 4; jobs++) h.accept({ concurrencyKey: "c" });
    expect(h.claim({ max: 1 }).length).toBe(1);
    const [row] = h.sql.all<{ log: string }>(`SELECT log FROM ${table}`);
    h.sql.run(`UPDATE ${table} SET log = ${UNREADABLE}`);
    h.restart();
    for (let minutes = 0; minutes < 3; minutes++) {
      expect(h.claim({ max: 5 })).toEqual([]);
      expect(h.broken()).toContain("nothing-set-aside");
      h.advance(MINUTE);
    }
    h.sql.run(`UPDATE ${table} SET log = ?`, row?.log ?? "");
    h.advance(HOUR);
    expect(h.claim({ max: 5 }).length).toBe(2);
    h.advance(HOUR);
    expect(h.broken()).not.toContain("nothing-set-aside");
  },
);

describe("a subscription whose settings cannot be read", () => {
  test("is paused, and goes on where it was when they are sent again", () => {
    const h = new Harness();
    const [settings] = [subscribe(h, { filter: { queue: null, tag: null } })];
    h.accept();
    h.sql.run(`UPDATE subscriptions SET settings = ${UNREADABLE}`);
    h.restart();
    expect(drain(h).length).toBe(0);
    expect(h.broken()).toContain("nothing-set-aside");
    h.core.configureSubscriptions({ ...CALL, subscriptions: [settings] });
    expect(h.broken()).toEqual([]);
    expect(drain(h).length).toBeGreaterThan(0);
  });

  test("collects nothing meanwhile: nobody knows what it asked for", () => {
    const h = new Harness();
    subscribe(h, { filter: { queue: "another", tag: null } });
    h.sql.run(`UPDATE subscriptions SET settings = ${UNREADABLE}`);
    h.restart();
    h.accept();
    h.succeed(h.takeOne().lease);
    expect(h.count("events")).toBe(0);
  });
});

test("what cannot be read of a namespace that is deleted is gone with it, and no longer said", async () => {
  const h = new PackHarness(SICK);
  await played(async () => harnessHost(h)).configured();
  for (const table of ["queues", "subscriptions"]) h.sql.run(`UPDATE ${table} SET settings = ${UNREADABLE}`);
  h.restart();
  expect(h.broken()).toContain("nothing-set-aside");
  h.namespace({}, { deletingAt: h.now, version: 2 });
  h.advance(MINUTE);
  expect([h.count("queues"), h.count("subscriptions"), h.count("jobs")]).toEqual([0, 0, 0]);
  expect(h.broken()).not.toContain("nothing-set-aside");
});

describe("a namespace whose settings cannot be read", () => {
  test("has the limits that hold for everybody, until its own are sent again", () => {
    const h = new Harness();
    h.namespace({ unfinishedJobs: 1 });
    h.accept();
    expect(h.submit([h.job()])[0]?.type).not.toBe("accepted");
    h.sql.run(`UPDATE namespaces SET settings = ${UNREADABLE}`);
    h.restart();
    expect(h.broken()).toContain("nothing-set-aside");
    h.accept();
    h.namespace({ unfinishedJobs: 1 });
    expect(h.broken()).toEqual([]);
    expect(h.submit([h.job()])[0]?.type).not.toBe("accepted");
  });
});
