import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { makeJobId } from "../../domain/job-id.ts";
import { initialMap, ownerOf, slotOf } from "../../domain/slots.ts";
import type { Shard } from "../../workers/gateway/index.ts";
import { evict, must, ROOT, shards } from "../workers/api.ts";
import { replaced } from "../workers/faults.ts";

/** Counts the rows that calls read, in shards and in D1, and gives them a neighbour who has a great many. */

/** How often a statement ran, and how many rows it read in all, as the platform bills them: those of tables and of indexes. */
export interface StatementRead {
  runs: number;
  rows: number;
}

/** What a call read, by the text of each statement. */
export type RowsRead = Map<string, StatementRead>;

/** The rows that were read since the last `reset`. */
export class RowCounter {
  #cursors: { query: string; cursor: { readonly rowsRead: number } }[] = [];
  #d1: { query: string; rows: number }[] = [];
  /** Whether an alarm that is due fires when it is set. */
  firesAtOnce = false;
  /** What each shard has set its alarm to. */
  readonly #alarms = new Map<DurableObjectStub<Shard>, number | null>();

  /**
   * Counts what every shard reads from now on, until it is evicted. Alarms fire where
   * `fireDue` is called, and at once with `firesAtOnce`, so that what shards do by themselves is not counted by chance.
   */
  static async onShards(): Promise<RowCounter> {
    const counter = new RowCounter();
    await counter.begin();
    return counter;
  }

  /** Counts anew, and on shards too that have been evicted meanwhile: the runtime does so with those that nobody asks for ten seconds. */
  async begin(): Promise<void> {
    for (const { stub } of shards()) {
      await runInDurableObject(stub, async (instance, { storage }) => {
        if (COUNTING.get(storage) === this) return;
        COUNTING.set(storage, this);
        await this.#countOn(stub, instance, storage);
      });
    }
    this.#cursors = [];
    this.#d1 = [];
  }

  async #countOn(stub: DurableObjectStub<Shard>, instance: Shard, storage: DurableObjectStorage): Promise<void> {
    const real = storage.sql;
    const exec = (query: string, ...params: unknown[]) => {
      const cursor = real.exec(query, ...params);
      this.#cursors.push({ query, cursor });
      return cursor;
    };
    this.#alarms.set(stub, await storage.getAlarm());
    await storage.deleteAlarm();
    const members = {
      sql: replaced(real, { exec }),
      getAlarm: async () => this.#alarms.get(stub) ?? null,
      setAlarm: async (at: number) => {
        this.#alarms.set(stub, at);
        if (this.firesAtOnce && at <= Date.now()) setTimeout(() => void instance.alarm(), 0);
      },
    };
    for (const [name, value] of Object.entries(members)) {
      Object.defineProperty(storage, name, { value, configurable: true });
    }
  }

  /** Says to every shard that history has all that has ended there. */
  async project(): Promise<void> {
    for (const { stub } of shards()) {
      const { log } = await stub.health(CALL);
      await stub.projected({ ...CALL, cursor: log.seq, bookmark: null });
    }
  }

  /** Lets every alarm fire whose time has come. */
  async fireDue(): Promise<void> {
    for (const [stub, at] of this.#alarms) {
      if (at !== null && at <= Date.now()) await runInDurableObject(stub, (instance) => instance.alarm());
    }
  }

  read(): RowsRead {
    const read: RowsRead = new Map();
    const shards = this.#cursors.map(({ query, cursor }) => ({ query, rows: cursor.rowsRead }));
    for (const { query, rows } of [...shards, ...this.#d1]) {
      const known = read.get(query) ?? { runs: 0, rows: 0 };
      read.set(query, { runs: known.runs + 1, rows: known.rows + rows });
    }
    return read;
  }

  /** The bindings of a gateway without anything in its caches, whose reads of D1 are counted. */
  bindings(): Env {
    return { ...env, DB: this.#database(env.DB) };
  }

  #database(real: D1Database): D1Database {
    return replaced(real, {
      prepare: (query: string) => this.#statement(query, real.prepare(query)),
      batch: async (statements: D1PreparedStatement[]) => {
        const known = statements.map(
          (statement) => COUNTED.get(statement) ?? { query: "not counted", real: statement },
        );
        const results = await real.batch(known.map((statement) => statement.real));
        for (const [i, { meta }] of results.entries()) this.#note(known[i]?.query ?? "", meta);
        return results;
      },
      withSession: () => replaced(this.#database(real) as unknown as D1DatabaseSession, { getBookmark: () => null }),
    });
  }

  /** Only `all` says what was read, and so stands for the others. */
  #statement(query: string, real: D1PreparedStatement): D1PreparedStatement {
    const all = async () => {
      const result = await real.all<Record<string, unknown>>();
      this.#note(query, result.meta);
      return result;
    };
    const counting = replaced(real, {
      bind: (...values: unknown[]) => this.#statement(query, real.bind(...values)),
      all,
      run: all,
      raw: async () => (await all()).results.map((row) => Object.values(row)),
      first: async (column?: string) => {
        const row = (await all()).results[0] ?? null;
        return row === null || column === undefined ? row : row[column];
      },
    });
    COUNTED.set(counting, { query, real });
    return counting;
  }

  #note(query: string, { rows_read: rows }: D1Meta): void {
    this.#d1.push({ query, rows });
  }
}

/** Who counts the statements of an instance, by its storage. */
const COUNTING = new WeakMap<DurableObjectStorage, RowCounter>();

/** The statements that are counted, as D1 knows them: a batch takes no others. */
const COUNTED = new WeakMap<D1PreparedStatement, { query: string; real: D1PreparedStatement }>();

const CALL = { v: 1, epoch: 1 } as const;
const NEIGHBOUR = "neighbour";
const CROWD = "crowd";
/** Half of the neighbour's ids are older than every other job's, and half are newer. */
const AGE_MS = 3_600_000;

/** Eight characters that no two of the neighbour's ids end with alike: `n` in base 32. */
const DIGITS = [15, 10, 5, 0].map((bits) => `substr('0123456789abcdefghjkmnpqrstvwxyz', ((n >> ${bits}) & 31) + 1, 1)`);
const numbered = (count: number) =>
  `WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count}),
   ids AS (SELECT n, substr(CASE n % 2 WHEN 0 THEN ?1 ELSE ?2 END, 1, 26) || ${DIGITS.join(" || ")} AS id FROM numbers)`;

/** Gives another namespace this many jobs in all states, in shards and in history: among them in the slot of `near`. */
export async function addNeighbour(count: number, near: { namespace: string; queue: string }): Promise<void> {
  await must("PUT", `/v1/namespaces/${NEIGHBOUR}`, { body: {} });
  const headers = { "dure-namespace": NEIGHBOUR };
  await must("PUT", `/v1/queues/${CROWD}`, { body: { target: { type: "pull" }, partitions: 64 }, key: ROOT, headers });
  const map = initialMap(shards().length);
  const victim = slotOf(near.namespace, near.queue, 0);
  for (const { id, stub } of shards()) {
    const own = map.shards.find((shard) => shard.id === id);
    const slot = ownerOf(map, victim) === id ? victim : own === undefined ? 0 : firstSlot(map, id);
    const jobs = Math.ceil(count / shards().length);
    await runInDurableObject(stub, (_, { storage }) => {
      storage.sql.exec(inShard(jobs), ...ends(slot), slot, Date.now());
    });
  }
  await env.DB.prepare(inHistory(count))
    .bind(...ends(victim), Date.now())
    .run();
  // What they keep in memory is counted anew.
  await evict();
}

function firstSlot(map: ReturnType<typeof initialMap>, id: string): number {
  for (let slot = 0; ; slot++) if (ownerOf(map, slot) === id) return slot;
}

function ends(slot: number): [string, string] {
  const at = (ms: number) => makeJobId(Date.now() + ms, slot, new Uint8Array(8));
  return [at(-AGE_MS), at(AGE_MS)];
}

const STATES = ["queued", "scheduled", "running", "failed", "cancelled"];
const STATE = `CASE n % 5 ${STATES.map((state, i) => `WHEN ${i} THEN '${state}'`).join(" ")} END`;

/** Parameters: an older and a newer id, the slot, the time. */
function inShard(count: number): string {
  return `${numbered(count)}
    INSERT INTO jobs (id, queue, partition, slot, seq, rank, state, blocked, priority, ordering_key, fingerprint, due_at, attempt, lease,
      timeout_ms, created_at, run_at, finished_at, spec, error, payload)
    SELECT id, (SELECT ref FROM queues WHERE namespace = '${NEIGHBOUR}' AND name = '${CROWD}'), 0, ?3, n, n, ${STATE}, 0, 4,
      NULL, CASE n % 5 WHEN 3 THEN 'f' || n END, CASE WHEN n % 5 IN (1, 2) THEN ?4 + 86400000 END, 1, 'lease', 60000, ?4, ?4,
      CASE WHEN n % 5 > 2 THEN ?4 END, '{"retry":{},"tags":["crowd"],"idempotencyKey":null}',
      '{"code":"crowded","message":"crowded","retryable":true}', '{}' FROM ids`;
}

/** Parameters: an older and a newer id, the time. */
function inHistory(count: number): string {
  return `${numbered(count)}
    INSERT INTO jobs (id, namespace, queue, state, version, finished_at, record, payload, attempts)
    SELECT id, '${NEIGHBOUR}', '${CROWD}', CASE n % 2 WHEN 0 THEN 'failed' ELSE 'succeeded' END, 1, ?3,
      '{"tags":["crowd"],"createdAt":1,"error":{"code":"crowded","message":"crowded"}}', '{}', '[]' FROM ids`;
}

/** A queue name of `namespace` whose first partition lies on the first shard: so that what a call reads is not a matter of luck. */
export function nameOnFirst(namespace: string, prefix: string): string {
  const map = initialMap(shards().length);
  for (let i = 0; ; i++) {
    const name = `${prefix}-${i}`;
    if (ownerOf(map, slotOf(namespace, name, 0)) === map.shards[0]?.id) return name;
  }
}
