import { DurableObject } from "cloudflare:workers";

export interface FloorEnv {
  FLOOR: DurableObjectNamespace<Floor>;
  WORK: Queue<number>;
}

export interface FloorJob {
  id: number;
  payload: string;
}

const JOBS_A_MESSAGE = 100;
const MAX_UNANSWERED = 8;

/** One object, one table. Concurrent submissions share a commit, messages are hints for up to 100 jobs. */
export class Floor extends DurableObject<FloorEnv> {
  #group: { payloads: string[]; done: (ids: number[]) => void }[] = [];
  #next: number;
  /** Jobs up to here were handed to the executor. In memory: the floor does not survive a lost executor. */
  #handed: number;
  #unanswered = 0;
  #finished = 0;
  #rowsWritten = 0;
  #waiters = new Map<number, () => void>();

  constructor(ctx: DurableObjectState, env: FloorEnv) {
    super(ctx, env);
    const { sql } = ctx.storage;
    sql.exec("CREATE TABLE IF NOT EXISTS jobs (id INTEGER PRIMARY KEY, payload TEXT NOT NULL, done INTEGER NOT NULL)");
    const last = sql.exec<{ id: number }>("SELECT COALESCE(MAX(id), 0) AS id FROM jobs").one().id;
    this.#next = last + 1;
    this.#handed = last;
    this.#finished = last; // An idle object leaves memory between two measurements.
  }

  /** Resolves with the jobs' ids once they are committed. */
  submit(payloads: string[]): Promise<number[]> {
    return new Promise((done) => {
      if (this.#group.push({ payloads, done }) === 1) setTimeout(() => this.#commit(), 0);
    });
  }

  #commit(): void {
    const group = this.#group;
    this.#group = [];
    const first = this.#next;
    const all = group.flatMap((submission) => submission.payloads);
    this.#write(
      "INSERT INTO jobs (id, payload, done) SELECT ? + key, value, 0 FROM json_each(?)",
      first,
      JSON.stringify(all),
    );
    this.#next += all.length;
    let id = first;
    for (const { payloads, done } of group) done(payloads.map(() => id++));
    this.#ring();
  }

  #write(query: string, ...params: (string | number)[]): void {
    const cursor = this.ctx.storage.sql.exec(query, ...params);
    cursor.toArray();
    this.#rowsWritten += cursor.rowsWritten;
  }

  #ring(): void {
    if (this.ctx.id.name === "pulled") return;
    const waiting = this.#next - 1 - this.#handed;
    const wanted = Math.min(Math.ceil(waiting / JOBS_A_MESSAGE), MAX_UNANSWERED);
    for (; this.#unanswered < wanted; this.#unanswered++) this.ctx.waitUntil(this.env.WORK.send(1));
  }

  /** Marks `done` jobs finished and hands out up to `max` more, in one call. `answered` messages brought the caller. */
  work(done: number[], max: number, answered: number): FloorJob[] {
    this.#unanswered = Math.max(0, this.#unanswered - answered);
    if (done.length > 0) {
      this.#write("UPDATE jobs SET done = 1 WHERE id IN (SELECT value FROM json_each(?))", JSON.stringify(done));
      this.#finished += done.length;
      for (const id of done) {
        this.#waiters.get(id)?.();
        this.#waiters.delete(id);
      }
    }
    if (max === 0) return [];
    const jobs = this.ctx.storage.sql
      .exec<{ id: number; payload: string }>(
        "SELECT id, payload FROM jobs WHERE id > ? ORDER BY id LIMIT ?",
        this.#handed,
        max,
      )
      .toArray();
    this.#handed = jobs.at(-1)?.id ?? this.#handed;
    return jobs;
  }

  /** Resolves when the job is finished. */
  wait(id: number): Promise<void> {
    const row = this.ctx.storage.sql.exec<{ done: number }>("SELECT done FROM jobs WHERE id = ?", id).toArray()[0];
    if (row?.done === 1) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.set(id, resolve));
  }

  /** Counts since the object was born. */
  counts(): { accepted: number; finished: number; rowsWritten: number } {
    return { accepted: this.#next - 1, finished: this.#finished, rowsWritten: this.#rowsWritten };
  }
}
