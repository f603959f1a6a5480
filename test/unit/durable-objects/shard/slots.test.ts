import { describe, expect, test } from "vitest";
import type { NewJob } from "../../../../contract/rpc.ts";
import { makeJobId, slotOfJob } from "../../../../domain/job-id.ts";
import { partitionOf, SLOTS, slotOf, slotsOfQueue } from "../../../../domain/slots.ts";
import { SEQUENCE } from "../../../../durable-objects/shard/kernel/sequence.ts";
import type { SqlRow } from "../../../../durable-objects/sql.ts";
import { push, scheduleOf } from "../../../rigs/schedule-harness.ts";
import { BOOM, CALL, DAY, Harness, HOUR, MINUTE, only, SECOND } from "../../../rigs/shard-harness.ts";
import { SpawnRig } from "../../../rigs/spawn-rig.ts";
import { subscribe } from "../../../rigs/subscription-harness.ts";

const PARTITIONS = 16;
/** Those whose primary key begins with the slot: their rows of one slot lie together. */
const BY_SLOT = ["idempotency", "dedup", "parked", "gates", "rates", "batches", "undecided", "progress"];

const idempotency = (key: string) => ({ idempotency: { key, hash: "h" } });
const dedup = (key: string) => ({ dedup: { key, windowMs: HOUR, onConflict: "runAfter", maxDelayMs: null } as const });

/** A job where a gateway would place it. */
function placed(h: Harness, n: number, over: Partial<NewJob> = {}): NewJob {
  const { orderingKey = null, concurrencyKey = null, dedup = null, idempotency = null } = over;
  const keys = { orderingKey, concurrencyKey, dedupKey: dedup?.key ?? null, idempotencyKey: idempotency?.key ?? null };
  return h.job({ ...over, partition: partitionOf(keys, PARTITIONS, (n % PARTITIONS) / PARTITIONS) });
}

function slotsOfJobs(h: Harness, table: string, column: string): [row: SqlRow, ids: string[]][] {
  const rows = h.sql.all<SqlRow>(`SELECT * FROM ${table} WHERE ${column} IS NOT NULL`);
  expect(rows.length, table).toBeGreaterThan(0);
  return rows.map((row) => {
    const text = String(row[column]);
    const list: unknown[] = text.startsWith("[") ? JSON.parse(text) : [text];
    // Of events [type, id, ...].
    return [row, list.map((item) => (Array.isArray(item) ? String(item.find((x) => /^job_/.test(x))) : String(item)))];
  });
}

/** Everything a shard can have, of jobs that lie in sixteen slots. */
function mixed(): Harness {
  const h = new Harness({
    partitions: PARTITIONS,
    rate: { limit: 1600, periodMs: HOUR },
    perKeyRate: { limit: 5, periodMs: HOUR },
    onFailure: "block",
  });
  subscribe(h);
  push(h, scheduleOf());
  const range = Array.from({ length: 60 }, (_, n) => n);
  h.submit(range.map((n) => placed(h, n, { orderingKey: `o${n % 30}` })));
  h.submit(range.map((n) => placed(h, n, dedup(`d${n % 40}`))));
  h.submit(range.map((n) => placed(h, n)));
  h.submit(range.map((n) => placed(h, n, idempotency(`i${n}`))));
  h.submit(range.map((n) => placed(h, n, { concurrencyKey: `c${n % 20}`, ...idempotency(`ci${n}`) })));
  h.submit(range.map((n) => placed(h, n, { delayMs: DAY, expiresAt: h.now + 2 * DAY })));
  const items = [...h.take(100), ...h.take(100), ...h.take(100)];
  h.submit(range.map((n) => placed(h, n, dedup(`d${n % 40}`))));
  const progress = { percent: 5, checkpoint: "1" };
  h.core.extend({
    ...CALL,
    namespace: null,
    leases: items.slice(100).map(({ lease }) => ({ lease, leaseMs: MINUTE, unlessLeftMs: null, progress })),
  });
  h.work({
    room: { handler: 0, http: 0 },
    reports: items.slice(0, 50).map(({ lease }, i) => {
      if (i % 5 === 0)
        return { lease, outcome: { ok: false, error: { ...BOOM, retryable: false }, retryAfterMs: null } };
      return { lease, outcome: { ok: true, result: "1", resultTruncated: false } };
    }),
  });
  for (const slot of [1, 7]) {
    const batch = { namespace: "default", key: `b${slot}`, slot, hash: "h", seed: "s" };
    h.core.openBatch({ ...CALL, ...batch });
  }
  h.advance(2 * MINUTE);
  const again = placed(h, 0, idempotency("i0"));
  const jobs = [
    again,
    ...range.map((n) => placed(h, n, n % 2 === 0 ? { orderingKey: `t${n}` } : idempotency(`t${n}`))),
  ];
  h.core.prepare({ ...CALL, txn: "t1", queues: [h.queue], jobs, expiresAt: h.now + 5 * SECOND });
  expect(h.broken()).toEqual([]);
  return h;
}

describe("the slot of a row", () => {
  const h = mixed();

  test("of a job is the one in its id, and that of its partition", () => {
    const rows = h.sql.all<{ id: string; slot: number; partition: number }>("SELECT id, slot, partition FROM jobs");
    expect(rows.length).toBeGreaterThan(340);
    for (const { id, slot, partition } of rows) {
      expect([slotOfJob(id), slotOf("default", "q", partition)]).toEqual([slot, slot]);
    }
    expect(new Set(rows.map(({ slot }) => slot)).size).toBe(slotsOfQueue(h.queue).length);
  });

  test.each([
    ["idempotency", "job"],
    ["dedup", "job"],
    ["dedup", "next"],
    ["parked", "job"],
    ["progress", "id"],
    ["undecided", "id"],
    ["events", "events"],
    ["fires", "job"],
  ])("of %s is that of every job in its %s", (table, column) => {
    for (const [{ slot }, ids] of slotsOfJobs(h, table, column)) {
      expect(new Set(ids.map(slotOfJob)), table).toEqual(new Set([slot]));
    }
  });

  test("is the key of its jobs in each row of the log of finished jobs", () => {
    const rows = h.sql.all<{ kept: number; jobs: string }>("SELECT kept, jobs FROM finished");
    expect(new Set(rows.map(({ kept }) => kept))).toEqual(new Set([0, 1]));
    for (const { jobs } of rows) {
      const bySlot = Object.entries<[id: string, version: number][]>(JSON.parse(jobs));
      expect(bySlot.length).toBeGreaterThan(1);
      for (const [slot, logged] of bySlot) {
        expect(new Set(logged.map(([id]) => slotOfJob(id)))).toEqual(new Set([Number(slot)]));
      }
    }
  });

  test("of a key is that of the jobs with the key", () => {
    const gates = h.sql.all<{ slot: number; key: string }>("SELECT slot, key FROM gates");
    expect(gates.length).toBeGreaterThan(5);
    for (const { slot, key } of gates) {
      const partition = partitionOf({ orderingKey: key, idempotencyKey: null }, PARTITIONS, 0);
      expect(slotOf("default", "q", partition)).toBe(slot);
    }
    const rates = h.sql.all<{ slot: number; partition: number }>("SELECT slot, partition FROM rates");
    expect(rates.length).toBeGreaterThan(5);
    for (const { slot, partition } of rates) expect(slotOf("default", "q", partition)).toBe(slot);
  });

  test("of a batch is the one its key was looked for in, and of a schedule that of its place", () => {
    expect(h.sql.all("SELECT slot, key FROM batches ORDER BY slot")).toEqual([
      { slot: 1, key: "b1" },
      { slot: 7, key: "b7" },
    ]);
    const [schedule] = h.sql.all<{ slot: number; last_job: string }>("SELECT slot, last_job FROM schedules");
    expect(slotOfJob(schedule?.last_job ?? "")).toBe(schedule?.slot);
    push(h, scheduleOf({ version: 2 }), { own: false });
    expect(h.sql.all("SELECT runs, slot FROM schedules")).toEqual([{ runs: 0, slot: null }]);
  });

  test("of a job that was answered is there with its verdict, and it waits for nothing", () => {
    const [answered] = h.sql.all<{ id: string; verdict: string; job: string | null }>(
      "SELECT id, verdict, job FROM undecided WHERE job IS NULL",
    );
    expect(JSON.parse(answered?.verdict ?? "")).toMatchObject({ type: "replayed" });
    expect(h.core.transactionsOf(answered?.id ?? "")).toEqual([]);
  });

  test("that is not its partition's is named by the audit", () => {
    const wrong = mixed();
    wrong.sql.run("UPDATE jobs SET slot = (slot + 1) % ? WHERE id = (SELECT min(id) FROM jobs)", SLOTS);
    expect(wrong.broken()).toContain("slot-is-place");
  });
});

test("the rows of a slot lie together where a key names them", () => {
  const h = new Harness();
  for (const table of BY_SLOT) {
    const [first] = h.sql.all<{ name: string; pk: number }>(
      `SELECT name, pk FROM pragma_table_info('${table}') WHERE pk = 1`,
    );
    expect([table, first?.name]).toEqual([table, "slot"]);
  }
});

test("the slot of a job that goes out, and of the job that brought it, are both with it", () => {
  const rig = new SpawnRig();
  const parent = rig.start();
  rig.succeed(parent.lease, [rig.spawn(), rig.spawn()]);
  const rows = rig
    .sql("shard-0")
    .all<{ slot: number; parent_slot: number; id: string; job: string }>(
      "SELECT slot, parent_slot, id, job FROM spawn_outbox",
    );
  expect(rows.length).toBe(2);
  for (const { slot, parent_slot, id, job } of rows) {
    expect([slotOfJob(id), slotOfJob(JSON.parse(job).parent)]).toEqual([slot, parent_slot]);
  }
});

describe("the log of finished jobs", () => {
  test("has one row a step, whatever the slots, history reads all of it, and it goes in its time", () => {
    const h = new Harness({ partitions: PARTITIONS });
    const jobs = Array.from({ length: 40 }, (_, n) => placed(h, n));
    h.submit(jobs);
    const reports = h.take(40).map(({ lease }) => {
      return { lease, outcome: { ok: true, result: "1", resultTruncated: false } as const };
    });
    h.work({ reports, room: { handler: 0, http: 0 } });
    const row = only(h.sql.all<{ seq: number; jobs: string }>("SELECT seq, jobs FROM finished"));
    const slots = new Set(jobs.map(({ id }) => slotOfJob(id)));
    expect(slots.size).toBeGreaterThan(4);
    expect(new Set(Object.keys(JSON.parse(row.jobs)).map(Number))).toEqual(slots);
    expect(h.stats().unprojectedSucceeded).toBe(40);
    expect(h.finished().cursor).toBe(row.seq);
    expect(h.project().length).toBe(40);
    expect(h.stats().unprojectedSucceeded).toBe(0);
    h.advance(HOUR + MINUTE);
    expect([h.count("finished"), h.count("jobs")]).toEqual([0, 0]);
  });

  test("of jobs that history had before their slot came here is not told again, and goes in its time", () => {
    const h = new Harness();
    h.accept();
    for (const { lease } of h.take()) h.succeed(lease);
    h.sql.run("UPDATE finished SET kept = 1, moved_in = 1");
    expect(h.finished().jobs).toEqual([]);
    h.restart();
    expect(h.stats().unprojectedSucceeded).toBe(0);
    expect(h.broken()).toEqual([]);
    h.advance(2 * HOUR);
    expect([h.count("finished"), h.count("jobs")]).toEqual([0, 0]);
  });
});

describe("a sequence that is raised", () => {
  const now = 1_000_000;
  const to = (now + HOUR) * 1000;

  const raise = (h: Harness, upTo: number) => h.core.engine.step((step) => step.get(SEQUENCE).raise(upTo));
  const next = (h: Harness) => h.core.engine.step((step) => step.get(SEQUENCE).next(now));

  test("goes on above, over a restart too, and costs a row where nothing so high was reserved", () => {
    const h = new Harness();
    const rows = h.sql.rowsWritten();
    raise(h, to);
    expect(h.sql.rowsWritten()).toBe(rows + 1);
    const first = next(h);
    expect(first).toBeGreaterThan(to);
    expect(next(h)).toBeGreaterThan(first);
    expect(h.sql.rowsWritten()).toBe(rows + 1);
    const before = next(h);
    h.restart();
    expect(next(h)).toBeGreaterThan(before);
  });

  test("is never lowered", () => {
    const h = new Harness();
    raise(h, to);
    const before = next(h);
    const rows = h.sql.rowsWritten();
    raise(h, 5);
    expect(next(h)).toBe(before + 1);
    expect(h.sql.rowsWritten()).toBe(rows);
  });

  test("is not, when the step that raised it is undone", () => {
    const h = new Harness();
    const undone = () =>
      h.core.engine.step((step) => {
        step.get(SEQUENCE).raise(to);
        throw new Error("undone");
      });
    expect(undone).toThrow("undone");
    expect(next(h)).toBeLessThan(to);
    h.restart();
    expect(next(h)).toBeLessThan(to);
  });
});

test("an id that is none has no slot", () => {
  expect(slotOfJob(makeJobId(5, 77, new Uint8Array(8)))).toBe(77);
  expect(() => slotOfJob("job_x")).toThrow("job_x is not a job id");
});
