import type * as rpc from "../../contract/rpc.ts";
import { makeJobId } from "../../domain/job-id.ts";
import { initialMap } from "../../domain/slots.ts";
import type { Sql } from "../../durable-objects/sql.ts";
import { EVERY_JOB } from "../rigs/every-job.ts";
import { PACKING_OF_RUN } from "../rigs/packing.ts";
import { RigCore } from "../rigs/rig-core.ts";
import { throwing } from "../simulation/crashing-sql.ts";
import { shardDatabase } from "../simulation/database-pool.ts";
import type { Model } from "./model.ts";
import { type Mutant, NOTHING_BROKEN } from "./mutant.ts";
import { SHARES } from "./plan.ts";
import { Unpredicted } from "./prediction.ts";

export const CALL = { v: 1, epoch: 1 } as const;

/** Alarms at one moment at most: beyond, the shard wakes itself without getting anything done. */
const MAX_ALARMS_A_MOMENT = 50;

/** The shard itself, on SQLite, with a clock, an alarm and chance that the history drives. */
export class Real {
  readonly sql: Sql;
  now: number;
  randomness = 0.5;
  alarmAt: number | null = null;
  /** False while the alarm is lost: it fires again after a wake or a restart. */
  awake = true;
  core: RigCore;
  /** Jobs of which each change of the state throws. */
  readonly planted = new Set<string>();
  #database = shardDatabase(false);
  #mutant: Mutant;
  #made = 0;

  constructor(now: number, mutant: Mutant = NOTHING_BROKEN) {
    this.now = now;
    this.#mutant = mutant;
    const sql = mutant.sql === undefined ? this.#database.sql : rewritten(this.#database.sql, mutant.sql);
    this.sql = throwing(sql, this.planted);
    this.core = this.#boot();
    this.core.adopt(initialMap(1));
  }

  #boot(): RigCore {
    const Core = this.#mutant.core?.(RigCore) ?? RigCore;
    return new Core("shard-0", {
      sql: this.sql,
      now: () => this.now,
      random: () => this.randomness,
      setAlarm: (at) => {
        this.alarmAt = at;
      },
      ring: () => undefined,
      connectionShares: SHARES,
      packing: this.#mutant === NOTHING_BROKEN ? PACKING_OF_RUN : (this.#mutant.packing ?? "off"),
    });
  }

  release(): void {
    this.#database.release();
  }

  restart(alarmLost: boolean): void {
    if (alarmLost) this.alarmAt = null;
    this.core = this.#boot();
    this.awake = true;
  }

  wake(): void {
    this.core.wake(CALL);
    this.awake = true;
  }

  /** Time passes, and every alarm that falls in it fires on time, unless it is lost. */
  pass(ms: number): void {
    const until = this.now + ms;
    for (let atThisMoment = 0; this.awake && this.alarmAt !== null && this.alarmAt <= until; ) {
      atThisMoment = this.alarmAt > this.now ? 0 : atThisMoment + 1;
      if (atThisMoment > MAX_ALARMS_A_MOMENT) throw new Unpredicted("alarm", "it is set to now again and again");
      this.now = Math.max(this.now, this.alarmAt);
      this.alarmAt = null;
      this.core.alarm();
    }
    this.now = until;
  }

  /** Ids ascend as long as the clock does not step back. */
  newId(slot: number): string {
    const random = new Uint8Array(8);
    new DataView(random.buffer).setUint32(4, ++this.#made);
    return makeJobId(this.now, slot, random);
  }

  /** Tells the model the sequence numbers that jobs were given: what the shard may choose, it chooses. */
  seqs(model: Model): { id: string; seq: number }[] {
    const ids = model.jobs.filter(({ seq }) => seq === 0).map(({ id }) => id);
    return this.sql.all<{ id: string; seq: number }>(
      `SELECT id, seq FROM ${EVERY_JOB} WHERE id IN (SELECT value FROM json_each(?)) ORDER BY seq`,
      JSON.stringify(ids),
    );
  }

  get(namespace: string, id: string): rpc.JobReply {
    return this.core.get({ ...CALL, namespace, id, waitMs: 0 });
  }
}

function rewritten(sql: Sql, rewrite: (query: string) => string): Sql {
  return {
    ...sql,
    all: (query, ...params) => sql.all(rewrite(query), ...params),
    run: (query, ...params) => sql.run(rewrite(query), ...params),
  };
}
