import type { ClaimedJob, ClaimRequest, WorkItem, WorkRequest } from "../../contract/rpc.ts";
import { type Grant, grant, type PartitionOffer, type QueueOffer } from "../../domain/claim.ts";
import { formatLease } from "../../domain/lease.ts";
import { partitionShare } from "../../domain/queue.ts";
import type { StartedRow } from "./job-store.ts";
import type { KnownQueue } from "./queue-store.ts";
import { type JobRow, ROW_COLUMNS, toJob } from "./rows.ts";
import type { Stores, Turn } from "./turn.ts";

/** An executor ends an attempt itself when its timeout is over: this is the time its report may take to arrive. */
const PUSH_GRACE_MS = 2_000;

/**
 * A claim has to fit in one RPC (32 MiB), where one character beyond Latin-1 makes a text take two bytes a character:
 * so at most half of it is taken. That many of the largest payloads (256 KiB) fit without looking, and any number of
 * those that are not large.
 */
const CLAIM_BYTES = 14 * 1024 * 1024;
const SURELY_FITS = 50;
/** A hundred times this, at three bytes a character, is a claim. */
export const LARGE_CHARACTERS = 48_000;

/** Where in the round of queues the next claim of a lane begins. */
export type Cursors = Map<string, number>;

/** The processor's claim: jobs of every pushed queue of a lane, as far as its room and every limit allow. */
export function claimForLane(turn: Turn, request: WorkRequest, cursors: Cursors): WorkItem[] {
  const items: WorkItem[] = [];
  for (const type of ["handler", "http"] as const) {
    const room = request.room[type];
    if (room <= 0) continue;
    const queues = turn.stores.queues
      .all()
      .filter(({ settings }) => settings.lane === request.lane && settings.target.type === type);
    const key = `${request.lane}/${type}`;
    const want = { ...request, room, graceMs: PUSH_GRACE_MS, columns: ITEM_COLUMNS };
    const started = startSome<ItemRow>(turn, rotate(queues, cursors.get(key) ?? 0), want);
    cursors.set(key, (cursors.get(key) ?? 0) + 1);
    for (const { row, queue } of started) items.push(toItem(row, queue));
  }
  return items;
}

/** A pull worker's claim: jobs of one queue. */
export function claimFromQueue(turn: Turn, request: ClaimRequest): ClaimedJob[] {
  const queue = turn.stores.queues.find(request.namespace, request.queue);
  if (queue === null || queue.settings.target.type !== "pull") return [];
  turn.onCommit(() => turn.stores.metrics.claimed(queue.ref, turn.now));
  const want = { ...request, room: request.max, graceMs: 0, columns: ROW_COLUMNS };
  return startSome<JobRow>(turn, [queue], want).map(({ row }) => ({
    job: toJob(row, queue.settings),
    lease: leaseOf(row),
  }));
}

interface Want {
  room: number;
  leaseMs: number | null;
  graceMs: number;
  worker: string | null;
  /** Of the row, as the caller hands them out. */
  columns: string;
}

interface Started<Row> {
  row: Row;
  queue: KnownQueue;
}

function startSome<Row extends StartedRow>(turn: Turn, queues: KnownQueue[], want: Want): Started<Row>[] {
  const offers = queues
    .filter(({ ref, settings }) => !settings.paused && turn.readyOf(ref) > 0)
    .map((queue) => offerOf(turn, queue, want.room));
  const lease = nonce(turn);
  return fitting(turn, grant(offers, want.room)).flatMap(({ queue, ids }) => {
    const held = queue.settings.concurrency === null ? 0 : 1;
    const { leaseMs, graceMs, worker } = want;
    const rows = turn.stores.jobs.start<Row>(
      ids,
      { now: turn.now, leaseMs, graceMs, lease, worker, held },
      want.columns,
    );
    for (const row of rows) {
      turn.wake(row.due_at);
      turn.moved(queue.ref, "ready", "running");
    }
    turn.onCommit(() => turn.stores.metrics.add(queue.ref, "started", rows.length, turn.now));
    // An UPDATE returns its rows in no promised order.
    const place = new Map(ids.map((id, i) => [id, i]));
    return rows.sort((a, b) => (place.get(a.id) ?? 0) - (place.get(b.id) ?? 0)).map((row) => ({ row, queue }));
  });
}

/** The granted jobs, as many as one answer can carry. The rest stay ready. */
function fitting(turn: Turn, grants: Grant<KnownQueue>[]): Grant<KnownQueue>[] {
  const ids = grants.flatMap((granted) => granted.ids);
  if (ids.length <= SURELY_FITS || !turn.stores.meta.hasLarge()) return grants;
  const bytes = turn.stores.jobs.payloadBytes(ids);
  let left = CLAIM_BYTES;
  const fits = (id: string) => {
    left -= bytes.get(id) ?? 0;
    return left >= 0;
  };
  return grants.map(({ queue, ids }) => ({ queue, ids: ids.filter(fits) }));
}

function offerOf(turn: Turn, queue: KnownQueue, room: number): QueueOffer<KnownQueue> {
  const { jobs } = turn.stores;
  const partitions: PartitionOffer[] = jobs.readyPartitions(queue.ref).map((partition) => {
    const free = roomIn(turn.stores, queue, partition);
    return { room: free, ready: free > 0 ? jobs.ready(queue.ref, partition, Math.min(free, room)) : [] };
  });
  return { queue, room, partitions };
}

/** How many more jobs of a partition may run: its share of the queue's limit less those that run. */
export function roomIn(stores: Stores, queue: KnownQueue, partition: number): number {
  const { concurrency, partitions } = queue.settings;
  if (concurrency === null) return Number.POSITIVE_INFINITY;
  return partitionShare(concurrency, partitions, partition) - stores.jobs.held(queue.ref, partition);
}

/** What an executor needs of a row: reading all of it would cost the most common call half as much again. */
type ItemRow = Pick<JobRow, "id" | "attempt" | "lease" | "payload" | "timeout_ms" | "due_at"> & StartedRow;
const ITEM_COLUMNS = "id, attempt, lease, payload, timeout_ms, due_at";

function toItem(row: ItemRow, { settings }: KnownQueue): WorkItem {
  if (settings.target.type === "pull") throw new Error(`${row.id} of a pull queue was claimed for a lane`);
  return {
    id: row.id,
    namespace: settings.namespace,
    queue: settings.name,
    attempt: row.attempt,
    lease: leaseOf(row),
    payload: row.payload,
    timeoutMs: row.timeout_ms,
    target: settings.target,
  };
}

function leaseOf(row: Pick<JobRow, "id" | "attempt" | "lease">): string {
  return formatLease({ jobId: row.id, attempt: row.attempt, nonce: row.lease ?? "" });
}

/** 64 bits of chance: a lease cannot be guessed. One for each claim; job and attempt tell its leases apart. */
function nonce(turn: Turn): string {
  const word = () =>
    Math.floor(turn.random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0");
  return word() + word();
}

function rotate<T>(list: T[], by: number): T[] {
  const start = list.length === 0 ? 0 : by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}
