import { type NewJob, type ReceiveRequest, RPC_VERSION } from "../../../contract/rpc.ts";
import type { SpawnLetter } from "../../../contract/spawn-letter.ts";
import { OWNERSHIP, type Ownership } from "../kernel/ownership.ts";
import { Part, type PartContext } from "../kernel/part.ts";
import { QUARANTINE, type Quarantine } from "../kernel/quarantine.ts";
import type { Step } from "../kernel/step.ts";
import { QUEUES, type QueueStore } from "../queues/queue-store.ts";
import { EACH_LETTER, OUTBOX, type OutboxRow, type OutboxStore } from "./outbox-store.ts";

/** A call that has not been answered for so long is taken to be lost, and made again. */
export const PATIENCE_MS = 2_000;
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 60_000;
/** One call: 4 million characters are 8 MB at most, a quarter of what an RPC may carry. */
const MAX_JOBS = 100;
const MAX_CHARACTERS = 4_000_000;
/** A batch of messages may have 256 KB, and a letter a third of it. */
const MAX_LETTERS = 3;

/** Where letters go; no shard is called so. */
const DEAD_LETTERS = "dead letters";

/** One call that is to be made. */
export type Delivery =
  | { type: "jobs"; to: string; request: ReceiveRequest }
  | { type: "letters"; to: string; letters: SpawnLetter[] };

/**
 * Decides which jobs and letters go out when: one call a receiver at a time, and after a failure later and later. What is
 * to go is in the rows; how it went so far is in memory alone, so that a new instance simply tries at once.
 */
export class OutboxSchedule {
  readonly #name: string;
  readonly #outbox: OutboxStore;
  readonly #queues: QueueStore;
  readonly #ownership: Ownership;
  /** Receivers that are not to be called before `at`: a call is under way, or the last one failed. */
  readonly #waits = new Map<string, { tries: number; at: number }>();
  /** The slot that went last, so that the next call begins behind it. */
  readonly #last = new Map<string, number>();
  readonly #quarantine: Quarantine;
  /** Jobs that were found not to be fit to be sent. */
  #unfit: Unfit[] = [];

  constructor(shard: PartContext) {
    this.#name = shard.name;
    this.#outbox = shard.get(OUTBOX);
    this.#queues = shard.get(QUEUES);
    this.#ownership = shard.get(OWNERSHIP);
    this.#quarantine = shard.get(QUARANTINE);
  }

  /** The jobs that `take` has found not to be fit to be sent, once: they are to be set aside, so that those behind them go. */
  takeUnfit(): Unfit[] {
    return this.#unfit.splice(0);
  }

  /** The calls that are to be made now. From here on they count as under way. */
  take(now: number): Delivery[] {
    if (this.#outbox.slots.length === 0 && !this.#outbox.hasLetters) return [];
    const due = [...this.#receivers()].filter(([to]) => this.#mayGoAt(to, now) <= now);
    return due.flatMap(([to, slots]): Delivery[] => {
      const { tries } = this.#waits.get(to) ?? { tries: 0 };
      this.#waits.set(to, { tries: tries + 1, at: now + Math.max(PATIENCE_MS, pauseMs(tries)) });
      if (to === DEAD_LETTERS) {
        const letters = this.#lettersTo(now);
        return letters.length === 0 ? [] : [{ type: "letters", to, letters }];
      }
      const request = this.#request(this.#rows(to, slots));
      if (request.jobs.length > 0) return [{ type: "jobs", to, request }];
      if (this.#unfit.length > 0) this.#waits.delete(to);
      return [];
    });
  }

  #lettersTo(now: number): SpawnLetter[] {
    const passedOver = this.#quarantine.count(EACH_LETTER.kind, now);
    const letters: SpawnLetter[] = [];
    for (const { id, letter } of this.#outbox.letters(MAX_LETTERS + passedOver)) {
      const name = { kind: EACH_LETTER.kind, key: id };
      if (letters.length === MAX_LETTERS || this.#quarantine.holds(name.kind, id, now)) continue;
      try {
        letters.push(letterOf(id, letter));
      } catch (error) {
        this.#quarantine.setAside(name, error, now);
      }
    }
    return letters;
  }

  /** The call was answered: from the commit of this step on the next may be made. */
  answered(step: Step, to: string): void {
    step.onCommit(() => this.#waits.delete(to));
  }

  /** The call failed, or brought nothing: the next is made later. */
  failed(step: Step, to: string): void {
    const tries = this.#waits.get(to)?.tries ?? 1;
    const at = step.now + pauseMs(tries - 1);
    step.wakeAt(at);
    step.onCommit(() => this.#waits.set(to, { tries, at }));
  }

  /** When there is something to do; null: nothing is on its way. */
  nextAt(now: number): number | null {
    const times = [...this.#receivers().keys()].map((to) => this.#mayGoAt(to, now));
    return times.length === 0 ? null : Math.min(...times);
  }

  /** Of a clock that has stepped back the wait is not believed. */
  #mayGoAt(to: string, now: number): number {
    return Math.min(this.#waits.get(to)?.at ?? now, now + MAX_PAUSE_MS);
  }

  /** Who is to be called, with the slots that have something for them. */
  #receivers(): Map<string, number[]> {
    const receivers = new Map<string, number[]>();
    if (this.#outbox.hasLetters) receivers.set(DEAD_LETTERS, []);
    for (const slot of this.#outbox.slots) {
      const owner = this.#ownership.ownerOf(slot);
      if (owner === null) continue;
      const slots = receivers.get(owner) ?? [];
      receivers.set(owner, slots);
      slots.push(slot);
    }
    return receivers;
  }

  /** From the slot behind the last one on: none waits for ever because another is never empty. */
  #rows(to: string, slots: number[]): OutboxRow[] {
    const last = this.#last.get(to) ?? -1;
    const inTurn = [...slots.filter((slot) => slot > last), ...slots.filter((slot) => slot <= last)];
    const rows: OutboxRow[] = [];
    let characters = 0;
    for (const slot of inTurn) {
      for (const row of this.#outbox.first(slot, MAX_JOBS - rows.length)) {
        characters += row.job.length;
        if (rows.length > 0 && characters > MAX_CHARACTERS) return rows;
        rows.push(row);
        this.#last.set(to, slot);
      }
      if (rows.length >= MAX_JOBS) return rows;
    }
    return rows;
  }

  #request(asked: OutboxRow[]): ReceiveRequest {
    const rows = this.#fit(asked);
    const refs = [...new Set(rows.map(({ queue }) => queue))];
    return {
      v: RPC_VERSION,
      epoch: this.#ownership.epoch,
      source: this.#name,
      queues: refs.map((ref) => this.#queues.get(ref).settings),
      jobs: rows.map(({ slot, seq, queue, job }) => ({ slot, seq, job: { ...job, queue: refs.indexOf(queue) } })),
    };
  }

  /** The jobs that can be sent. Behind one that cannot nothing of its slot goes, until it is set aside. */
  #fit(rows: OutboxRow[]): (Omit<OutboxRow, "job"> & { job: NewJob })[] {
    const stuck = new Set<number>();
    return rows.flatMap((row) => {
      if (stuck.has(row.slot)) return [];
      try {
        return [{ ...row, job: jobOf(row, this.#queues) }];
      } catch (error) {
        stuck.add(row.slot);
        this.#unfit.push({ ...row, error });
        return [];
      }
    });
  }
}

/** A job that cannot be sent, and why. */
export type Unfit = Pick<OutboxRow, "slot" | "seq" | "id"> & { error: unknown };

/** The job of a row. Throws where the row cannot be read, or its queue is not known. */
export function jobOf({ job, queue }: OutboxRow, queues: QueueStore): NewJob {
  queues.get(queue);
  return JSON.parse(job) as NewJob;
}

function pauseMs(tries: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** tries, MAX_PAUSE_MS);
}

export const OUTBOX_SCHEDULE = new Part("outbox schedule", (shard) => new OutboxSchedule(shard));

/** Throws where it is not the row's own: what is taken out when it has been sent is told by the letter. */
function letterOf(id: string, text: string): SpawnLetter {
  const letter = JSON.parse(text) as SpawnLetter;
  if (letter.id !== id) throw new Error("a letter is of another job than its row");
  return letter;
}
