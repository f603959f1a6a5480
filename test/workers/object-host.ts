import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { vi } from "vitest";
import type { ShardApi } from "../../contract/rpc.ts";
import { SLOTS } from "../../domain/slots.ts";
import { Directory } from "../limits/gateway.ts";
import type { ShardHost } from "../rigs/hosted-shard.ts";
import { DAY, HOUR, START } from "../rigs/shard-words.ts";
import { shard } from "./api.ts";

type Calls = Record<keyof ShardApi, (request: unknown) => Promise<{ result: never }>>;

/** As in Node: beyond, the shard wakes itself without getting anything done. */
const MAX_ALARMS_A_MOMENT = 50;
const TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '_cf_*'";

let objects = 0;

/** All rows of an object, by table, at a moment. */
export interface Snapshot {
  name: string;
  at: number;
  rows: Map<string, Record<string, SqlStorageValue>[]>;
}

/** A shard that is an object of its own. */
export interface ObjectHost extends ShardHost {
  snapshot(): Promise<Snapshot>;
}

/** A full hour: so far ahead that the platform fires no alarm by itself. */
function ahead(): number {
  return Math.max(START, Math.ceil(Date.now() / HOUR) * HOUR + DAY);
}

/**
 * A new object that owns every slot. The clock stands still but when it is told to go on. It is one for all objects: a test has
 * one of them at a time.
 */
export async function objectHost(from?: Snapshot): Promise<ObjectHost> {
  const everything = [{ from: 0, to: SLOTS - 1 }];
  vi.spyOn(Directory.prototype, "map").mockImplementation(async (asker) => ({
    epoch: 1,
    shards: [{ id: asker?.shard ?? "", slots: everything }],
  }));
  const name = `hosted-${objects++}`;
  const stub = shard(name);
  const stored = <T>(use: (storage: DurableObjectStorage) => T) =>
    runInDurableObject(stub, (_, { storage }) => use(storage));
  let now = from?.at ?? ahead();
  const standAt = (at: number) => {
    now = at;
    vi.spyOn(Date, "now").mockReturnValue(at);
  };
  standAt(now);
  if (from !== undefined) {
    await stored((storage) => storage.transactionSync(() => restore(storage.sql, name, from)));
    await evictDurableObject(stub);
  }
  return {
    sends: true,
    now: () => now,
    call: async (name, request) => (await (stub as unknown as Calls)[name](request)).result,
    sql: (query, ...params) => stored(({ sql }) => sql.exec(query, ...params).toArray() as never),
    async advance(ms) {
      const until = now + ms;
      let atThisMoment = 0;
      for (;;) {
        const at = await stored((storage) => storage.getAlarm());
        if (at === null || at > until) break;
        atThisMoment = at > now ? 0 : atThisMoment + 1;
        if (atThisMoment > MAX_ALARMS_A_MOMENT) throw new Error("the alarm is set to now again and again");
        standAt(Math.max(now, at));
        await runDurableObjectAlarm(stub);
      }
      standAt(until);
    },
    leap: (ms) => standAt(now + ms),
    alarm: async () => {
      await runDurableObjectAlarm(stub);
    },
    restart: () => evictDurableObject(stub),
    snapshot: () => stored(({ sql }) => ({ name, at: now, rows: rowsOf(sql) })),
  };
}

function tablesOf(sql: SqlStorage): string[] {
  return sql
    .exec<{ name: string }>(TABLES)
    .toArray()
    .map(({ name }) => name);
}

function rowsOf(sql: SqlStorage): Snapshot["rows"] {
  return new Map(tablesOf(sql).map((table) => [table, sql.exec(`SELECT * FROM ${table}`).toArray()]));
}

/** The rows of another object are this one's, which is then the owner of every slot. */
function restore(sql: SqlStorage, name: string, from: Snapshot): void {
  for (const [table, rows] of from.rows) {
    sql.exec(`DELETE FROM ${table}`);
    for (const row of rows) {
      const values = Object.values(row);
      sql.exec(`INSERT INTO ${table} (${Object.keys(row)}) VALUES (${values.map(() => "?")})`, ...values);
    }
  }
  sql.exec("UPDATE meta SET value = replace(value, ?, ?) WHERE key = 'map'", `"${from.name}"`, `"${name}"`);
}
