import { describe, expect, test } from "vitest";
import type { ClaimedJob } from "../../../../contract/rpc.ts";
import { initialMap, slotOf } from "../../../../domain/slots.ts";
import { SUBSYSTEMS } from "../../../../durable-objects/shard/subsystems.ts";
import { lane } from "../../../lane.ts";
import { push, scheduleOf } from "../../../rigs/schedule-harness.ts";
import { BOOM, CALL, Harness, HOUR, MINUTE, PackHarness, SECOND, settingsOf } from "../../../rigs/shard-harness.ts";
import { drain, subscribe } from "../../../rigs/subscription-harness.ts";

/**
 * Bad rows of one queue, in each table that has rows of slots, while another queue of the shard goes on. The cases come from the
 * registry of tables: one that is new is covered by being there, and fails here until the scene has a row of it.
 */
const TABLES = SUBSYSTEMS.flatMap(({ tables = [] }) => tables).filter(({ scope }) => scope !== "shard");

/** Both as SQL. The second can be read; whoever writes it again is refused. */
const UNREADABLE = "'{no JSON'";
const TOO_LARGE = `'["' || hex(zeroblob(1050000)) || '"]'`;

/** Texts that are lists without being JSON. */
const LISTS = new Set(["packs.ids", "packs.lengths", "packs.payloads", "packs.spec"]);

const SICK = {
  name: "sick",
  target: { type: "pull" },
  rate: { limit: 1_000, periodMs: SECOND },
  perKeyConcurrency: 5,
  perKeyRate: { limit: 10, periodMs: MINUTE },
  onFailure: "block",
} as const;
const SLOT = slotOf("default", "sick", 0);
const DEDUP = { key: "d", windowMs: MINUTE, onConflict: "return", maxDelayMs: null } as const;

/** A shard of which each table has a row that is about the queue `sick`. */
function scene(): Harness {
  const h = new PackHarness(SICK);
  subscribe(h, { filter: { queue: "sick", tag: null }, name: "sick" });
  h.accept({ idempotency: { key: "i", hash: "h" }, concurrencyKey: "c" });
  h.accept({ dedup: DEDUP });
  h.accept({ orderingKey: "o" });
  const claimed = h.claim({ max: 3, leaseMs: 30 * SECOND });
  for (const { job, lease } of claimed) if (job.orderingKey === "o") h.fail(lease, { retryable: false });
  const progress = { percent: 1, checkpoint: "{}" };
  const leases = claimed
    .slice(1, 2)
    .map(({ lease }) => ({ lease, leaseMs: 30 * SECOND, unlessLeftMs: null, progress }));
  h.core.extend({ ...CALL, namespace: null, leases });
  h.succeed(claimed[0]?.lease ?? "");
  h.core.prepare({ ...CALL, txn: "batch_1", queues: [h.queue], jobs: [h.job()], expiresAt: h.now + MINUTE });
  const jobs = [{ seq: 1, slot: SLOT, job: h.job({ delayMs: MINUTE }) }];
  h.core.receive({ ...CALL, source: "shard-9", queues: [h.queue], jobs });
  h.core.openBatch({ ...CALL, slot: SLOT, namespace: "default", key: "b", hash: "h", seed: "s" });
  push(h, scheduleOf({ job: { ...scheduleOf().job, queue: "sick" } }));
  h.advance(MINUTE);
  h.claim({ max: 3, leaseMs: 30 * SECOND });
  // A pack of which one job has become a row, one has succeeded, one runs and the others wait.
  h.submit(h.jobs(6));
  const packed = h.claim({ max: 3, leaseMs: 30 * SECOND });
  h.fail(packed[0]?.lease ?? "");
  h.succeed(packed[1]?.lease ?? "");
  return h;
}

const WELL = settingsOf({
  name: "well",
  target: { type: "pull" },
  perKeyConcurrency: 5,
  rate: { limit: 100, periodMs: SECOND },
});

/** Another queue lives on: one job succeeds, one is tried again, of one the lease ends, one fires late, and all go at last. */
function expectLifeGoesOn(h: Harness): void {
  const claim = (): ClaimedJob[] =>
    h.core.claim({ ...CALL, namespace: "default", queue: "well", max: 10, leaseMs: 10 * SECOND, worker: null }).jobs;
  const jobs = [
    h.job({ concurrencyKey: "c" }, WELL),
    h.job({ orderingKey: "o" }, WELL),
    h.job({ idempotency: { key: `i${h.now}`, hash: "h" }, dedup: { ...DEDUP, key: `d${h.now}` } }, WELL),
    h.job({ delayMs: 20 * SECOND }, WELL),
  ];
  const submitted = h.core.submit({ ...CALL, queues: [WELL], jobs, atomic: false });
  expect(submitted).toMatchObject({ results: jobs.map(() => ({ type: "accepted" })) });
  const first = claim();
  expect(first.length).toBe(3);
  h.succeed(first[0]?.lease ?? "");
  h.fail(first[1]?.lease ?? "", BOOM);
  for (let seconds = 0; seconds < 60; seconds += 5) {
    h.advance(5 * SECOND);
    for (const { lease } of claim()) expect(h.succeed(lease)).toBe("recorded");
  }
  const states = (ids: string[]) => ids.map((id) => h.core.get({ ...CALL, namespace: "default", id, waitMs: 0 }));
  const ids = jobs.map(({ id }) => id);
  expect(states(ids)).toMatchObject(ids.map((id) => ({ type: "job", job: { id, state: "succeeded" } })));
  expect(h.project().filter(({ id }) => ids.includes(id)).length).toBe(4);
  drain(h);
  h.now += 2 * HOUR;
  for (let alarms = 0; alarms < 10; alarms++) h.core.alarm();
  expect(ids.filter((id) => h.has(id))).toEqual([]);
  h.core.audit(CALL, h.alarmAt);
}

function rowsOf(h: Harness, table: string): Record<string, unknown>[] {
  return h.sql.all(`SELECT * FROM ${table}`);
}

/** The columns of a table whose texts are JSON objects or lists in some row. */
function jsonColumns(h: Harness, table: string): string[] {
  const rows = rowsOf(h, table);
  const isJson = (value: unknown) => typeof value === "string" && /^[{[]/.test(value);
  return Object.keys(rows[0] ?? {}).filter(
    (column) => LISTS.has(`${table}.${column}`) || rows.some((row) => isJson(row[column])),
  );
}

describe("the scene", () => {
  test("has a row of each table of slots, and lives on as it is", () => {
    const h = scene();
    expect(TABLES.filter(({ table }) => h.count(table) === 0).map(({ table }) => table)).toEqual([]);
    expectLifeGoesOn(h);
  });
});

describe.each(TABLES.map((scope) => [scope.table, scope] as const))("in the table %s", (table, scope) => {
  for (const [what, sql] of [
    ["texts that are no JSON", UNREADABLE],
    ["texts beyond what a value may have", TOO_LARGE],
  ] as const) {
    test(`${what} hold nothing up, before a restart and after`, { timeout: 120_000 }, () => {
      const columns = jsonColumns(scene(), table);
      // Long texts take long: each run has one column of each table, and a campaign every one.
      for (const column of sql === UNREADABLE ? columns : lane.turn(columns, columns.length)) {
        const h = scene();
        // Of long texts one row, because every look at each of them takes its time.
        const [key] = Object.keys(rowsOf(h, table)[0] ?? {});
        const where = sql === UNREADABLE ? "" : `WHERE ${key} = (SELECT min(${key}) FROM ${table})`;
        h.sql.run(`UPDATE ${table} SET ${column} = ${sql} ${where}`);
        if (sql === UNREADABLE) {
          expectLifeGoesOn(h);
          h.restart();
        }
        expectLifeGoesOn(h);
      }
    });
  }

  test("a handler that throws over its rows holds nothing up", () => {
    const h = scene();
    const ofSick = (row: "OLD" | "NEW") =>
      scope.scope === "slots" ? `${row}.${scope.keysOf} LIKE '%"${SLOT}"%'` : `${row}.slot = ${SLOT}`;
    for (const [event, row] of [
      ["INSERT", "NEW"],
      ["UPDATE", "OLD"],
      ["DELETE", "OLD"],
    ] as const) {
      h.sql.run(
        `CREATE TRIGGER planted_${event} BEFORE ${event} ON ${table} WHEN ${ofSick(row)} BEGIN SELECT RAISE(ABORT, 'planted'); END`,
      );
    }
    expectLifeGoesOn(h);
    h.restart();
    expectLifeGoesOn(h);
  });
});

/** Of the rows of a table that is the shard's own, those about the queue `sick`, or that one that has to be JSON. Left out: all. */
const OURS: Record<string, string> = { queues: "name = 'sick'", subscriptions: "name = 'sick'", meta: "key = 'map'" };

/** A column over which an index reads JSON: nothing else can be written there. */
const INDEXED = new Set(["operations.request"]);

/** Rows of tables that a scene of one shard and one moment leaves empty. */
const LEFT_BEHIND = [
  "INSERT INTO audit (pass, started_at, rows, position, violations) VALUES (7, 0, 0, '[]', '[]')",
  "INSERT INTO bells (lane, unanswered) VALUES ('default', 3)",
  "INSERT INTO namespace_deletions VALUES ('gone', 1, 0, NULL)",
  `UPDATE subscriptions SET last_error = '{"code":"http-503","message":"no"}'`,
];

/** A shard of which each table of its own has a row, too: settings that it was told, and what it does by itself. */
function configured(): Harness {
  const h = scene();
  h.namespace({});
  const anyTime = { createdAfter: null, createdBefore: null, finishedBefore: null };
  const filter = { queue: "sick", state: null, tag: null, orderingKey: null, errorCode: null, fingerprint: null };
  const operation = { id: "op_1", namespace: "default", action: "cancel", createdAt: h.now, dryRun: false } as const;
  h.core.operate({ ...CALL, operation: { ...operation, filter: { ...filter, ...anyTime }, everyMs: 10 * SECOND } });
  for (const statement of LEFT_BEHIND) h.sql.run(statement);
  return h;
}

/** What goes to other objects is sent by who hosts a shard: `outbox/sender.test.ts` plants such rows. */
const SENT = new Set(["spawn_outbox", "spawn_letters"]);
const OWN_TABLES = SUBSYSTEMS.flatMap(({ tables = [] }) => tables).filter(
  ({ table, scope }) => scope === "shard" && !SENT.has(table),
);

describe("a configured scene", () => {
  test("has a row of each table of the shard's own, and lives on as it is", () => {
    const h = configured();
    expect(OWN_TABLES.filter(({ table }) => h.count(table) === 0).map(({ table }) => table)).toEqual([]);
    h.restart();
    expectLifeGoesOn(h);
  });
});

describe.each(
  OWN_TABLES.flatMap(({ table }) => jsonColumns(configured(), table).map((column) => [table, column] as const)),
)("in the table %s, a %s that is no JSON", (table, column) => {
  test("does not stop the object from starting, nor what others have there", () => {
    const h = configured();
    const plant = () => h.sql.run(`UPDATE ${table} SET ${column} = ${UNREADABLE} WHERE ${OURS[table] ?? "true"}`);
    if (INDEXED.has(`${table}.${column}`)) {
      expect(plant).toThrow("malformed JSON");
      return;
    }
    plant();
    expect(h.sql.all(`SELECT 1 AS n FROM ${table} WHERE ${column} = ${UNREADABLE}`).length).toBeGreaterThan(0);
    h.restart();
    // As the object does that has no map.
    if (h.core.map() === null) h.core.adopt(initialMap(1));
    expectLifeGoesOn(h);
  });
});

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

test("what cannot be read of a namespace that is deleted is gone with it, and no longer said", () => {
  const h = configured();
  for (const table of ["queues", "subscriptions"]) h.sql.run(`UPDATE ${table} SET settings = ${UNREADABLE}`);
  h.restart();
  expect(h.broken()).toContain("nothing-set-aside");
  h.namespace({}, { deletingAt: h.now });
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
