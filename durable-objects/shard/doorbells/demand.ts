import { JOBS_PER_EXECUTOR } from "../../../domain/bell.ts";
import { LANES, type WorkLine, workLineOf } from "../../../domain/queue.ts";
import {
  CONNECTIONS,
  connectionPlaces,
  connectionRoom,
  connectionShares,
  holdsConnections,
} from "../flow/connections.ts";
import { visitOf } from "../flow/executors.ts";
import { HOLDS, holdOf, holdRoom, serviceKey } from "../flow/holds.ts";
import { claimable, rateHoldsUntil, readyJobs } from "../flow/limits.ts";
import { COUNTS } from "../jobs/counts.ts";
import { OWNERSHIP } from "../kernel/ownership.ts";
import { Part, type Parts } from "../kernel/part.ts";
import { QUARANTINE } from "../kernel/quarantine.ts";
import { Timetable } from "../kernel/timetable.ts";
import type { KnownQueue } from "../queues/known-queue.ts";
import { QUEUES } from "../queues/queue-store.ts";

/** What waits in a line. */
export interface LineDemand {
  /** Jobs that an executor could claim now, or that history lacks; or feeds of events that could be delivered. */
  readonly jobs: number;
  /** How many of them take a connection, and how many of those one executor can have in hand. */
  readonly http: { readonly jobs: number; readonly each: number };
  /** The jobs by the ref of their queue; empty where nobody works by queue. */
  readonly queues: ReadonlyMap<number, number>;
}

export const NO_HTTP: LineDemand["http"] = { jobs: 0, each: JOBS_PER_EXECUTOR };

/** The claimable jobs of a queue were `before` and are `after`. */
export interface DemandChange {
  line: WorkLine;
  queue: number;
  before: number;
  after: number;
}

/** A queue of which something waits, as it counts. */
interface Counted {
  line: WorkLine;
  visit: string;
  http: boolean;
  jobs: number;
  /** The shares of connections that it waits for, and its service, by name. */
  places: readonly string[];
}

interface LineCount {
  jobs: number;
  http: number;
  readonly queues: Map<number, number>;
}

/**
 * What executors could claim, kept by queue: after a step only the queues that it touched are looked at, and those whose rate
 * opens, whatever else waits. In memory alone, worked out from the other memory of the shard: it is a hint for bells and for those
 * who wait, and the audit compares it with what a look at every queue would find.
 */
export class DemandBook {
  readonly #shard: Parts;
  readonly #queues = new Map<number, Counted>();
  readonly #lines = new Map<WorkLine, LineCount>();
  /** By `visitOf`: how many queues wait for such a visit, and in which line. */
  readonly #visits = new Map<string, { line: WorkLine; queues: number }>();
  /** By the name of a share of connections, or of a service: the queues that wait and count under it. */
  readonly #sharing = new Map<string, Set<number>>();
  readonly #touched = new Set<number>();
  /** When a queue is to be looked at again though no step touches it: its rate, or its service, lets a job start. Null before the first of them. */
  #reviews: Timetable<number> | null = null;
  #changes: DemandChange[] = [];
  #changedVisits = new Set<string>();
  /** All of it is to be worked out anew: at first, and where more than steps may have changed it. */
  #isStale = true;
  #at = Number.NEGATIVE_INFINITY;
  #slotMap: unknown = null;

  constructor(shard: Parts) {
    this.#shard = shard;
    shard.get(COUNTS).follow(({ queue }) => this.touch(queue));
    shard.get(CONNECTIONS).listen((place) => {
      if (place === null) this.#isStale = true;
      else this.#touchSharing(place);
    });
    shard.get(HOLDS).listen((service) => this.#touchSharing(service));
  }

  #touchSharing(place: string): void {
    for (const queue of this.#sharing.get(place) ?? []) this.touch(queue);
  }

  /** The queue is to be looked at when somebody asks next. */
  touch(queue: number): void {
    this.#touched.add(queue);
  }

  /** Brings the book up to `now` (epoch milliseconds). */
  refresh(now: number): void {
    const { any: isAside } = this.#shard.get(QUARANTINE);
    const slotMap = this.#shard.get(OWNERSHIP).map;
    const isBack = now < this.#at;
    if (this.#isStale || isAside || isBack || slotMap !== this.#slotMap) this.#touchAll();
    if (isBack) for (const visit of this.#visits.keys()) this.#changedVisits.add(visit);
    // What is set aside is passed over for a time: until none is, each look is at everything.
    this.#isStale = isAside;
    this.#at = now;
    this.#slotMap = slotMap;
    for (const queue of this.#reviews?.takeDue(now) ?? []) this.touch(queue);
    for (const queue of this.#touched) this.#look(queue, now);
    this.#touched.clear();
  }

  /** What waits in a line, as of the last `refresh`; null when nothing does. */
  line(line: WorkLine): LineDemand | null {
    const count = this.#lines.get(line);
    if (count === undefined || count.jobs === 0) return null;
    const { jobs, queues } = count;
    return { jobs, http: { jobs: count.http, each: this.#connectionsOf(line) }, queues };
  }

  /** The claimable jobs of a queue, as of the last `refresh`. */
  jobsOf(queue: number): number {
    return this.#queues.get(queue)?.jobs ?? 0;
  }

  /** When a rate, or a service, next lets a job start that it holds back now; null when none holds any back. */
  opensAt(): number | null {
    return this.#reviews?.next() ?? null;
  }

  /** The line of those who wait for this visit; null when nobody does. */
  lineOfVisit(visit: string): WorkLine | null {
    return this.#visits.get(visit)?.line ?? null;
  }

  /** What has changed since this was asked last. */
  takeChanges(): { queues: readonly DemandChange[]; visits: ReadonlySet<string> } {
    const changes = { queues: this.#changes, visits: this.#changedVisits };
    if (this.#changes.length > 0) this.#changes = [];
    if (this.#changedVisits.size > 0) this.#changedVisits = new Set();
    return changes;
  }

  #touchAll(): void {
    for (const queue of this.#queues.keys()) this.touch(queue);
    for (const queue of this.#shard.get(COUNTS).withReady()) this.touch(queue);
  }

  #look(ref: number, now: number): void {
    const before = this.#queues.get(ref);
    const after = this.#countOf(ref, now);
    if (before !== undefined) this.#count(ref, before, -1);
    if (after === null) this.#queues.delete(ref);
    else {
      this.#queues.set(ref, after);
      this.#count(ref, after, 1);
    }
    for (const line of new Set([before?.line, after?.line])) {
      if (line === undefined) continue;
      const was = before?.line === line ? before.jobs : 0;
      const is = after?.line === line ? after.jobs : 0;
      if (was !== is) this.#changes.push({ line, queue: ref, before: was, after: is });
    }
  }

  /** What of a queue an executor could take now; null when nothing is ready. A limit that is used up makes its jobs wait unrung. */
  #countOf(ref: number, now: number): Counted | null {
    const shard = this.#shard;
    if (shard.get(COUNTS).of(ref).ready === 0) {
      this.#reviews?.set(ref, null);
      return null;
    }
    const queue = shard.get(QUEUES).get(ref);
    this.#review(queue, now);
    const line = workLineOf(queue.settings);
    if (line === null) return null;
    const service = serviceKey(queue.settings);
    const places = [...connectionPlaces(queue.settings), ...(service === null ? [] : [service])];
    return {
      line,
      visit: visitOf(queue),
      http: holdsConnections(queue.settings),
      jobs: demandOfQueue(shard, queue, now),
      places,
    };
  }

  #review(queue: KnownQueue, now: number): void {
    const rateAt = queue.settings.rate === null ? null : rateHoldsUntil(this.#shard, queue, now);
    const until = holdOf(this.#shard, queue.settings, now)?.until ?? now;
    const at = until > now ? Math.min(until, rateAt ?? until) : rateAt;
    if (at !== null) this.#reviews ??= new Timetable();
    this.#reviews?.set(queue.ref, at);
  }

  #count(ref: number, { line, visit, http, jobs, places }: Counted, sign: 1 | -1): void {
    for (const place of places) {
      const sharing = this.#sharing.get(place) ?? new Set();
      if (sign > 0) this.#sharing.set(place, sharing.add(ref));
      else if (sharing.delete(ref) && sharing.size === 0) this.#sharing.delete(place);
    }
    if (jobs === 0) return;
    const count = this.#lines.get(line) ?? { jobs: 0, http: 0, queues: new Map<number, number>() };
    this.#lines.set(line, count);
    count.jobs += sign * jobs;
    if (http) count.http += sign * jobs;
    if (sign > 0) count.queues.set(ref, jobs);
    else count.queues.delete(ref);
    this.#countVisit(visit, line, sign);
  }

  #countVisit(visit: string, line: WorkLine, sign: 1 | -1): void {
    const queues = (this.#visits.get(visit)?.queues ?? 0) + sign;
    if (queues === 0) this.#visits.delete(visit);
    else this.#visits.set(visit, { line, queues });
    if (queues === 0 || (sign > 0 && queues === 1)) this.#changedVisits.add(visit);
  }

  /** How many jobs that take a connection one executor of the line has in hand at most. */
  #connectionsOf(line: WorkLine): number {
    const lane = LANES.find((one) => one === line);
    const size = lane === undefined ? null : this.#shard.get(CONNECTIONS).lane(lane)?.size;
    return Math.min(size ?? JOBS_PER_EXECUTOR, JOBS_PER_EXECUTOR);
  }
}

/** How many jobs of a pushed or consumed queue an executor could claim now: never too few. */
export function demandOfQueue(parts: Parts, queue: KnownQueue, now: number): number {
  // While its share of the lane's connections is full a queue owes no bell: the step that gives one back rings.
  const hold = holdOf(parts, queue.settings, now);
  const room = Math.max(0, Math.min(holdRoom(hold, now), connectionRoom(connectionShares(parts, queue))));
  return room === 0 ? 0 : Math.min(jobsToClaim(parts, queue, now), room);
}

/** A queue that nothing limits is asked for nothing but its count. */
function jobsToClaim(parts: Parts, queue: KnownQueue, now: number): number {
  const { concurrency, rate, paused } = queue.settings;
  const unlimited = concurrency === null && rate === null && !paused;
  return unlimited ? readyJobs(parts, queue.ref, now) : claimable(parts, queue, now);
}

export const DEMAND = new Part("demand", (shard) => new DemandBook(shard));
