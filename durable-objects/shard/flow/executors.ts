import type { ExecutorHealth } from "../../../contract/rpc.ts";
import { type Lane, WORK_LINES, type WorkLine } from "../../../domain/queue.ts";
import { isPushed, type PushType, type Room, TARGET_KINDS } from "../../../domain/target.ts";
import { Part } from "../kernel/part.ts";
import type { KnownQueue } from "../queues/known-queue.ts";

/**
 * The queues whose jobs wait for the same visit have the same text: those of a lane with one type of target. A consumer asks
 * for one queue after another, so each of its queues waits by itself.
 */
export function visitOf({ ref, settings }: KnownQueue): string {
  const { target, lane } = settings;
  return isPushed(target) ? pushVisit(lane, target.type) : `${lane}/consumer/${ref}`;
}

function pushVisit(lane: Lane, type: PushType): string {
  return `${lane}/${type}`;
}

/** Who came last for a line, as far as is known. */
export interface Executor {
  /** The release of the processor; null where it does not say, and for consumers. */
  version: string | null;
  /** When it came, epoch milliseconds. After a restart it may be up to an hour older than it was. */
  visitedAt: number;
}

/** What a processor came for. */
interface Visited {
  room: Readonly<Record<Room, number>>;
  types: readonly PushType[];
}

/**
 * Who comes for the jobs that wait, and since when nobody has. The bells know both: they keep it here, for those who explain.
 * It is a fact about the world outside, so no step that is undone takes it back. Who came, and since when a line waits whose
 * bells go unanswered, is read from the rows of the bells when the object starts.
 */
export class Executors {
  /** `wait` is to be called though nothing that waits has changed: at first, and when somebody has come. A field: it is looked at in every step. */
  isStale = true;
  /** Visits that were made since `wait` was called: what waits for them still does so from then on. */
  #visited: string[] = [];
  readonly #last = new Map<WorkLine, Executor>();
  /** By `visitOf`: the line, and since when jobs have waited without a visit that could take them. */
  readonly #waiting = new Map<string, { line: WorkLine; since: number }>();
  /** By line: since when it waited before the object started. */
  readonly #waitedBefore = new Map<WorkLine, number>();
  /** Lanes whose executor had no outgoing connection left when it last came. */
  readonly #unconnected = new Set<Lane>();

  /** What the rows have of a line when the object starts. */
  load(line: WorkLine, { executor, since }: { executor: Executor | null; since: number | null }): void {
    if (executor !== null) this.#last.set(line, executor);
    if (since !== null) this.#waitedBefore.set(line, since);
  }

  /**
   * What waits for these visits may be something else than before: `lineOf` says in which line jobs that could be claimed wait for
   * a visit now, and null where none do.
   */
  wait(changed: Iterable<string>, lineOf: (visit: string) => WorkLine | null, now: number): void {
    for (const visit of changed) this.#note(visit, lineOf(visit), now);
    for (const visit of this.#visited) this.#note(visit, lineOf(visit), now);
    this.#visited = [];
    this.isStale = false;
    this.#waitedBefore.clear();
  }

  #note(visit: string, line: WorkLine | null, now: number): void {
    if (line === null) {
      this.#waiting.delete(visit);
      return;
    }
    const since = this.#waiting.get(visit)?.since ?? this.#waitedBefore.get(line) ?? now;
    // A clock that has stepped back would leave it in the future.
    this.#waiting.set(visit, { line, since: Math.min(since, now) });
  }

  #came(visit: string): void {
    if (!this.#waiting.delete(visit)) return;
    this.#visited.push(visit);
    this.isStale = true;
  }

  /** The processor came for targets of these types, with this room for their jobs; without any it has only reported. */
  visitedByProcessor(lane: Lane, { room, types }: Visited, executor: Executor): void {
    this.#last.set(lane, executor);
    for (const type of types) if (room[TARGET_KINDS[type].room] > 0) this.#came(pushVisit(lane, type));
    if (room.http > 0) this.#unconnected.delete(lane);
    else if (room.handler > 0) this.#unconnected.add(lane);
  }

  /** A consumer asked for a queue. */
  claimedByConsumer(queue: KnownQueue, now: number): void {
    this.#last.set(`${queue.settings.lane}/consumer`, { version: null, visitedAt: now });
    this.#came(visitOf(queue));
  }

  /** Who came last for the line; null where that is not known. */
  last(line: WorkLine): Executor | null {
    return this.#last.get(line) ?? null;
  }

  /** Since when the ready jobs of a queue have waited for a visit that could take them; null: they do not. */
  waitingSince(queue: KnownQueue): number | null {
    return this.#waiting.get(visitOf(queue))?.since ?? null;
  }

  /** Since when anything in the line has waited for a visit that could take it; null: nothing does. */
  lineWaitsSince(line: WorkLine): number | null {
    let soonest: number | null = null;
    for (const { line: of, since } of this.#waiting.values()) {
      if (of === line && (soonest === null || since < soonest)) soonest = since;
    }
    return soonest;
  }

  /**
   * Since when work has waited in the line and nobody at all has come for it; null: nothing waits. An executor that comes and
   * has no room is busy, and not away.
   */
  awaySince(line: WorkLine): number | null {
    const since = this.lineWaitsSince(line);
    return since === null ? null : Math.max(since, this.last(line)?.visitedAt ?? since);
  }

  /** Every line that somebody came for, or in which something waits. */
  health(): ExecutorHealth[] {
    return WORK_LINES.flatMap((line) => {
      const last = this.last(line);
      const awaySince = this.awaySince(line);
      if (last === null && awaySince === null) return [];
      const [lane, consumer] = line.split("/") as [Lane, string | undefined];
      const executor = consumer === undefined ? "processor" : "consumer";
      return [{ lane, executor, version: last?.version ?? null, visitedAt: last?.visitedAt ?? null, awaySince }];
    });
  }

  /** Whether the executor that came last for the lane, within `ms`, had no outgoing connection left. */
  isUnconnected(lane: Lane, { now, ms }: { now: number; ms: number }): boolean {
    const last = this.last(lane);
    return this.#unconnected.has(lane) && last !== null && now - last.visitedAt < ms;
  }
}

export const EXECUTORS = new Part("executors", () => new Executors());
