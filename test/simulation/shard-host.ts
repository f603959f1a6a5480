/** One shard object as a platform would host it: durable rows and alarm, a volatile object that may crash. */
import type { Doorbell } from "../../contract/doorbell.ts";
import { type ReceiveReply, RPC_VERSION, type WorkRequest } from "../../contract/rpc.ts";
import type { JobState } from "../../domain/job/state.ts";
import type { Lane, QueueSettings } from "../../domain/queue.ts";
import { initialMap } from "../../domain/slots.ts";
import type { Delivery } from "../../durable-objects/shard/outbox/outbox-schedule.ts";
import type { ShardPorts } from "../../durable-objects/shard/shard-core.ts";
import type { Sql, SqlValue } from "../../durable-objects/sql.ts";
import { EVERY_JOB } from "../rigs/every-job.ts";
import { PACKING_OF_RUN } from "../rigs/packing.ts";
import { RigCore } from "../rigs/rig-core.ts";
import { Alarm } from "./alarm.ts";
import type { Clock } from "./clock.ts";
import type { Situation } from "./counters.ts";
import { type CrashPlan, crashing, throwing } from "./crashing-sql.ts";
import { type PooledDatabase, shardDatabase } from "./database-pool.ts";
import type { Faults } from "./faults.ts";
import { type Mutant, NONE } from "./mutant.ts";
import type { Method, Reply, Request } from "./network.ts";
import type { Random } from "./random.ts";
import { WaitingCalls } from "./waiting-calls.ts";

/** What became of a step: its answer, or an object that was gone before, during or after it. */
export type Execution<T> = { type: "done"; value: T } | { type: "crashed"; committed: boolean } | { type: "down" };

/** What a host needs of the world around it. */
export interface HostParts {
  clock: Clock;
  faults: Faults;
  random: Random;
  mutant: Mutant;
  shards: number;
  /** As they were made. */
  queues: QueueSettings[];
  send(bell: Doorbell, delaySeconds: number): void;
  trace(event: string): void;
  /** A call to another shard, or to the queue of dead letters. `done` hears its answer, null when there is none. */
  deliver(host: ShardHost, delivery: Delivery, done: (reply: ReceiveReply | null) => void): void;
  /** After a step was committed, before anybody hears of it. */
  committed(step: { host: ShardHost; name: string; request: unknown; reply: unknown }): void;
  crashed(when: Situation): void;
  /** The code threw what it never should. */
  threw(host: ShardHost, name: string, error: unknown): void;
}

/** At a call, that jobs at which work throws are mended. */
const MEND_CHANCE = 0.02;
/** Shards that see their first migration within the history. */
const FRESH_CHANCE = 0.05;
const MAX_DOWN_MS = 5_000;
const MAX_SKEW_MS = 2_000;
const MAX_STATEMENT = 40;

const REF = "(SELECT ref FROM queues WHERE name = ?)";
/** Steps after which the alarm is what the rows say, whatever it was before. */
const REARMS: ReadonlySet<string> = new Set(["start", "alarm", "wake"]);

export class ShardHost {
  readonly name: string;
  readonly alarm: Alarm;
  readonly #parts: HostParts;
  readonly #database: PooledDatabase;
  readonly #plan: CrashPlan = { left: null, crashed: false };
  readonly #ports: ShardPorts;
  #core: RigCore | null = null;
  /** The calls that the instance holds. */
  #waiting: WaitingCalls;
  #downUntil = 0;
  /** By lane: when the processor last came here with room for handlers, by the world's clock. */
  readonly #workedAt = new Map<Lane, number>();
  #skewMs = 0;
  /** Said by the step under way; they leave when it is committed. */
  #alarmWish: number | null = null;
  #bells: [Doorbell, number][] = [];
  #woken: [key: string, most: number][] = [];
  /** A read by the world itself: it leaves no trace. */
  #peeking = false;
  /** Jobs of which each change of the state throws. */
  readonly #planted = new Set<string>();
  /** Jobs of which that was so at some time: they come on when their backoff is over. */
  readonly wasPlanted = new Set<string>();
  /** The schema is there. */
  #started = false;

  constructor(name: string, parts: HostParts) {
    this.name = name;
    this.#parts = parts;
    this.#waiting = new WaitingCalls(parts.clock);
    this.#database = shardDatabase(parts.random.chance(FRESH_CHANCE));
    this.alarm = new Alarm({ ...parts, fire: () => this.#fire(), trace: (event) => parts.trace(`${name} ${event}`) });
    const ports: ShardPorts = {
      sql: this.#torn(throwing(crashing(this.#database.sql, this.#plan, parts.mutant), this.#planted)),
      now: () => this.now(),
      random: () => parts.random.next(),
      setAlarm: (at) => {
        this.#alarmWish = at;
      },
      packing: parts.mutant === NONE ? PACKING_OF_RUN : (parts.mutant.packing ?? "off"),
      ring: (bell, delaySeconds) => {
        this.#bells.push([bell, delaySeconds]);
      },
      callWaiting: (key, most) => {
        this.#woken.push([key, most]);
      },
    };
    this.#ports = parts.mutant.ports?.(ports, this) ?? ports;
  }

  /** The shard's own clock. */
  now(): number {
    return this.#parts.clock.now() + this.#skewMs;
  }

  /** One atomic step, as far as the faults let it. */
  execute<T>(name: string, request: unknown, work: (core: RigCore) => T): Execution<T> {
    const { faults, random } = this.#parts;
    if (this.down) return { type: "down" };
    this.#disturb();
    if (faults.hit("shard.crash-before")) return this.#crash(name, false);
    if (faults.hit("shard.crash-mid")) this.#plan.left = random.int(1, MAX_STATEMENT);
    if (this.#core === null && !this.#start()) return this.#crash("start", false);
    const core = this.#core as unknown as RigCore;
    const done = this.#step(name, () => work(core));
    if (done === null) return this.#crash(name, false);
    if (done.answered) return { type: "done", value: done.value };
    if (faults.hit("shard.crash-after")) {
      const bells = this.#bells.splice(0);
      for (const bell of bells) if (random.chance(0.5)) this.#bells.push(bell);
      this.#after(name, request, done.value);
      return this.#crash(name, true);
    }
    this.#after(name, request, done.value);
    if (name === "work") this.#worked(request as WorkRequest);
    return { type: "done", value: done.value };
  }

  /**
   * Holds a call that was answered, as long as it asks for it: what it comes to then, or null where the instance has gone
   * meanwhile.
   */
  hold<M extends Method>(
    method: M,
    request: Request<M>,
    { reply, run }: { reply: Reply<M>; run(): Reply<M> | null },
  ): Promise<Reply<M> | null> {
    const core = this.#core;
    if (core === null) return Promise.resolve(null);
    return this.#waiting.hold(method, { engine: core.engine, now: () => this.now() }, { request, reply, run });
  }

  #worked({ lane, room }: WorkRequest): void {
    if (room.handler > 0) this.#workedAt.set(lane, this.#parts.clock.now());
  }

  /** How long ago the processor last came for the lane and was answered, milliseconds. */
  idleMs(lane: Lane): number {
    return this.#parts.clock.now() - (this.#workedAt.get(lane) ?? Number.NEGATIVE_INFINITY);
  }

  /** The world looks at the rows: no fault, no effect. Starts the object when it must. */
  peek<T>(work: (core: RigCore) => T): T {
    this.#plan.left = null;
    this.#plan.crashed = false;
    if (this.#core === null && !this.#start()) throw new Error(`${this.name} does not start`);
    const core = this.#core as unknown as RigCore;
    this.#peeking = true;
    this.#database.sql.run("BEGIN");
    try {
      return work(core);
    } finally {
      this.#database.sql.run("ROLLBACK");
      this.#bells = [];
      this.#woken = [];
      this.#alarmWish = null;
      this.#peeking = false;
    }
  }

  /** The durable row of a job, as it is now; null when the shard has forgotten it or never had it. */
  stateOf(id: string): { state: JobState; version: number; attempt: number; delivery: number } | null {
    return (
      this.rows<{ state: JobState; version: number; attempt: number; delivery: number }>(
        `SELECT state, version, attempt, attempt + returned AS delivery FROM ${EVERY_JOB} WHERE id = ?`,
        id,
      )[0] ?? null
    );
  }

  /** How long the job may be deferred, by the settings that this shard knows, and what it had spent before its last redrive. */
  budgetOf(id: string): { maxDeferralMs: number; spentBefore: number } {
    const [row] = this.rows<{ settings: string; spentBefore: number }>(
      `SELECT settings, spent_before AS spentBefore FROM ${EVERY_JOB} AS jobs JOIN queues ON ref = queue WHERE jobs.id = ?`,
      id,
    );
    if (row === undefined) throw new Error(`${id} is not there`);
    const { maxDeferralMs = 0 } = JSON.parse(row.settings) as QueueSettings;
    return { maxDeferralMs, spentBefore: row.spentBefore };
  }

  /** Settings as this shard knows them. */
  queues(): QueueSettings[] {
    return this.rows<{ settings: string }>("SELECT settings FROM queues").map(
      ({ settings }) => JSON.parse(settings) as QueueSettings,
    );
  }

  /** How many jobs run in each partition that one of `ids` is in. */
  runningByPartition(queue: string, ids: string[]): { partition: number; n: number }[] {
    return this.rows(
      `SELECT partition, count(*) AS n FROM ${EVERY_JOB} WHERE state = 'running' AND queue = ${REF}
         AND partition IN (SELECT partition FROM ${EVERY_JOB} WHERE id IN (SELECT value FROM json_each(?))) GROUP BY partition`,
      queue,
      JSON.stringify(ids),
    );
  }

  /** The job of a queue that a claim should take first; null when none is ready. */
  bestReady(queue: string): { id: string; priority: number; seq: number } | null {
    const query = `SELECT id, priority, seq FROM ${EVERY_JOB} WHERE state = 'queued' AND blocked = 0 AND queue = ${REF}
      AND (expires_at IS NULL OR expires_at > ?)
      ORDER BY priority DESC, seq`;
    const ready = this.rows<{ id: string; priority: number; seq: number }>(query, queue, this.now());
    // One that was set aside may be passed over.
    return ready.find(({ id }) => !this.wasPlanted.has(id)) ?? null;
  }

  /**
   * Jobs that came back from their workers after their expiry, in this very step: they are ready for a moment, take a place in a
   * claim, and do not start.
   */
  expiredReady(queue: string): number {
    const where = `state = 'queued' AND blocked = 0 AND expires_at <= ? AND queue = ${REF}`;
    return this.#count(where, this.now(), queue);
  }

  /** Jobs that it has not forgotten. */
  known(): number {
    return this.#count("true");
  }

  unfinished(): number {
    return this.#count("state IN ('scheduled', 'queued', 'running')");
  }

  /** Spawned jobs and letters that have not reached their receivers. */
  undelivered(): number {
    const query = "SELECT (SELECT count(*) FROM spawn_outbox) + (SELECT count(*) FROM spawn_letters) AS n";
    return Number(this.rows<{ n: number }>(query)[0]?.n ?? 0);
  }

  /** When the clock has something to do next, by the rows: those that may be set aside have their own times. */
  nextDueAt(): number | null {
    const query = `SELECT id, due_at AS at FROM ${EVERY_JOB} WHERE due_at IS NOT NULL ORDER BY due_at`;
    return this.rows<{ id: string; at: number }>(query).find(({ id }) => !this.wasPlanted.has(id))?.at ?? null;
  }

  /** Jobs on which the clock should have acted `ms` ago, by the rows. */
  overdue(ms: number): string[] {
    const query = `SELECT id FROM ${EVERY_JOB} WHERE due_at < ?`;
    return this.rows<{ id: string }>(query, this.now() - ms).map(({ id }) => id);
  }

  /** The newest entry of the log of finished jobs: what history has to reach. */
  newestFinished(): number {
    return Number(this.rows<{ seq: number | null }>("SELECT max(seq) AS seq FROM finished")[0]?.seq ?? 0);
  }

  /** Looks into the rows behind the code's back. */
  rows<Row>(query: string, ...params: SqlValue[]): Row[] {
    return this.#started ? (this.#database.sql.all(query, ...params) as Row[]) : [];
  }

  #count(where: string, ...params: SqlValue[]): number {
    return Number(
      this.rows<{ n: number }>(`SELECT count(*) AS n FROM ${EVERY_JOB} WHERE ${where}`, ...params)[0]?.n ?? 0,
    );
  }

  /** Out of reach for now. */
  get down(): boolean {
    return this.#parts.clock.now() < this.#downUntil;
  }

  heal(): void {
    this.#downUntil = 0;
    this.#skewMs = 0;
    this.#planted.clear();
  }

  close(): void {
    this.#database.release();
  }

  #start(): boolean {
    const { mutant, shards, queues } = this.#parts;
    const Core = mutant.core?.(RigCore) ?? RigCore;
    const made = this.#step("start", () => {
      const core = new Core(this.name, this.#ports);
      core.engine.listen(({ woken }) => this.#woken.push(...woken));
      if (!this.#started) {
        core.adopt(initialMap(shards));
        // Every shard is told of a queue before whoever made it is answered.
        core.submit({ v: RPC_VERSION, epoch: 0, queues, jobs: [], atomic: false });
      }
      return core;
    });
    if (made === null) return false;
    this.#started = true;
    this.#core = made.value;
    this.#after("start", null, null);
    return true;
  }

  /** Null: crashed, and nothing of it happened. `answered`: as null, but the answer had left before (a mutant's fault). */
  #step<T>(name: string, work: () => T): { value: T; answered?: true } | null {
    this.#alarmWish = null;
    this.#bells = [];
    this.#woken = [];
    this.#plan.crashed = false;
    this.#database.sql.run("BEGIN");
    try {
      const value = work();
      const answersFirst = this.#parts.mutant.crash === "answers-first" && name !== "start";
      if (!this.#plan.crashed && answersFirst && this.#parts.faults.hit("shard.crash-after")) {
        this.#leave();
        return { value, answered: true };
      }
      if (!this.#plan.crashed) {
        this.#database.sql.run("COMMIT");
        return { value };
      }
    } catch (error) {
      // Of what a process throws after its death nobody hears.
      if (!this.#plan.crashed) this.#parts.threw(this, name, error);
    } finally {
      this.#plan.left = null;
      this.#plan.crashed = false;
      const torn = this.#parts.mutant.crash === "keeps-half" && name !== "start";
      if (this.#database.db.isTransaction) this.#database.sql.run(torn ? "COMMIT" : "ROLLBACK");
    }
    return null;
  }

  /** The step is durable: its alarm, its bells and its answer may leave. */
  #after(name: string, request: unknown, reply: unknown): void {
    if (this.#alarmWish !== null) this.alarm.set(this.#alarmWish);
    this.#alarmWish = null;
    const bells = this.#bells.splice(0);
    for (const [bell, delay] of bells) this.#parts.send(bell, delay);
    if (this.#peeking) return;
    for (const [key, most] of this.#woken.splice(0)) this.#waiting.wake(key, most);
    this.#deliver();
    if (REARMS.has(name)) this.alarm.trusted = true;
    this.#parts.committed({ host: this, name, request, reply });
  }

  /** What the object has to send leaves; the answer is heard by the instance that sent it, if that still lives. */
  #deliver(): void {
    const core = this.#core;
    for (const delivery of core?.deliveries() ?? []) {
      this.#parts.deliver(this, delivery, (reply) => {
        if (this.#core === core) this.execute("delivered", delivery, (same) => same.delivered(delivery, reply));
      });
    }
  }

  #crash<T>(name: string, committed: boolean): Execution<T> {
    this.#parts.trace(`${this.name} CRASH in ${name}${committed ? " after commit" : ""}`);
    this.#parts.crashed(
      committed ? "crash after commit" : name === "start" ? "crash at the start" : "crash inside a step",
    );
    this.#leave();
    return { type: "crashed", committed };
  }

  /** The instance is gone, with its memory and the calls that it held. */
  #leave(): void {
    this.#core = null;
    this.#waiting.lose();
    this.#waiting = new WaitingCalls(this.#parts.clock);
  }

  /** For the mutant that has no transactions: a step's statements stand alone. */
  #torn(sql: Sql): Sql {
    return this.#parts.mutant.crash === "keeps-half" ? { ...sql, transaction: (step) => step() } : sql;
  }

  #plant(): void {
    const query = "SELECT id FROM jobs WHERE state IN ('scheduled', 'queued', 'running') ORDER BY id";
    const ids = this.rows<{ id: string }>(query).map(({ id }) => id);
    if (ids.length === 0) return;
    const id = this.#parts.random.pick(ids);
    this.#parts.trace(`${this.name} work on ${id} THROWS`);
    this.#planted.add(id);
    this.wasPlanted.add(id);
  }

  #disturb(): void {
    const { faults, random, clock, trace } = this.#parts;
    if (faults.hit("job.throws")) this.#plant();
    else if (this.#planted.size > 0 && random.chance(MEND_CHANCE)) this.#planted.clear();
    if (faults.hit("shard.evict")) this.#leave();
    if (faults.hit("clock.back")) this.#skewMs -= random.int(1, MAX_SKEW_MS);
    if (faults.hit("clock.forward")) this.#skewMs += random.int(1, MAX_SKEW_MS);
    this.#skewMs = Math.max(-2 * MAX_SKEW_MS, Math.min(2 * MAX_SKEW_MS, this.#skewMs));
    if (faults.hit("shard.down")) {
      this.#downUntil = clock.now() + random.int(100, MAX_DOWN_MS);
      this.#leave();
      trace(`${this.name} DOWN`);
    }
  }

  #fire(): "done" | "again" {
    const done = this.execute("alarm", null, (core) => core.alarm());
    return done.type === "done" || (done.type === "crashed" && done.committed) ? "done" : "again";
  }
}
