import { MAX_CHECKPOINT_BYTES, MAX_PAYLOAD_BYTES } from "../../../contract/limits.ts";
import type { ClaimedJob, ClaimRequest, WorkItem, WorkRequest } from "../../../contract/rpc.ts";
import { decide, type Grant, type PartitionOffer, type QueueOffer } from "../../../domain/claim.ts";
import { formatLease } from "../../../domain/lease.ts";
import { isPushed, limitsKeys } from "../../../domain/queue.ts";
import { withStarts } from "../../../domain/rate.ts";
import type { StartedRow } from "../jobs/job-store.ts";
import type { KnownQueue } from "../queues/queue-store.ts";
import { type JobRow, ROW_COLUMNS, toJob } from "../rows.ts";
import type { Turn } from "../turn.ts";
import { keyRoom, partitionRoom, rateShare } from "./limits.ts";

/** An executor ends an attempt itself when its timeout is over: this is the time its report may take to arrive. */
const PUSH_GRACE_MS = 2_000;

/**
 * A claim has to fit in one RPC (32 MiB), where one character beyond Latin-1 makes a text take two bytes a character:
 * so at most half of it is taken. As many of the largest as have room there fit without looking, and any number of those
 * that are not large.
 */
const CLAIM_BYTES = 14 * 1024 * 1024;
/** A hundred times this, at three bytes a character, is a claim. */
export const LARGE_CHARACTERS = 48_000;

/** Jobs whose concurrency key is full are passed over and sent back to their gate: this often in one claim at most. */
const MAX_ROUNDS = 4;

/** The processor's claim: jobs of every pushed queue of a lane, as far as its room and every limit allow. */
export function claimForLane(turn: Turn, request: WorkRequest): WorkItem[] {
  const items: WorkItem[] = [];
  const space = { bytes: CLAIM_BYTES };
  for (const type of ["handler", "http"] as const) {
    const room = request.room[type];
    if (room <= 0) continue;
    const queues = turn.stores.queues
      .all()
      .filter(({ settings }) => settings.lane === request.lane && settings.target.type === type);
    const want = { ...request, room, graceMs: PUSH_GRACE_MS, columns: ITEM_COLUMNS, space };
    for (const { row, queue } of startSome<ItemRow>(turn, queues, want)) items.push(toItem(row, queue));
  }
  const checkpoints = turn.stores.progress.checkpoints(items.map(({ id }) => id));
  if (checkpoints.size === 0) return items;
  return items.map((item) => ({ ...item, checkpoint: checkpoints.get(item.id) ?? null }));
}

/** A claim through the pull door, by a pull worker or a consumer: jobs of one queue. */
export function claimFromQueue(turn: Turn, request: ClaimRequest): ClaimedJob[] {
  const queue = turn.stores.queues.find(request.namespace, request.queue);
  if (queue === null || isPushed(queue.settings.target)) return [];
  turn.onCommit(() => turn.stores.metrics.claimed(queue.ref, turn.now));
  const want = { ...request, room: request.max, graceMs: 0, columns: ROW_COLUMNS, space: { bytes: CLAIM_BYTES } };
  const started = startSome<JobRow>(turn, [queue], want);
  const jobs = turn.stores.progress.tellAll(started.map(({ row }) => toJob(row, queue.settings)));
  const checkpoints = turn.stores.progress.checkpoints(jobs.map(({ id }) => id));
  const leases = new Map(started.map(({ row }) => [row.id, leaseOf(row)]));
  return jobs.map((job) => ({
    job,
    lease: leases.get(job.id) ?? "",
    checkpoint: checkpoints.get(job.id) ?? null,
  }));
}

interface Want {
  room: number;
  leaseMs: number | null;
  graceMs: number;
  worker: string | null;
  /** Of the row, as the caller hands them out. */
  columns: string;
  /** What is left of the answer: shared by all that goes into it. */
  space: { bytes: number };
}

interface Started<Row> {
  row: Row;
  queue: KnownQueue;
}

/** Jobs and what they count under, as offered. */
interface Offered {
  partition: number;
  key: string | null;
}

function startSome<Row extends StartedRow>(turn: Turn, queues: KnownQueue[], want: Want): Started<Row>[] {
  const started: Started<Row>[] = [];
  const lease = nonce(turn);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    turn.settleGates();
    const room = want.room - started.length;
    const offered = new Map<string, Offered>();
    const offers = queues
      .filter(({ ref, settings }) => !settings.paused && turn.readyOf(ref) > 0)
      .map((queue) => offerOf(turn, queue, { room, offered }));
    const decision = decide(offers, room, turn.stores.turns.of);
    turn.stores.turns.of = decision.turns;
    for (const { queue, ids } of fitting(turn, decision.grants, want.space)) {
      started.push(...start<Row>(turn, queue, { ids, offered, lease, want }));
    }
    for (const { queue, ids } of decision.shut) sendBack(turn, queue, ids);
    if (decision.shut.length === 0 || started.length >= want.room) break;
  }
  return started;
}

function start<Row extends StartedRow>(
  turn: Turn,
  queue: KnownQueue,
  granted: { ids: string[]; offered: Map<string, Offered>; lease: string; want: Want },
): Started<Row>[] {
  const { ids, offered, lease, want } = granted;
  const held = queue.settings.concurrency === null ? 0 : 1;
  const { leaseMs, graceMs, worker } = want;
  const rows = turn.stores.jobs.start<Row>(ids, { now: turn.now, leaseMs, graceMs, lease, worker, held }, want.columns);
  const byPartition = new Map<number, number>();
  for (const row of rows) {
    turn.wake(row.due_at);
    turn.moved(queue.ref, "ready", "running");
    const { partition, key } = offered.get(row.id) ?? { partition: 0, key: null };
    byPartition.set(partition, (byPartition.get(partition) ?? 0) + 1);
    turn.touchGate(queue.ref, key, 1);
  }
  for (const [partition, starts] of byPartition) noteStarts(turn, queue, { partition, starts });
  turn.onCommit(() => turn.stores.metrics.add(queue.ref, "started", rows.length, turn.now));
  // An UPDATE returns its rows in no promised order.
  const place = new Map(ids.map((id, i) => [id, i]));
  rows.sort((a, b) => (place.get(a.id) ?? 0) - (place.get(b.id) ?? 0));
  turn.tellAll("job.started", queue.ref, rows);
  return rows.map((row) => ({ row, queue }));
}

/** What has started counts under the rate, in the step that starts it. */
function noteStarts(turn: Turn, queue: KnownQueue, { partition, starts }: { partition: number; starts: number }): void {
  const rate = rateShare(queue, partition);
  if (rate === null) return;
  const { flow } = turn.stores;
  const log = withStarts(flow.rateLog(queue.ref, partition), rate, { starts, now: turn.now });
  flow.saveRateLog(queue.ref, partition, log);
}

/** Jobs that stood open though their key is full: its limit has become lower. */
function sendBack(turn: Turn, queue: KnownQueue, ids: string[]): void {
  turn.stores.flow.setGate(ids, true);
  for (const key of turn.stores.jobs.concurrencyKeys(ids).values()) turn.touchGate(queue.ref, key);
  for (const _ of ids) turn.moved(queue.ref, "ready", "blocked");
}

/** The granted jobs, as many as the answer still has space for. The rest stay ready. */
function fitting(turn: Turn, grants: Grant<KnownQueue>[], space: { bytes: number }): Grant<KnownQueue>[] {
  const { jobs, meta, progress } = turn.stores;
  const ids = grants.flatMap((granted) => granted.ids);
  const checkpoints = progress.checkpoints(ids);
  if (!meta.hasLarge() && checkpoints.size === 0) return grants;
  const most = ids.length * MAX_PAYLOAD_BYTES + checkpoints.size * MAX_CHECKPOINT_BYTES;
  if (most <= space.bytes) {
    space.bytes -= most;
    return grants;
  }
  const payloads = jobs.payloadBytes(ids);
  const fits = (id: string) => {
    const bytes = (payloads.get(id) ?? 0) + (checkpoints.get(id)?.length ?? 0);
    if (bytes > space.bytes) return false;
    space.bytes -= bytes;
    return true;
  };
  return grants.map(({ queue, ids }) => ({ queue, ids: ids.filter(fits) }));
}

function offerOf(
  turn: Turn,
  queue: KnownQueue,
  { room, offered }: { room: number; offered: Map<string, Offered> },
): QueueOffer<KnownQueue> {
  const { jobs } = turn.stores;
  const keyRooms = new Map<string, number>();
  const partitions = jobs.readyPartitions(queue.ref).map((partition): PartitionOffer => {
    const free = partitionRoom(turn.stores, queue, partition, turn.now);
    const ready = free > 0 ? jobs.ready(queue.ref, partition, Math.min(free, room)) : [];
    const keys = limitsKeys(queue.settings) ? jobs.concurrencyKeys(ready.map(({ id }) => id)) : NO_KEYS;
    for (const { id } of ready) offered.set(id, { partition, key: keys.get(id) ?? null });
    for (const key of keys.values()) {
      if (!keyRooms.has(key)) keyRooms.set(key, keyRoom(turn.stores, queue, key, turn.now));
    }
    return { room: free, ready: ready.map(({ id, rank }) => ({ id, rank, key: keys.get(id) ?? null })) };
  });
  const { namespace, name, weight } = queue.settings;
  return { queue, namespace, name, weight, partitions, keyRoom: keyRooms };
}

const NO_KEYS = new Map<string, string>();

/** What an executor needs of a row: reading all of it would cost the most common call half as much again. */
type ItemRow = Pick<JobRow, "id" | "attempt" | "lease" | "payload" | "timeout_ms" | "due_at"> & StartedRow;
const ITEM_COLUMNS = "id, attempt, lease, payload, timeout_ms, due_at";

function toItem(row: ItemRow, { settings }: KnownQueue): WorkItem {
  if (!isPushed(settings.target))
    throw new Error(`${row.id} of a ${settings.target.type} queue was claimed for a lane`);
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
