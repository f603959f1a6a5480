import type { Segments } from "./segments.ts";

/** What is kept in memory of packs. All of it is immutable: a step that changes a pack makes another head of it. */

/** Jobs that one claim has started and of which some still run. */
export interface OpenSlice {
  readonly first: number;
  readonly n: number;
  readonly nonce: string;
  /** A value of `BEGUN`. */
  readonly begun: number;
  /** Epoch ms: when its leases or its attempts end. */
  readonly dueAt: number;
  /** Places of those that have succeeded. */
  readonly done: ReadonlySet<number>;
  /** What their results take, in bytes. */
  readonly bytes: number;
}

/** A pack: where its jobs lie, and how far they are. */
export interface PackHead {
  readonly pack: number;
  readonly slot: number;
  readonly queue: number;
  readonly partition: number;
  readonly priority: number;
  readonly timeoutMs: number;
  readonly n: number;
  /** See `packs.bytes`. */
  readonly bytes: number;
  readonly minId: string;
  readonly maxId: string;
  readonly segments: Segments;
  /** The spec of all of its jobs; null where each has its own. */
  readonly spec: string | null;
  /** Places of jobs that are rows by now. */
  readonly gone: ReadonlySet<number>;
  /** Jobs from this place on have not been claimed. */
  readonly next: number;
  /** In the order of their places. */
  readonly slices: readonly OpenSlice[];
  /** Jobs that wait, run, and have succeeded: those that are gone count nowhere. */
  readonly waiting: number;
  readonly running: number;
  readonly done: number;
  /** Since when it has had jobs that have succeeded beside others that have not, epoch ms; null while that is not so. */
  readonly mixedSince: number | null;
  /** When the last success was reported, epoch ms; null before the first. */
  readonly lastDoneAt: number | null;
  /** The log names it: all of its jobs are final. */
  readonly logged: boolean;
}

/** What most packs have none of. A shard has a hundred thousand packs: each by itself would have an empty set and list of its own. */
export const NO_PLACES: ReadonlySet<number> = new Set();
export const NO_SLICES: readonly OpenSlice[] = [];

/** A job in a pack. */
export interface PackPlace {
  readonly head: PackHead;
  readonly at: number;
}

/** How many jobs of a pack are not final. */
export function liveOf({ waiting, running }: PackHead): number {
  return waiting + running;
}

/** The open slice of a job that runs; null of one that does not. */
export function sliceAt({ slices, gone }: PackHead, at: number): OpenSlice | null {
  const slice = slices.find(({ first, n }) => first <= at && at < first + n);
  return slice === undefined || slice.done.has(at) || gone.has(at) ? null : slice;
}

/** What has become of a job that is not gone. */
export function stateAt(head: PackHead, at: number): "queued" | "running" | "succeeded" {
  if (at >= head.next) return "queued";
  return sliceAt(head, at) === null ? "succeeded" : "running";
}

/** When a job was accepted, its sequence number and its rank. */
export function acceptedAt({ segments, pack }: PackHead, at: number): { createdAt: number; seq: number; rank: number } {
  let from = 0;
  for (const [jobs, createdAt, seq, rank] of segments) {
    if (at < from + jobs) return { createdAt, seq: seq + at - from, rank: rank + at - from };
    from += jobs;
  }
  throw new Error(`pack ${pack} has no place ${at}`);
}

/** The place of the next job that can be claimed; null when none waits. */
export function nextWaiting({ n, next, gone, waiting }: PackHead): number | null {
  if (waiting === 0) return null;
  for (let at = next; at < n; at++) if (!gone.has(at)) return at;
  return null;
}

/** Places of jobs that run, of one slice. */
export function* openPlaces({ gone }: Pick<PackHead, "gone">, { first, n, done }: OpenSlice): Generator<number, void> {
  for (let at = first; at < first + n; at++) if (!done.has(at) && !gone.has(at)) yield at;
}
