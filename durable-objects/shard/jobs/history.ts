import type { LogPosition } from "../../../contract/rpc.ts";
import { goesToHistory } from "../../../domain/history-kept.ts";
import type { RowState } from "../../../domain/job/state.ts";
import { SEQUENCE_PER_MS } from "../../../domain/rank.ts";
import { FACTS, type Facts } from "../kernel/facts.ts";
import { Part, type Parts } from "../kernel/part.ts";
import { SEQUENCE } from "../kernel/sequence.ts";
import type { Step } from "../kernel/step.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { appendMoved, HISTORY_LOG, type LoggedJob, type Uncopied } from "./history-log.ts";
import type { JobChange } from "./job-change.ts";
import { type JobHead, returnsOf } from "./job-row.ts";
import { JOBS } from "./job-store.ts";
import { KEEP_SUCCEEDED_MS, keptUntil, packKeptUntil } from "./kept-until.ts";
import { METRICS } from "./metrics.ts";
import type { PackHead } from "./packs/pack-head.ts";
import { loggedPack } from "./packs/pack-log.ts";
import { PACKS } from "./packs/packs.ts";
import { noteCopied, noteUncopied, PROJECTED } from "./unprojected.ts";

const FORGOTTEN = "forgotten";
/** A full database is tried again after so long: each try reads and compresses hundreds of jobs. */
export const FULL_RETRY_MS = 60_000;

/** How far the log of finished jobs is, and how far history is with it. */
export class HistoryPosition {
  readonly #facts: Facts;
  /** History lacks finished jobs. A field and no method: it is looked at after every step. */
  lacks = false;
  /** When a full database last refused them, epoch ms; null: it has room, as far as is known. A field likewise. */
  refusedAt: number | null = null;
  #newest: number;
  #projected: number;
  #forgotten: number;
  /** Of the write with which history got as far as `#projected`. A hint, which dies with the object. */
  #bookmark: string | null = null;
  #fullSince: number | null = null;

  constructor(facts: Facts, newest: number) {
    this.#facts = facts;
    this.#projected = Number(facts.read(PROJECTED) ?? 0);
    this.#forgotten = Number(facts.read(FORGOTTEN) ?? 0);
    this.#newest = Math.max(newest, this.#projected);
    this.lacks = this.#newest > this.#projected;
  }

  /** History has every finished job up to this number of the log. */
  get projected(): number {
    return this.#projected;
  }

  get logPosition(): LogPosition {
    return { seq: this.#newest, forgotten: this.#forgotten, bookmark: this.#bookmark };
  }

  /** Since when the database of history has had no room, epoch ms; null: it has. A hint as well: whoever tries next says it again. */
  get fullSince(): number | null {
    return this.#fullSince;
  }

  /** Somebody has tried to copy what history lacks. */
  noteRoom(step: Step, hasRoom: boolean): void {
    if (!hasRoom) step.wakeAt(step.now + FULL_RETRY_MS);
    step.onCommit(() => {
      this.#fullSince = hasRoom ? null : (this.#fullSince ?? step.now);
      this.refusedAt = hasRoom ? null : step.now;
    });
  }

  /** When history is tried again that had no room, epoch ms; null: it has, or the time has come. */
  retryAt(now: number): number | null {
    const at = this.refusedAt;
    return at !== null && this.lacks && Math.abs(now - at) < FULL_RETRY_MS ? at + FULL_RETRY_MS : null;
  }

  /** The log has a new entry. */
  noteEntry(step: Step, seq: number): void {
    step.onCommit(() => {
      this.#newest = Math.max(this.#newest, seq);
      this.lacks = this.#newest > this.#projected;
    });
  }

  /** History has everything up to `cursor`. An older word than the last changes nothing. 1 row. */
  noteProjected(step: Step, cursor: number, bookmark: string | null): void {
    if (cursor < this.#projected) return;
    if (cursor > this.#projected) {
      noteCopied(step, this.#projected, cursor);
      this.#facts.write(PROJECTED, String(cursor));
    }
    step.onCommit(() => {
      this.#bookmark = cursor > this.#projected ? bookmark : (bookmark ?? this.#bookmark);
      this.#projected = cursor;
      this.lacks = this.#newest > cursor;
    });
  }

  /** No job that has left the shard came to its end above this number: 0 while none has left. 1 row. */
  noteForgotten(step: Step, seq: number): void {
    if (seq <= this.#forgotten) return;
    this.#facts.write(FORGOTTEN, String(seq));
    step.onCommit(() => {
      this.#forgotten = seq;
    });
  }
}

export const HISTORY = new Part(
  "history",
  (shard) => new HistoryPosition(shard.get(FACTS), shard.get(HISTORY_LOG).newest()),
);

/** Jobs have become final: they are logged for history, those who wait for them are woken, and the metrics count them. */
export function noteEnds(step: Step, change: JobChange): void {
  const { settings } = step.get(QUEUES).get(change.queue);
  const succeeded = change.event === "succeed";
  const ended = succeeded ? change.jobs : "to" in change ? [change.to] : [];
  const metrics = step.get(METRICS);
  // Of one that succeeds and goes to history nothing is asked.
  const headOf = succeeded && goesToHistory(settings, true) ? () => null : (id: string) => step.get(JOBS).head(id);
  for (const job of ended) {
    // The log names packs as a whole, when the last of their jobs has ended.
    if ("packed" in job && job.packed) noteUncopied(step, { queue: change.queue, succeeded }, 1);
    else appendEnd(step, { ...job, succeeded }, "to" in change ? change.to : headOf(job.id));
    step.wake(finalKey(job.id));
    const latencyMs = step.now - job.created_at;
    step.onCommit(() => metrics.finished(change.queue, latencyMs, step.now));
  }
}

/** What those are woken by who wait until a job is final. */
export function finalKey(id: string): string {
  return `job:${id}`;
}

/** Finished jobs are forgotten in rounds of a minute: an alarm for each would be a request and a row for each. */
const PURGE_ROUND_MS = 60_000;

/** When the clock is to look at an entry whose time is over at `at`: in the next round, or at once where it is over. Epoch ms. */
export function purgeRoundAt(at: number, now: number): number {
  return at <= now ? at : Math.ceil(at / PURGE_ROUND_MS) * PURGE_ROUND_MS;
}

/** A job has become final: history gets it, or else the log says what becomes of it there. `head` is null where nothing of it is asked for. */
function appendEnd(step: Step, job: EndedJob, head: JobHead<RowState> | null): void {
  const { settings } = step.get(QUEUES).get(job.queue);
  const { succeeded } = job;
  const ended = { succeeded, spec: head?.spec ?? null, createdAt: head?.created_at ?? 0 };
  const purgeAt = keptUntil(settings, ended, step.now);
  const uncopied = head === null || hadEnded(head) ? "erase" : "skip";
  appendToLog(step, goesToHistory(settings, succeeded) ? job : { ...job, uncopied }, purgeAt);
}

/** Whether it was redriven, so that history may have it as it was before. */
function hadEnded(head: JobHead<RowState>): boolean {
  try {
    return head.spent_before > 0 || returnsOf(head).redriven === true;
  } catch {
    // Of one that cannot be read nobody knows.
    return true;
  }
}

/** The entries of the log that a step makes: one for each time at which they are to go, with the jobs of each slot. */
class NewEntries {
  readonly #byTime = new Map<number, Map<number, LoggedJob[]>>();

  add(slot: number, job: LoggedJob, purgeAt: number): void {
    const bySlot = this.#byTime.get(purgeAt) ?? new Map<number, LoggedJob[]>();
    const jobs = bySlot.get(slot) ?? [];
    jobs.push(job);
    this.#byTime.set(purgeAt, bySlot.set(slot, jobs));
  }

  write(step: Step): void {
    const sequence = step.get(SEQUENCE);
    const history = step.get(HISTORY);
    const log = step.get(HISTORY_LOG);
    for (const [purgeAt, jobs] of this.#byTime) {
      const seq = sequence.next(step.now);
      // After the clock has stepped back an entry would wait for those in front of it: so it goes by its own time.
      const kept = purgeAt !== step.now + KEEP_SUCCEEDED_MS || !log.keepsOrder(purgeAt);
      log.append(seq, { kept, purgeAt, jobs });
      history.noteEntry(step, seq);
    }
  }
}

const NEW_ENTRIES = {};

/** A job that has ended, as the log and its counts take it. */
export type EndedJob = Pick<JobHead, "id" | "slot" | "version" | "queue"> & { succeeded: boolean; uncopied?: Uncopied };

/** Appends to the log of finished jobs: history gets this version, and the row goes at `purgeAt` if it still has it. */
export function appendToLog(step: Step, row: EndedJob, purgeAt: number): void {
  noteUncopied(step, row, 1);
  const { id, version, uncopied } = row;
  newEntries(step).add(row.slot, uncopied === undefined ? [id, version] : [id, version, uncopied], purgeAt);
}

function newEntries(step: Step): NewEntries {
  return step.scratch(NEW_ENTRIES, () => {
    const made = new NewEntries();
    step.beforeCommit(() => made.write(step));
    return made;
  });
}

/** Appends all that a pack still has, when the last of its jobs has ended. They were counted one by one, as they succeeded. */
export function appendPackToLog(step: Step, head: PackHead): void {
  const { settings } = step.get(QUEUES).get(head.queue);
  const copied = goesToHistory(settings, true);
  newEntries(step).add(head.slot, loggedPack(head, { copied }), packKeptUntil(step, head, step.now));
}

/** Whether history has yet to copy what a pack has. */
export function isPackUncopied(step: Step, head: PackHead): boolean {
  if (!head.logged) return true;
  const [id, version] = loggedPack(head);
  return step.get(HISTORY_LOG).names({ id, slot: head.slot, version }, step.get(HISTORY).projected);
}

/**
 * A job that has succeeded leaves its pack for a row of its own, and the log names it from now on. `copied`: history has it
 * already, so that only its row has yet to be forgotten.
 */
export function appendUnpackedToLog(step: Step, row: JobHead<RowState>, { copied }: { copied: boolean }): void {
  const { id, slot, queue, version } = row;
  if (copied) {
    const { settings } = step.get(QUEUES).get(queue);
    const ended = { succeeded: true, spec: row.spec, createdAt: row.created_at };
    const purgeAt = keptUntil(settings, ended, step.now);
    step.beforeCommit(() => {
      const seq = step.get(SEQUENCE).next(step.now);
      appendMoved(step.sql, seq, { purgeAt, slot, job: [id, version] });
      step.get(HISTORY).noteEntry(step, seq);
    });
    return;
  }
  // It was counted when it succeeded, as one of its pack.
  noteUncopied(step, { queue, succeeded: true }, -1);
  appendEnd(step, { id, slot, queue, version, succeeded: true }, row);
}

const RESTORED = {};

function restoredIn(step: Step): Set<string> {
  return step.scratch(RESTORED, () => new Set());
}

/** The row of a job that history alone had is back in this step: the log does not name it. */
export function noteRestored(step: Step, id: string): void {
  restoredIn(step).add(id);
}

/**
 * A final job changes in this step: under the version that it had history will not take it any more. Without an entry of that
 * version above what history has, nothing changes.
 */
export function noteOvertaken(
  step: Step,
  row: Pick<JobHead<RowState>, "id" | "queue" | "slot" | "state" | "version" | "finished_at">,
): void {
  if (restoredIn(step).has(row.id)) return;
  const { projected } = step.get(HISTORY);
  const endedAt = (row.finished_at ?? 0) * SEQUENCE_PER_MS;
  const packed = step.get(PACKS).find(row.id);
  const lacks =
    packed === null
      ? // An entry has a number above the time of its step.
        endedAt > projected || step.get(HISTORY_LOG).names(row, projected)
      : isPackUncopied(step, packed.head);
  if (lacks) noteUncopied(step, { queue: row.queue, succeeded: row.state === "succeeded" }, -1);
}

/** See `HistoryPosition.logPosition`: to be asked for before anything else happens in the shard. */
export function logPosition(parts: Parts): LogPosition {
  return parts.get(HISTORY).logPosition;
}
