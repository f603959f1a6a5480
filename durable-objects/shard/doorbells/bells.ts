import type { Doorbell } from "../../../contract/doorbell.ts";
import { echoMs, executorsFor, executorWaitMs, FIRST_ECHO_MS, MAX_EXECUTORS, meanGap } from "../../../domain/bell.ts";
import { type Lane, WORK_LINES, type WorkLine } from "../../../domain/queue.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import { EXECUTORS, type Executor, type Executors } from "../flow/executors.ts";
import { Part } from "../kernel/part.ts";
import type { DemandChange, LineDemand } from "./demand.ts";

/**
 * Finished jobs are gathered for a moment, so that history is written in pages: D1 takes some hundred batches a second in
 * all. Nobody waits for it, because the shard answers for what history lacks.
 */
const HISTORY_DELAY_SECONDS = 5;
/** A projector that has been rung gets this long before it is rung again. */
const HISTORY_ECHO_MS = 10_000;

/** An executor that took work and has not come back for this long is not counted on. */
const BACK_SOON_MS = 500;
/** Who came last is written down so often, where no other write of the row says it. */
const WRITE_VISIT_EVERY_MS = 3_600_000;

/**
 * Whose bell it is: the processor's in a lane, the one of the consumer that claims by queue there, the projector's, or
 * the one of those who deliver events to subscriptions.
 */
export type Line = WorkLine | "history" | "events";
const LINES: readonly Line[] = [...WORK_LINES, "history", "events"];

interface BellRow extends SqlRow {
  lane: Line;
  unanswered: number;
  since: number | null;
  version: string | null;
  visited_at: number | null;
}

interface Owed {
  /** Rung and not answered by a claim yet. */
  outstanding: number;
  /** Unanswered rounds in a row. */
  unanswered: number;
  /** When to ring again if nobody comes. */
  nextAt: number;
  /** Executors that took work, and when: one that was here just now comes back for more without a bell. */
  working: Map<string, number>;
  /**
   * By queue: an executor found nothing it may take though `jobs` waited, because limits keep them. Until then, or until
   * more wait, they deserve no bell.
   */
  muted: Map<number, { jobs: number; until: number }>;
  /** Of all that is muted, what waits and until when; null: to be worked out anew. */
  mutedNow: Muted | null;
  /** By queue, what waited when a bell was last sent, of those queues that have changed since. */
  rungFor: Map<number, number>;
  /** Queues of which more waits than when a bell was last sent: a line's bells may go unanswered for some of its queues alone. */
  grown: Set<number>;
  /** When a bell was last sent. */
  rungAt: number;
  /** Executors that wait here until there is something to claim. They are told and need no bell. */
  waiting: Set<string>;
  /** When more last came to wait than did before, and how far apart that mostly is, in ms; null: not known. */
  grewAt: number | null;
  gapMs: number | null;
  /** Who came last, as the row has it. */
  written: Executor | null;
}

interface Muted {
  jobs: number;
  /** When the first of them may deserve a bell again. */
  until: number;
}

/** What waits, by line. Nothing waits in a line that is not named. */
export type Demand = ReadonlyMap<Line, LineDemand>;

/** Somebody who came for a line. */
export interface Visit {
  /** A processor invocation, a consumer invocation, the projector. */
  who: string;
  /** It waited here, or has come to wait: no bell is answered by it. Left out: it came for a bell. */
  waits?: boolean;
  /** It took work, or goes on to ask for other queues of the line: it is here again soon. */
  stays: boolean;
  /** Jobs by queue that it asked for and could not take. */
  limited: ReadonlyMap<number, number>;
  now: number;
}

/** What is owed to a line now. */
export interface Due {
  bells: { bell: Doorbell; delaySeconds: number }[];
  /** Lines whose waiting executors are to be told, and how many of them there is work for. */
  called: { line: Line; executors: number }[];
  /** When to look again, epoch milliseconds; null: when something changes. */
  wakeAt: number | null;
}

export const NONE_LIMITED: ReadonlyMap<number, number> = new Map();

/**
 * Bells are owed as long as there is work that nobody claims: that is read from the rows, not from what was
 * sent. So a bell that is lost, late or doubled changes nothing but time. Kept on disk is only how often and since when a
 * line went unanswered, so that an absent consumer is not rung for ever at the pace of the first minute, and who came last.
 */
export class Bells {
  #sql: Sql;
  #shard: string;
  #executors: Executors;
  #owed = new Map<Line, Owed>();
  #dueAt = 0;

  constructor(sql: Sql, shard: string, executors: Executors) {
    this.#sql = sql;
    this.#shard = shard;
    this.#executors = executors;
    for (const line of LINES)
      this.#owed.set(line, {
        outstanding: 0,
        unanswered: 0,
        nextAt: 0,
        working: new Map(),
        muted: new Map(),
        mutedNow: null,
        rungFor: new Map(),
        grown: new Set(),
        rungAt: 0,
        waiting: new Set(),
        grewAt: null,
        gapMs: null,
        written: null,
      });
    for (const row of sql.all<BellRow>("SELECT * FROM bells")) this.#load(row);
  }

  #load({ lane: line, unanswered, since, version, visited_at: visitedAt }: BellRow): void {
    const owed = this.#of(line);
    owed.unanswered = unanswered;
    owed.written = visitedAt === null ? null : { version, visitedAt };
    if (isWork(line)) this.#executors.load(line, { executor: owed.written, since });
  }

  /** Somebody came for `line`: one of its bells was heard. */
  answered(line: Line, { who, stays, limited, now, waits = false }: Visit): void {
    const owed = this.#of(line);
    if (!waits && !owed.working.has(who) && owed.outstanding > 0) owed.outstanding -= 1;
    owed.waiting.delete(who);
    if (stays) owed.working.set(who, now);
    else owed.working.delete(who);
    owed.nextAt = now + this.#echo(line, 0);
    for (const [queue, jobs] of limited) owed.muted.set(queue, { jobs, until: owed.nextAt });
    if (limited.size > 0) owed.mutedNow = null;
    this.#noteAnswered(line, owed);
    // A visit that takes work has written rows; this is one more, once an hour.
    if (stays && this.#isNews(line, owed, now)) this.#write(line, owed);
  }

  /** Whether who came last for the line is worth a row of its own: somebody else, or much later than the row has it. */
  #isNews(line: Line, { written }: Owed, now: number): boolean {
    const last = isWork(line) ? this.#executors.last(line) : null;
    if (last === null) return false;
    return (
      written === null || written.version !== last.version || Math.abs(now - written.visitedAt) >= WRITE_VISIT_EVERY_MS
    );
  }

  /** An executor waits at the line until it comes again (`answered`) or leaves. */
  waits(line: Line, who: string): void {
    this.#of(line).waiting.add(who);
  }

  /** An executor does not wait any more. */
  leaves(line: Line, who: string): void {
    this.#of(line).waiting.delete(who);
  }

  /** Whether executors wait at the line that are told of whatever comes: they look at it again by themselves, without an alarm. */
  isAwaited(line: Line): boolean {
    return this.#of(line).waiting.size > 0;
  }

  /** How long an executor is worth waiting at a line that has run dry, in ms. */
  worthWaitingMs(line: Line): number {
    return executorWaitMs(this.#of(line).gapMs);
  }

  /** Of a queue something else waits than before. */
  noteChange({ line, queue, before, after }: DemandChange, now: number): void {
    const owed = this.#of(line);
    // What comes in one step comes at once.
    if (after > before && owed.grewAt !== now) {
      if (owed.grewAt !== null) owed.gapMs = meanGap(owed.gapMs, now - owed.grewAt);
      owed.grewAt = now;
    }
    const rungFor = owed.rungFor.get(queue) ?? before;
    owed.rungFor.set(queue, rungFor);
    if (after > rungFor) owed.grown.add(queue);
    else owed.grown.delete(queue);
    if (owed.muted.has(queue)) owed.mutedNow = null;
  }

  /** What is owed now for what waits. */
  due(demand: Demand, now: number): Due {
    const bells: Due["bells"] = [];
    const called: Due["called"] = [];
    let wakeAt: number | null = null;
    if (now < this.#dueAt) this.#forgetTimes();
    this.#dueAt = now;
    for (const line of LINES) {
      const owed = this.#of(line);
      const waiting = demand.get(line);
      if (waiting === undefined) {
        owed.outstanding = 0;
        this.#noteAnswered(line, owed);
        continue;
      }
      const { jobs: all, queues, http } = waiting;
      const muted = mutedOf(owed, queues, now);
      if (muted.jobs > 0) wakeAt = Math.min(wakeAt ?? muted.until, muted.until);
      const jobs = all - muted.jobs;
      if (jobs === 0) continue;
      if (owed.nextAt <= now && owed.outstanding > 0) this.#noteUnanswered(line, owed);
      else if (owed.unanswered > 0 && owed.rungAt + FIRST_ECHO_MS <= now && owed.grown.size > 0) {
        owed.outstanding = 0;
      }
      const backAt = this.#forgetBusy(owed, now);
      const wanted = isWork(line) ? executorsFor({ jobs, http }, MAX_EXECUTORS[laneOf(line)]) : 1;
      // Those who wait are told whatever bells are out: they are here already.
      if (owed.waiting.size > 0) called.push({ line, executors: wanted });
      const missing = wanted - owed.outstanding - owed.working.size - owed.waiting.size;
      if (missing > 0) {
        owed.outstanding += missing;
        owed.nextAt = now + this.#echo(line, owed.unanswered);
        owed.rungAt = now;
        owed.rungFor.clear();
        owed.grown.clear();
        for (let i = 0; i < missing; i++) bells.push(this.#bell(line));
      }
      // Whoever waits alone needs no alarm: it looks again when its wait is over, and is lost with the object, which then rings anew.
      if (owed.waiting.size > 0 && owed.outstanding + owed.working.size === 0) continue;
      const lookAgainAt = owed.outstanding > 0 ? owed.nextAt : backAt;
      if (wakeAt === null || lookAgainAt < wakeAt) wakeAt = lookAgainAt;
    }
    return { bells, called, wakeAt };
  }

  /** The clock has stepped back: what was to be awaited until some time would be awaited for too long. */
  #forgetTimes(): void {
    for (const owed of this.#owed.values()) {
      owed.outstanding = 0;
      owed.nextAt = 0;
      owed.working.clear();
      owed.muted.clear();
      owed.mutedNow = null;
      owed.rungAt = 0;
    }
  }

  /** Executors that have not come back are busy with long work, or dead: others are needed. When the next will be. */
  #forgetBusy(owed: Owed, now: number): number {
    let soonest = now + BACK_SOON_MS;
    for (const [who, seenAt] of owed.working) {
      if (seenAt + BACK_SOON_MS <= now) owed.working.delete(who);
      else soonest = Math.min(soonest, seenAt + BACK_SOON_MS);
    }
    return soonest;
  }

  #noteAnswered(line: Line, owed: Owed): void {
    if (owed.unanswered === 0) return;
    owed.unanswered = 0;
    this.#write(line, owed);
  }

  /** For a whole wait nobody came: the bells are taken for lost, and the next wait is longer. */
  #noteUnanswered(line: Line, owed: Owed): void {
    owed.unanswered += 1;
    owed.outstanding = 0;
    this.#write(line, owed);
  }

  /** 1 row. */
  #write(line: Line, owed: Owed): void {
    const last = isWork(line) ? this.#executors.last(line) : null;
    owed.written = last;
    if (owed.unanswered === 0 && last === null) {
      this.#sql.run("DELETE FROM bells WHERE lane = ?", line);
      return;
    }
    this.#sql.run(
      `INSERT INTO bells (lane, unanswered, since, version, visited_at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (lane)
       DO UPDATE SET unanswered = excluded.unanswered, since = excluded.since, version = excluded.version, visited_at = excluded.visited_at`,
      line,
      owed.unanswered,
      owed.unanswered > 0 && isWork(line) ? this.#executors.lineWaitsSince(line) : null,
      last?.version ?? null,
      last?.visitedAt ?? null,
    );
  }

  #echo(line: Line, unanswered: number): number {
    return line === "history" ? Math.max(HISTORY_ECHO_MS, echoMs(unanswered)) : echoMs(unanswered);
  }

  #bell(line: Line): { bell: Doorbell; delaySeconds: number } {
    if (!isWork(line))
      return {
        bell: { v: 1, kind: line, shard: this.#shard },
        delaySeconds: line === "history" ? HISTORY_DELAY_SECONDS : 0,
      };
    return { bell: { v: 1, kind: "work", shard: this.#shard, lane: laneOf(line) }, delaySeconds: 0 };
  }

  #of(line: Line): Owed {
    const owed = this.#owed.get(line);
    if (owed === undefined) throw new Error(`no such line: ${line}`);
    return owed;
  }
}

function isWork(line: Line): line is WorkLine {
  return line !== "history" && line !== "events";
}

function laneOf(line: WorkLine): Lane {
  return line.split("/", 1)[0] as Lane;
}

/** Jobs that deserve no bell now. They are looked at anew when one of their queues changes, or the first of them is over. */
function mutedOf(owed: Owed, queues: ReadonlyMap<number, number>, now: number): Muted {
  if (owed.mutedNow !== null && now < owed.mutedNow.until) return owed.mutedNow;
  const muted = { jobs: 0, until: Number.POSITIVE_INFINITY };
  for (const [queue, mute] of owed.muted) {
    const jobs = queues.get(queue) ?? 0;
    if (mute.until <= now) owed.muted.delete(queue);
    else if (jobs > 0 && jobs <= mute.jobs) {
      muted.jobs += jobs;
      muted.until = Math.min(muted.until, mute.until);
    }
  }
  owed.mutedNow = muted;
  return muted;
}

export const BELLS = new Part("bells", (shard) => new Bells(shard.sql, shard.name, shard.get(EXECUTORS)));
