import type { NewJob } from "../../../contract/rpc.ts";
import type { SpawnLetter } from "../../../contract/spawn-letter.ts";
import { inChunks } from "../../chunks.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import { countsEqualRows, keptCounts } from "../kernel/kept-counts.ts";
import { Part, type Parts, type StepScope } from "../kernel/part.ts";
import { Presence } from "../kernel/presence.ts";
import type { Rows } from "../kernel/quarantine.ts";
import { OUTGOING } from "../lifecycle/outgoing.ts";
import { QUEUES } from "../queues/queue-store.ts";

/** A job on its way to the owner of its slot. `queue` is the ref of its queue here. */
export interface Outgoing {
  slot: number;
  seq: number;
  /** Of the job whose success brought it. */
  parentSlot: number;
  queue: number;
  job: NewJob;
}

/** A row that is to be sent: the job is still text. */
export interface OutboxRow {
  slot: number;
  seq: number;
  id: string;
  queue: number;
  job: string;
}

/** Jobs on their way, and letters, as rows that are walked over. */
export const EACH_OUTGOING = { kind: "spawn_outbox", keyOf: ({ id }) => id } as const satisfies Rows<{ id: string }>;
export const EACH_LETTER = { kind: "spawn_letters", keyOf: ({ id }) => id } as const satisfies Rows<{ id: string }>;

/**
 * Spawned jobs that go out, come in, or were refused. Mostly there are none: then no question costs a query. Which slots have
 * jobs on their way, and whether there are letters, is known as of the last step that has committed.
 */
export class OutboxStore {
  readonly #sql: Sql;
  readonly #letters: Presence;
  readonly #asides: Presence;
  /** Ascending. */
  #slots: readonly number[];

  readonly #tally: OutgoingTally;

  constructor(sql: Sql, tally: OutgoingTally, slots: readonly number[]) {
    this.#sql = sql;
    this.#letters = new Presence(sql, "spawn_letters");
    this.#asides = new Presence(sql, "spawn_outbox", "seq < 0");
    this.#tally = tally;
    this.#slots = slots;
  }

  /** Reads the store from the rows. */
  static load(sql: Sql, tally: OutgoingTally): OutboxStore {
    for (const { key, n } of sql.all<{ key: number; n: number }>(COUNT_BY_QUEUE)) tally.count(key, n);
    const slots: number[] = [];
    for (let last = -1; ; ) {
      const query = "SELECT min(slot) AS slot FROM spawn_outbox WHERE slot > ? AND seq > 0";
      const next = sql.all<{ slot: number | null }>(query, last)[0]?.slot ?? null;
      if (next === null) return new OutboxStore(sql, tally, slots);
      slots.push(next);
      last = next;
    }
  }

  /** Slots with jobs on their way, ascending. */
  get slots(): readonly number[] {
    return this.#slots;
  }

  get hasLetters(): boolean {
    return this.#letters.any;
  }

  /** Whether jobs may be set aside. */
  get hasAsides(): boolean {
    return this.#asides.any;
  }

  /** 1 row a job. */
  add(step: StepScope & Parts, jobs: Outgoing[]): void {
    this.#recheck(step, jobs);
    for (const { queue } of jobs) {
      step.onCommit(() => this.#tally.count(queue, 1));
      step.get(OUTGOING_COUNTS).add(queue, 1);
    }
    for (const chunk of inChunks(
      jobs.map(({ slot, seq, parentSlot, queue, job }) => [slot, seq, parentSlot, job.id, queue, JSON.stringify(job)]),
    )) {
      this.#sql.run(
        `INSERT INTO spawn_outbox (slot, seq, parent_slot, id, queue, job)
           SELECT r ->> 0, r ->> 1, r ->> 2, r ->> 3, r ->> 4, r ->> 5
           FROM (SELECT jsonb(value) AS r FROM json_each(?) LIMIT -1)`,
        chunk,
      );
    }
  }

  /**
   * The first jobs of a slot: never one without those before it, because the receiver remembers only the last. Those that are
   * set aside are not among them.
   */
  first(slot: number, limit: number): OutboxRow[] {
    const query = "SELECT slot, seq, id, queue, job FROM spawn_outbox WHERE slot = ? AND seq > 0 ORDER BY seq LIMIT +?";
    return this.#sql.all<SqlRow & OutboxRow>(query, slot, limit);
  }

  /**
   * Sets a job aside that cannot be sent: its number becomes negative, so that those behind it go. It is sent under a new
   * number when it can be (`sendAgain`), because the receiver takes none below the last. 2 rows.
   */
  setAside(step: StepScope, { slot, seq }: { slot: number; seq: number }): void {
    this.#recheck(step, [{ slot }]);
    this.#asides.raise();
    this.#sql.run("UPDATE spawn_outbox SET seq = -seq WHERE slot = ? AND seq = ?", slot, seq);
  }

  /** Jobs that are set aside, at most `limit`. Reads the whole outbox. */
  aside(limit: number): OutboxRow[] {
    if (!this.#asides.any) return [];
    const query = "SELECT slot, seq, id, queue, job FROM spawn_outbox WHERE seq < 0 LIMIT +?";
    return this.#sql.all<SqlRow & OutboxRow>(query, limit);
  }

  /** A job that was set aside goes as the last of its slot. 2 rows. */
  sendAgain(step: StepScope, { slot, seq }: { slot: number; seq: number }, as: number): void {
    this.#recheck(step, [{ slot }]);
    this.#asides.recheck(step);
    this.#sql.run("UPDATE spawn_outbox SET seq = ? WHERE slot = ? AND seq = ?", as, slot, seq);
  }

  /** These have reached their shards. 1 row a job. */
  confirmed(step: StepScope & Parts, jobs: { slot: number; seq: number }[]): void {
    this.#recheck(step, jobs);
    const gone = this.#sql.all<{ queue: number }>(
      "DELETE FROM spawn_outbox WHERE (slot, seq) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?)) RETURNING queue",
      JSON.stringify(jobs.map(({ slot, seq }) => [slot, seq])),
    );
    for (const { queue } of gone) {
      step.onCommit(() => this.#tally.count(queue, -1));
      step.get(OUTGOING_COUNTS).add(queue, -1);
    }
  }

  /** The first jobs of a queue that have not arrived, whatever their slots. Reads the whole outbox. */
  ofQueue(queue: number, limit: number): { slot: number; seq: number }[] {
    const query = "SELECT slot, seq FROM spawn_outbox WHERE queue = ? LIMIT +?";
    return this.#sql.all<{ slot: number; seq: number }>(query, queue, limit);
  }

  /** Whether a job of the slot is on its way, one of this very step too. What is set aside may be overtaken. */
  waits(slot: number): boolean {
    const query = "SELECT 1 AS found FROM spawn_outbox WHERE slot = ? AND seq > 0 LIMIT 1";
    return this.#sql.all(query, slot).length > 0;
  }

  isOnItsWay(slot: number, id: string): boolean {
    if (!this.#slots.includes(slot)) return false;
    return this.#sql.all("SELECT 1 AS found FROM spawn_outbox WHERE slot = ? AND id = ? LIMIT 1", slot, id).length > 0;
  }

  /** The last job that was taken from `source` for a slot; 0 before the first. */
  mark(slot: number, source: string): number {
    const query = "SELECT seq FROM spawn_inbox WHERE slot = ? AND source = ?";
    return this.#sql.all<{ seq: number }>(query, slot, source)[0]?.seq ?? 0;
  }

  setMark(slot: number, source: string, seq: number): void {
    this.#sql.run("INSERT OR REPLACE INTO spawn_inbox (slot, source, seq) VALUES (?, ?, ?)", slot, source, seq);
  }

  /** 1 row. */
  write(step: StepScope & Parts, letter: SpawnLetter): void {
    // Not before the commit: a letter that nobody wrote would be looked for again and again.
    step.onCommit(() => this.#letters.raise());
    const query = "INSERT OR IGNORE INTO spawn_letters VALUES (?, ?) RETURNING id";
    const written = this.#sql.all(query, letter.id, JSON.stringify(letter));
    step.get(LETTER_COUNTS).add(0, written.length);
  }

  /** Letters that have yet to go out, as texts. */
  letters(limit: number): { id: string; letter: string }[] {
    return this.#sql.all<{ id: string; letter: string }>("SELECT id, letter FROM spawn_letters LIMIT +?", limit);
  }

  lettersSent(step: StepScope & Parts, ids: string[]): void {
    const query = "DELETE FROM spawn_letters WHERE id IN (SELECT value FROM json_each(?)) RETURNING id";
    step.get(LETTER_COUNTS).add(0, -this.#sql.all(query, JSON.stringify(ids)).length);
    this.#letters.recheck(step);
  }

  /** Forgets the letters of a namespace; answers how many. */
  forgetLetters(step: StepScope & Parts, namespace: string): number {
    if (!this.#letters.any) return 0;
    this.#letters.recheck(step);
    const query =
      "DELETE FROM spawn_letters WHERE iif(json_valid(letter), letter ->> '$.namespace', NULL) = ? RETURNING 1 AS done";
    const { length } = this.#sql.all(query, namespace);
    step.get(LETTER_COUNTS).add(0, -length);
    return length;
  }

  /** Jobs of these slots come or go in this step: once it has committed, the rows say which of them have any. */
  #recheck(step: StepScope, jobs: readonly { slot: number }[]): void {
    if (jobs.length === 0) return;
    step.onCommit(() => {
      const slots = new Set(this.#slots);
      for (const slot of new Set(jobs.map((job) => job.slot))) {
        if (this.waits(slot)) slots.add(slot);
        else slots.delete(slot);
      }
      this.#slots = [...slots].sort((a, b) => a - b);
    });
  }
}

/** Is told how many jobs of a queue wait in the outbox: so many more, or fewer. */
interface OutgoingTally {
  count(queue: number, jobs: number): void;
}

const COUNT_BY_QUEUE = "SELECT queue AS key, count(*) AS n FROM spawn_outbox GROUP BY queue";

/** How many jobs of each queue are on their way, by the refs of their queues here. */
export const OUTGOING_COUNTS = keptCounts("counts of outgoing jobs", ({ sql }) =>
  sql.all<{ key: number; n: number }>(COUNT_BY_QUEUE),
);

/** How many letters have yet to go out. */
export const LETTER_COUNTS = keptCounts("count of letters", ({ sql }) =>
  sql.all<{ key: number; n: number }>("SELECT 0 AS key, count(*) AS n FROM spawn_letters"),
);

export const OUTGOING_AUDIT = countsEqualRows("outgoing-equals-rows", OUTGOING_COUNTS, {
  name: "outgoing jobs",
  rows: ({ sql }, limit) =>
    sql.all<{ key: number; n: number }>(
      "SELECT queue AS key, count(*) AS n FROM (SELECT queue FROM spawn_outbox LIMIT +?1) GROUP BY queue",
      limit,
    ),
});

export const OUTBOX = new Part("outbox", (shard) => {
  const queues = shard.get(QUEUES);
  const outgoing = shard.get(OUTGOING);
  return OutboxStore.load(shard.sql, {
    count: (queue, jobs) => outgoing.count(queues.get(queue).settings.namespace, jobs),
  });
});
