import { utf8Bytes } from "../../../contract/primitives.ts";
import { dueAt } from "../../../domain/due.ts";
import { fingerprintOf } from "../../../domain/fingerprint.ts";
import type { JobError } from "../../../domain/job/job.ts";
import { type JobEvent, nextState, type StateAfter } from "../../../domain/job/transition.ts";
import { limitsKeys } from "../../../domain/queue.ts";
import type { Parts } from "../kernel/part.ts";
import { QUARANTINE } from "../kernel/quarantine.ts";
import type { Step } from "../kernel/step.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { countChange, countMove, type Place, standingOf } from "./counts.ts";
import {
  type JobChange,
  type JobKey,
  type JobListener,
  LISTENERS,
  type SingleEvent,
  type StartedJob,
  type SucceededJob,
} from "./job-change.ts";
import { BEGUN, BLOCKS, type JobHead, type JobRow } from "./job-row.ts";
import { EACH_JOB, JOBS } from "./job-store.ts";
import { acceptPacked, packable } from "./packs/accept.ts";
import { startPacked, succeedPacked } from "./packs/claim.ts";
import { closeAtEnd } from "./packs/close-packs.ts";
import type { PackHead } from "./packs/pack-head.ts";
import { PACKS } from "./packs/packs.ts";
import { unpack } from "./packs/unpack.ts";
import { type GoneRow, JOB_TABLE } from "./row-store.ts";
import { type NewRow, type Returning, STATES, type Start, type StartedRow, type Success } from "./state-store.ts";
import { countBytes, ROW_BYTES } from "./stored-size.ts";

/** What a transition may set beside the state. What hangs on the state follows by itself. */
export type Patch = Partial<
  Pick<
    JobHead,
    | "blocked"
    | "spent_before"
    | "lease"
    | "run_at"
    | "finished_at"
    | "expires_at"
    | "error"
    | "attempts"
    | "lease_ends_at"
    | "attempt"
    | "returned"
    | "returns"
  >
>;

/** The events that leave the job in place: it is discarded by `discardRow`. */
type Event = JobEvent<Exclude<SingleEvent, "discard">>;

/** Whether the graph has `event` for a job in this state. */
export function allows(row: Pick<JobHead, "state">, event: Event): boolean {
  return nextState(row.state, event) !== null;
}

/**
 * The one way in which the state of a single job changes: by an edge of the graph (`domain/job/transition.ts`). Version,
 * deadline and all that hangs on the state follow, and `set` lays other columns beside it; then those are told who act on
 * such a change. Throws when the graph has no such edge: whoever may ask for one in vain asks `allows` before.
 */
export function transition(step: Step, row: JobHead, { set, ...event }: Event & { set?: Patch }): JobHead {
  const state: StateAfter<Event["type"]> | null = nextState(row.state, event as Event);
  if (state === null) throw new Error(`${row.id} is ${row.state}: ${event.type} is no edge of the graph`);
  const to = written(step, row, { ...row, ...set, state });
  tellChange(step, { event: event.type, queue: row.queue, jobs: [to], from: row, to });
  return to;
}

/** Moves the end of the lease of a running job, which its worker has begun. Nothing else follows from it. */
export function extendLease(step: Step, row: JobHead, endsAt: number): JobHead {
  const begun = row.begun === BEGUN.handedOver ? row.begun : BEGUN.yes;
  return written(step, row, { ...row, lease_ends_at: endsAt, begun });
}

/**
 * Notes that the target of a running job has it now. Lease and attempt end with the timeout: an executor is given longer, to tell that it has
 * ended the attempt by then, and this one has nothing more to tell.
 */
export function handOver(step: Step, row: JobHead): JobHead {
  const endsAt = (row.attempt_at ?? step.now) + row.timeout_ms;
  return written(step, row, { ...row, lease_ends_at: endsAt, attempt_ends_at: endsAt, begun: BEGUN.handedOver });
}

function written(step: Step, row: JobHead, next: JobHead): JobHead {
  unpack(step, row.id);
  next.version = row.version + 1;
  next.due_at = dueAt({
    state: next.state,
    runAt: next.run_at,
    expiresAt: next.expires_at,
    leaseEndsAt: next.lease_ends_at,
    attemptEndsAt: next.attempt_ends_at,
  });
  if (next.state !== "running") next.counts_toward_limit = 0;
  if (next.state !== "queued") next.blocked &= ~BLOCKS.gate;
  else if (row.state !== "queued") next.blocked |= gateBit(step, row);
  if (next.state !== "failed") next.fingerprint = null;
  else if (row.state !== "failed") next.fingerprint = fingerprintOf(JSON.parse(next.error ?? "{}") as JobError);
  step.get(STATES).save(next);
  step.wakeAt(next.due_at);
  letGo(step, row);
  countChange(step, row, { before: standingOf(row), after: standingOf(next) });
  if (next.attempts !== row.attempts) countBytes(step, row.queue, utf8Bytes(next.attempts) - utf8Bytes(row.attempts));
  return next;
}

/** The job has come on: whatever was thrown over it is tried anew. */
function letGo(step: Step, { id }: { id: string }): void {
  step.get(QUARANTINE).releaseWith(step, { kind: EACH_JOB.kind, key: id });
}

/** The bit of the gate for a job that becomes queued: where its key is limited, it goes through when the gate is rebalanced. */
function gateBit(parts: Parts, { queue, concurrency_key: key }: Pick<JobHead, "queue" | "concurrency_key">): number {
  return key !== null && limitsKeys(parts.get(QUEUES).get(queue).settings) ? BLOCKS.gate : 0;
}

/** Writes new jobs of any queues. Answers the ids that were not there before: the others were submitted twice. */
export function accept(step: Step, rows: NewRow[]): Set<string> {
  const plain = packable(step, rows);
  const written = insert(step, rows, plain);
  const fresh = rows.filter(({ id }) => written.has(id));
  const packed = new Set(plain);
  for (const row of fresh) {
    step.wakeAt(row.due_at);
    if (!packed.has(row)) countChange(step, row, { before: null, after: standingOf(row) });
  }
  countPacked(
    step,
    fresh.filter((row) => packed.has(row)),
    { before: null, after: "ready" },
  );
  for (const [queue, jobs] of byQueue(fresh)) {
    countBytes(
      step,
      queue,
      sum(jobs, ({ payload }) => ROW_BYTES + NO_ATTEMPTS_BYTES + utf8Bytes(payload)),
    );
    tellChange(step, { event: "accept", queue, jobs });
  }
  return written;
}

/** Writes jobs that the shard does not have yet, `plain` ones into packs. Answers their ids. */
function insert(step: Step, rows: readonly NewRow[], plain: readonly NewRow[]): Set<string> {
  const packs = step.get(PACKS);
  const packed = new Set(plain);
  const written = step.get(STATES).insert(rows.filter((row) => !packed.has(row) && packs.find(row.id) === null));
  if (plain.length === 0) return written;
  const known = new Set(step.get(JOBS).existing(plain.map(({ id }) => id)));
  const fresh = plain.filter(({ id }) => !known.has(id) && !written.has(id) && written.add(id));
  closeAtEnd(step);
  acceptPacked(step, fresh);
  return written;
}

/** Counts jobs of packs, all of one partition together. */
function countPacked(
  step: Step,
  jobs: readonly Pick<JobHead, "id" | "queue" | "partition">[],
  { before, after }: { before: Place | null; after: Place | null },
): void {
  for (const ofPlace of Map.groupBy(jobs, ({ queue, partition }) => `${queue}/${partition}`).values()) {
    const [first] = ofPlace;
    if (first === undefined) continue;
    const { id, queue, partition } = first;
    countMove(step, { id, queue, partition, before, after, n: ofPlace.length, packed: true });
  }
}

/** Starts an attempt of each of `jobs` of one queue that is still ready. Answers what is asked for of each, in no promised order. */
export function start<Row extends StartedRow>(
  step: Step,
  queue: number,
  { jobs, as, returning }: { jobs: readonly StartedJob[]; as: Start; returning: Returning },
): Row[] {
  const places = jobs.flatMap(({ place }) => place ?? []);
  const others = places.length === 0 ? jobs : jobs.filter(({ place }) => place === undefined);
  const rows: Row[] = others.length === 0 ? [] : startRows(step, others, { as, returning });
  if (places.length > 0) {
    closeAtEnd(step);
    rows.push(...startPacked<Row>(step, places, { as, returning }));
  }
  const ids = new Set(rows.map(({ id }) => id));
  const started = jobs.filter(({ id }) => ids.has(id));
  for (const row of rows) {
    step.wakeAt(row.due_at);
    letGo(step, row);
  }
  for (const { id, partition, place } of started) {
    if (place === undefined) countMove(step, { id, queue, partition, before: "ready", after: "running" });
  }
  const packed = started.filter(({ place }) => place !== undefined).map((job) => ({ ...job, queue }));
  countPacked(step, packed, { before: "ready", after: "running" });
  if (started.length > 0) tellChange(step, { event: "claim", queue, jobs: started });
  return rows;
}

function startRows<Row extends StartedRow>(
  step: Step,
  jobs: readonly StartedJob[],
  { as, returning }: { as: Start; returning: Returning },
): Row[] {
  const ids = jobs.map(({ id }) => id);
  return step.get(STATES).start<Row>(ids, as, returning);
}

/** Records successes, each under the fence of its lease. Answers those that were recorded. See `StateStore.succeed`. */
export function succeed(step: Step, done: Success[], namespace: string | null): SucceededJob[] {
  const jobs = recordSuccesses(step, done, namespace);
  for (const job of jobs) {
    if (job.packed === undefined) countChange(step, job, { before: "running", after: null });
    letGo(step, job);
  }
  countPacked(
    step,
    jobs.filter(({ packed }) => packed),
    { before: "running", after: null },
  );
  const results = new Map(done.map(({ id, result }) => [id, result === null ? 0 : utf8Bytes(result)]));
  for (const [queue, ofQueue] of byQueue(jobs)) {
    countBytes(
      step,
      queue,
      sum(ofQueue, ({ id }) => results.get(id) ?? 0),
    );
    tellChange(step, { event: "succeed", queue, jobs: ofQueue });
  }
  return jobs;
}

function recordSuccesses(step: Step, done: Success[], namespace: string | null): SucceededJob[] {
  if (!step.get(PACKS).any) return step.get(STATES).succeed(done, step.now, namespace);
  closeAtEnd(step);
  const { jobs, others, large } = succeedPacked(step, done, namespace);
  for (const id of large) unpack(step, id);
  return others.length === 0 ? jobs : [...jobs, ...step.get(STATES).succeed(others, step.now, namespace)];
}

/** An empty list, as JSON. */
const NO_ATTEMPTS_BYTES = "[]".length;

function sum<Job>(jobs: readonly Job[], of: (job: Job) => number): number {
  return jobs.reduce((total, job) => total + of(job), 0);
}

/** Empties the row of a final job: the edge `discard` of the graph. `spec` is what stays of its spec. Throws when it is not final. */
export function discardRow(step: Step, row: JobHead, spec: string): void {
  if (nextState(row.state, { type: "discard" }) === null) {
    throw new Error(`${row.id} is ${row.state}: only a final job is discarded`);
  }
  unpack(step, row.id);
  const before = step.get(JOB_TABLE).sizeOf(row.id);
  step.get(STATES).discard(row, { spec, now: step.now });
  countBytes(step, row.queue, step.get(JOB_TABLE).sizeOf(row.id) - before);
  countChange(step, row, { before: standingOf(row), after: null });
}

/** Brings the row of a final job back that history alone still had. Nothing follows from it: it ended long ago. */
export function restoreRow(step: Step, row: JobRow): void {
  step.get(STATES).restore(row);
  countBytes(step, row.queue, step.get(JOB_TABLE).sizeOf(row.id));
  countChange(step, row, { before: null, after: standingOf(row) });
}

/** Deletes the rows of final jobs that history has, each unless it has another version by now. */
export function forgetRows(step: Step, jobs: readonly [id: string, version: number][]): void {
  countGone(step, step.get(STATES).forget(jobs));
}

/** Deletes a pack whose jobs are all final, and that history has. */
export function forgetPack(step: Step, head: PackHead): void {
  countBytes(step, head.queue, -step.get(PACKS).remove(head));
}

/** Deletes rows of jobs of a namespace that goes, and answers them: those that had not ended were cancelled before. */
export function removeRows(step: Step, ids: readonly string[]): GoneRow[] {
  for (const id of ids) unpack(step, id);
  const gone = step.get(JOBS).remove(ids);
  countGone(step, gone);
  return gone;
}

function countGone(step: Step, rows: readonly GoneRow[]): void {
  for (const row of rows) {
    letGo(step, row);
    countBytes(step, row.queue, -row.bytes);
    countChange(step, row, { before: standingOf(row), after: null });
  }
}

/** Takes one of the reasons away why a job waits (`BLOCKS`). Where its key is limited, it then stands at the gate. */
export function unblock(step: Step, row: JobHead, reason: number): void {
  const gate = row.state === "queued" ? gateBit(step, row) : 0;
  block(step, row, (row.blocked & ~(reason | BLOCKS.gate)) | gate);
}

/** What holds a job back from now on. */
export function block(step: Step, row: JobHead, blocked: number): void {
  unpack(step, row.id);
  step.get(JOB_TABLE).setBlocked(row.id, blocked);
  const after = { ...row, blocked };
  countChange(step, row, { before: standingOf(row), after: standingOf(after) });
  tellChange(step, { event: "blocks", queue: row.queue, jobs: [after] });
}

/** Jobs of one queue are the common case, and then nothing is sorted. */
function byQueue<Job extends { queue: number }>(jobs: readonly Job[]): Iterable<[queue: number, jobs: readonly Job[]]> {
  const [first] = jobs;
  if (first === undefined) return [];
  return jobs.every(({ queue }) => queue === first.queue)
    ? [[first.queue, jobs]]
    : Map.groupBy(jobs, ({ queue }) => queue);
}

/** Tells of a change those whom it concerns, and nobody else: a job without a key costs nothing of what keys need. */
function tellChange(step: Step, change: JobChange): void {
  for (const listener of step.get(LISTENERS).get(change.event) ?? []) {
    if (concerns(step, listener, change)) listener.onChange(step, change);
  }
}

function concerns(step: Parts, { key, whileAny }: JobListener, { jobs }: JobChange): boolean {
  if (whileAny !== undefined && !step.get(whileAny).any) return false;
  return key === undefined || anyHas(jobs, key);
}

function anyHas(jobs: readonly Partial<Pick<JobHead, JobKey>>[], key: JobKey): boolean {
  for (const job of jobs) if ((job[key] ?? null) !== null) return true;
  return false;
}
