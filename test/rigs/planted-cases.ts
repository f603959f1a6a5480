import { describe, expect, test } from "vitest";
import type { ClaimedJob } from "../../contract/rpc.ts";
import { DEFAULT_NAMESPACE_LIMITS } from "../../domain/namespace.ts";
import { slotOf } from "../../domain/slots.ts";
import type { TableScope } from "../../durable-objects/shard/kernel/subsystem.ts";
import { SUBSYSTEMS } from "../../durable-objects/shard/subsystems.ts";
import { HostedShard, type MakeHost } from "./hosted-shard.ts";
import { ANY_JOB, BOOM, CALL, HOUR, MINUTE, SECOND, START, scheduleOf, settingsOf, wordOf } from "./shard-words.ts";

/**
 * Bad rows of one queue, in each table of a shard, while other queues of it go on: in Node, and on the real runtime. The cases come
 * from the registry of tables: one that is new is covered by being there, and fails here until the scene has a row of it.
 */
const ALL_TABLES = SUBSYSTEMS.flatMap(({ tables = [] }) => tables);
const OF_SLOTS = ALL_TABLES.filter(({ scope }) => scope !== "shard");

/** What goes to other objects is sent by who hosts a shard. */
const SENT = new Set(["spawn_outbox", "spawn_letters"]);
const OWN_TABLES = ALL_TABLES.filter(({ scope }) => scope === "shard");

/** Both as SQL. The second can be read; whoever writes it again is refused. */
export const UNREADABLE = "'{no JSON'";
const TOO_LARGE = `'["' || hex(zeroblob(1050000)) || '"]'`;

/** Texts that are lists without being JSON. */
const LISTS = new Set(["packs.ids", "packs.lengths", "packs.payloads", "packs.spec"]);

/** The queue that all bad rows are about. */
export const SICK = {
  name: "sick",
  target: { type: "pull" },
  rate: { limit: 1_000, periodMs: SECOND },
  perKeyConcurrency: 5,
  perKeyRate: { limit: 10, periodMs: MINUTE },
  onFailure: "block",
} as const;
const SLOT = slotOf("default", "sick", 0);
const DEDUP = { key: "d", windowMs: MINUTE, onConflict: "return", maxDelayMs: null } as const;

/** A shard of which each table of slots has a row that is about the queue `sick`. */
async function scene(make: MakeHost): Promise<HostedShard> {
  const host = await make();
  const h = new HostedShard(host, SICK);
  const { queue } = h;
  await h.subscribe({ filter: { queue: "sick", tag: null }, name: "sick" });
  await h.accept({ idempotency: { key: "i", hash: "h" }, concurrencyKey: "c" });
  await h.accept({ dedup: DEDUP });
  await h.accept({ orderingKey: "o" });
  const claimed = await h.claim({ max: 3, leaseMs: 30 * SECOND });
  for (const { job, lease } of claimed) if (job.orderingKey === "o") await h.fail(lease, { retryable: false });
  const progress = { percent: 1, checkpoint: "{}" };
  const leases = claimed
    .slice(1, 2)
    .map(({ lease }) => ({ lease, leaseMs: 30 * SECOND, unlessLeftMs: null, progress }));
  await host.call("extend", { ...CALL, namespace: null, leases });
  await h.succeed(claimed[0]?.lease ?? "");
  const jobs = [{ seq: 1, slot: SLOT, job: h.job({ delayMs: MINUTE }) }];
  await host.call("receive", { ...CALL, source: "shard-9", queues: [queue], jobs });
  await host.call("openBatch", { ...CALL, slot: SLOT, namespace: "default", key: "b", hash: "h", seed: "s" });
  const settings = scheduleOf({ job: { ...scheduleOf().job, queue: "sick" } });
  const owned = { settings, queue, handover: { lastAt: null, nextAt: null } };
  await host.call("configureSchedules", { ...CALL, schedules: [wordOf(settings, queue.version, owned)] });
  await host.advance(MINUTE);
  const expiresAt = host.now() + MINUTE;
  await host.call("prepare", { ...CALL, txn: "batch_1", queues: [queue], jobs: [h.job()], expiresAt });
  await h.claim({ max: 3, leaseMs: 30 * SECOND });
  // A pack of which one job has become a row, one has succeeded, one runs and the others wait.
  await h.submit(Array.from({ length: 6 }, () => h.job()));
  const packed = await h.claim({ max: 3, leaseMs: 30 * SECOND });
  await h.fail(packed[0]?.lease ?? "");
  await h.succeed(packed[1]?.lease ?? "");
  return h;
}

/** Rows of tables that a scene of one shard and one moment leaves empty. */
const LEFT_BEHIND = [
  "INSERT INTO audit (pass, started_at, rows, position, violations) VALUES (7, 0, 0, '[]', '[]')",
  "INSERT INTO bells (lane, unanswered) VALUES ('default', 3)",
  "INSERT INTO namespace_deletions VALUES ('gone', 1, 0, NULL)",
  `UPDATE subscriptions SET last_error = '{"code":"http-503","message":"no"}'`,
];

/** A shard of which each table of its own has a row, too: settings that it was told, and what it does by itself. */
async function configured(make: MakeHost): Promise<HostedShard> {
  const h = await scene(make);
  const limits = { ...DEFAULT_NAMESPACE_LIMITS };
  const namespace = { name: "default", version: 1, createdAt: START, limits, deletingAt: null };
  await h.host.call("configureNamespaces", { ...CALL, namespaces: [namespace] });
  const operation = { id: "op_1", namespace: "default", action: "cancel", createdAt: h.host.now() } as const;
  const filter = { ...ANY_JOB, queue: "sick" };
  await h.host.call("operate", { ...CALL, operation: { ...operation, dryRun: false, filter, everyMs: 10 * SECOND } });
  for (const statement of LEFT_BEHIND) await h.host.sql(statement);
  // Where nobody sends them the alarm would ring for them without end: in Node `outbox/sender.test.ts` plants such rows.
  const owed = [
    `INSERT INTO spawn_outbox SELECT slot, 1, slot, id, queue, '${JSON.stringify(h.job())}' FROM jobs LIMIT 1`,
    `INSERT INTO spawn_letters VALUES ('job_1', '{"id":"job_1"}')`,
  ];
  if (h.host.sends) for (const statement of owed) await h.host.sql(statement);
  return h;
}

/** Neighbours of the queue, in its namespace and in another. */
const WELL = ["default", "other"].map((namespace) =>
  settingsOf({
    namespace,
    name: "well",
    target: { type: "pull" },
    perKeyConcurrency: 5,
    rate: { limit: 100, periodMs: SECOND },
  }),
);

/** Other queues live on: of each one job succeeds, one is tried again, of one the lease ends, one fires late, and all go at last. */
async function expectLifeGoesOn(h: HostedShard): Promise<void> {
  const { host } = h;
  const claim = async (): Promise<ClaimedJob[]> =>
    (await Promise.all(WELL.map((queue) => h.claim({ leaseMs: 10 * SECOND }, queue)))).flat();
  const deduplicated = {
    idempotency: { key: `i${host.now()}`, hash: "h" },
    dedup: { ...DEDUP, key: `d${host.now()}` },
  };
  const jobs = [
    { concurrencyKey: "c" },
    { orderingKey: "o" },
    deduplicated,
    { delayMs: 20 * SECOND },
    { orderingKey: "o" },
    deduplicated,
  ].map((over, n) => h.job({ ...over, queue: n % 2 }, WELL[n % 2]));
  const ids = await h.submit(jobs, WELL);
  const first = await claim();
  expect(first.length).toBe(5);
  await h.succeed(first[0]?.lease ?? "");
  await h.fail(first[3]?.lease ?? "", BOOM);
  for (let seconds = 0; seconds < 60; seconds += 10) {
    await host.advance(10 * SECOND);
    for (const { lease } of await claim()) expect(await h.succeed(lease)).toBe("recorded");
  }
  const replies = await Promise.all(jobs.map(({ id, queue }) => h.get(id, WELL[queue]?.namespace ?? "")));
  expect(replies).toMatchObject(ids.map((id) => ({ type: "job", job: { id, state: "succeeded" } })));
  expect((await h.project()).filter(({ id }) => ids.includes(id)).length).toBe(jobs.length);
  await h.drain();
  host.leap(2 * HOUR);
  for (let alarms = 0; alarms < 10 && (await h.has(ids)).length > 0; alarms++) await host.alarm();
  expect(await h.has(ids)).toEqual([]);
}

/** The columns of each table whose texts are JSON objects or lists in some row. A table without rows has no entry. */
async function jsonColumns(h: HostedShard): Promise<Map<string, string[]>> {
  const isJson = (value: unknown) => typeof value === "string" && /^[{[]/.test(value);
  const found = new Map<string, string[]>();
  for (const { table } of ALL_TABLES) {
    const rows = await h.rows(table);
    const [first] = rows;
    if (first === undefined) continue;
    const isOne = (column: string) => LISTS.has(`${table}.${column}`) || rows.some((row) => isJson(row[column]));
    found.set(table, Object.keys(first).filter(isOne));
  }
  return found;
}

/** Every other table of the object has no text to read: its rows are numbers, names and keys. */
const NOTHING_TO_READ = [
  "batches",
  "bells",
  "dedup",
  "fires",
  "idempotency",
  "migrations",
  "namespace_bytes",
  "namespace_deletions",
  "parked",
  "schedules",
  "spawn_inbox",
  "transactions",
];

/** Of the rows of a table that is the shard's own, those about the queue `sick`, or that one that has to be JSON. Left out: all. */
const OURS: Record<string, string> = { queues: "name = 'sick'", subscriptions: "name = 'sick'", meta: "key = 'map'" };

/** A column over which an index reads JSON: nothing else can be written there. */
const INDEXED = new Set(["operations.request"]);

/** Columns of which nobody tells that they cannot be read, and why that is so. Of all others the audit tells. */
const UNTOLD: Record<string, string> = {
  "jobs.payload": "a user's text: no shard reads it",
  "progress.checkpoint": "a user's text: no shard reads it",
  "undecided.verdict": "a batch that is not decided for commit never asks for it",
  "meta.value": "the Directory is asked for the map again",
  "subscriptions.last_error": "it is shown, and the next delivery writes it anew",
  "audit.position": "the pass begins again",
  "audit.violations": "the pass begins again",
};

/** Which scenes there are, and which of the cases a run has. */
export interface Planting {
  /** Each table of slots has a row about `SICK`. */
  bare(): Promise<HostedShard>;
  /** Each table of the shard's own has one, too. */
  configured(): Promise<HostedShard>;
  /** The part of a list that is this run's turn, of so many. */
  turn<T>(all: readonly T[], parts?: number): T[];
  /** In how many runs each table comes once that has long texts and handlers that throw. */
  runs: number;
  /** Whether an object that goes on over unreadable texts is looked at too, and not only one that starts over them. */
  beforeRestart: boolean;
}

/** Scenes that are played anew each time. */
export function played(make: MakeHost): Pick<Planting, "bare" | "configured"> {
  return { bare: () => scene(make), configured: () => configured(make) };
}

async function expectTold(h: HostedShard, table: string, column: string): Promise<void> {
  // Where nothing is sent no coordinator is asked, and that is told in any case.
  const isToldAnyway = (rule: string) => !h.host.sends && rule === "prepared-is-decided";
  if (!h.host.sends && table === "undecided") return;
  const told = (await h.broken()).filter((rule) => !isToldAnyway(rule));
  if (`${table}.${column}` in UNTOLD) expect(told, `${table}.${column}`).toEqual([]);
  else expect(told, `${table}.${column}`).not.toEqual([]);
}

function testUnreadable({ table }: TableScope, planting: Planting): void {
  const planted = async (column: string) => {
    const h = await planting.bare();
    await h.host.sql(`UPDATE ${table} SET ${column} = ${UNREADABLE}`);
    return h;
  };
  const columns = async () => (await jsonColumns(await planting.bare())).get(table) ?? [];

  test("texts that are no JSON hold nothing up in an object that starts over them, and are told", async () => {
    for (const column of await columns()) {
      const h = await planted(column);
      await h.host.restart();
      await expectLifeGoesOn(h);
      await expectTold(h, table, column);
    }
  });

  if (!planting.beforeRestart) return;
  test("texts that are no JSON hold nothing up before a restart and after", async () => {
    for (const column of await columns()) {
      const h = await planted(column);
      await expectLifeGoesOn(h);
      await h.host.restart();
      await expectLifeGoesOn(h);
    }
  });
}

function testTooLarge({ table }: TableScope, { bare, turn }: Planting): void {
  test("texts beyond what a value may have hold nothing up", { timeout: 120_000 }, async () => {
    const h = await bare();
    const columns = (await jsonColumns(h)).get(table) ?? [];
    // Long texts take long: each run has one column of each table, and a campaign every one.
    for (const column of turn(columns, columns.length)) {
      const one = await bare();
      // Of one row, because every look at each of them takes its time.
      const [key] = Object.keys((await one.rows(table))[0] ?? {});
      const first = `${key} = (SELECT min(${key}) FROM ${table})`;
      await one.host.sql(`UPDATE ${table} SET ${column} = ${TOO_LARGE} WHERE ${first}`);
      await expectLifeGoesOn(one);
    }
  });
}

function testThrowing({ table, ...of }: TableScope, { bare }: Planting): void {
  test("a handler that throws over its rows holds nothing up", async () => {
    const h = await bare();
    const ofSick = (row: "OLD" | "NEW") =>
      of.scope === "slots" ? `${row}.${of.keysOf} LIKE '%"${SLOT}"%'` : `${row}.slot = ${SLOT}`;
    for (const [event, row] of [
      ["INSERT", "NEW"],
      ["UPDATE", "OLD"],
      ["DELETE", "OLD"],
    ] as const) {
      await h.host.sql(
        `CREATE TRIGGER planted_${event} BEFORE ${event} ON ${table} WHEN ${ofSick(row)} BEGIN SELECT RAISE(ABORT, 'planted'); END`,
      );
    }
    await expectLifeGoesOn(h);
    await h.host.restart();
    await expectLifeGoesOn(h);
  });
}

/** The tests, over what the scenes are hosted by. */
export function testPlanted(planting: Planting): void {
  const { bare, configured, turn, runs } = planting;

  test("the scene has a row of each table of slots, and lives on as it is", async () => {
    const h = await bare();
    const columns = await jsonColumns(h);
    expect(OF_SLOTS.filter(({ table }) => !columns.has(table))).toEqual([]);
    await expectLifeGoesOn(h);
  });

  test("the configured scene has a row of each table, and lives on as it is", async () => {
    const h = await configured();
    const isPlanted = ({ table }: Pick<TableScope, "table">) => h.host.sends || !SENT.has(table);
    const columns = await jsonColumns(h);
    expect(ALL_TABLES.filter(isPlanted).filter(({ table }) => !columns.has(table))).toEqual([]);
    const tables = await h.host.sql<{ table: string }>(TABLES);
    const unread = tables.filter(isPlanted).flatMap(({ table }) => (columns.get(table)?.length ? [] : table));
    expect(unread.toSorted()).toEqual(NOTHING_TO_READ);
    await h.host.restart();
    await expectLifeGoesOn(h);
  });

  describe.each(OF_SLOTS.map((scope) => [scope.table, scope] as const))("in the table %s", (_, scope) => {
    testUnreadable(scope, planting);
  });

  describe.each(turn(OF_SLOTS, runs).map((scope) => [scope.table, scope] as const))("in the table %s", (_, scope) => {
    testTooLarge(scope, planting);
    testThrowing(scope, planting);
  });

  test.each(OWN_TABLES.map(({ table }) => table))(
    "in the table %s of the shard's own a text that is no JSON does not stop the object from starting, nor what others have there",
    async (table) => {
      for (const column of (await jsonColumns(await configured())).get(table) ?? []) {
        const h = await configured();
        const plant = () => h.host.sql(`UPDATE ${table} SET ${column} = ${UNREADABLE} WHERE ${OURS[table] ?? "true"}`);
        if (INDEXED.has(`${table}.${column}`)) {
          await expect(plant).rejects.toThrow("malformed JSON");
          continue;
        }
        await plant();
        const planted = await h.host.sql(`SELECT 1 AS n FROM ${table} WHERE ${column} = ${UNREADABLE}`);
        expect(planted.length).toBeGreaterThan(0);
        await h.host.restart();
        await expectLifeGoesOn(h);
        await expectTold(h, table, column);
      }
    },
  );
}

const TABLES = `SELECT name AS "table" FROM sqlite_master
  WHERE type = 'table' AND name NOT GLOB '_cf_*' AND name NOT GLOB 'sqlite_*'`;
