import { MAX_CHECKPOINT_BYTES, MAX_PAYLOAD_BYTES } from "../../../contract/limits.ts";
import { utf8Bytes } from "../../../contract/primitives.ts";
import type { ServiceDemand } from "../../../contract/rpc/service.ts";
import {
  type ClaimedJob,
  type ClaimRequest,
  FIRST_PUSH_TYPES,
  type WorkItem,
  type WorkRequest,
} from "../../../contract/rpc.ts";
import { decide, type Grant, type PartitionOffer, type QueueOffer, type SharedRoom } from "../../../domain/claim.ts";
import { EVEN_SHARE, type FairShare } from "../../../domain/fairness.ts";
import { MAX_ATTEMPTS_BYTES } from "../../../domain/job/attempts.ts";
import type { Job } from "../../../domain/job/job.ts";
import { limitsKeys } from "../../../domain/queue.ts";
import { slotOf } from "../../../domain/slots.ts";
import { isPushed, ROOMS, type Room, roomOf } from "../../../domain/target.ts";
import { queuesWithReady, readyPartitions } from "../jobs/counts.ts";
import type { StartedJob } from "../jobs/job-change.ts";
import { BEGUN, deliveryOf, type ItemRow, type JobRow, toJob } from "../jobs/job-row.ts";
import { EACH_JOB, JOBS, type ReadyJob } from "../jobs/job-store.ts";
import { LARGE_PAYLOADS } from "../jobs/large-payloads.ts";
import { LeaseTags, makeNonce } from "../jobs/lease-tag.ts";
import { METRICS } from "../jobs/metrics.ts";
import { EACH_PACK } from "../jobs/packs/packs.ts";
import { unpackReadable } from "../jobs/packs/unpack.ts";
import { ANY_PROGRESS, PROGRESS } from "../jobs/progress-store.ts";
import type { Returning, StartedRow } from "../jobs/state-store.ts";
import { start } from "../jobs/transition.ts";
import { Part } from "../kernel/part.ts";
import { QUARANTINE, type Rows, walk } from "../kernel/quarantine.ts";
import type { Step } from "../kernel/step.ts";
import { NAMESPACES } from "../namespaces/namespace-store.ts";
import type { KnownQueue } from "../queues/known-queue.ts";
import { EACH_QUEUE, QUEUES } from "../queues/queue-store.ts";
import { CONNECTIONS, connectionShares, holdsConnections } from "./connections.ts";
import { sendToGate, touchGate } from "./gates.ts";
import { holdOf, holdRoom, noteProbe, serviceKey } from "./holds.ts";
import { keyRoom, noteStarts, partitionRoom } from "./limits.ts";
import { type ServiceQueueOffer, ServiceRoom } from "./service-room.ts";

/** An executor ends an attempt itself when its timeout is over: this is the time its report may take to arrive. */
const PUSH_GRACE_MS = 2_000;

/**
 * A claim has to fit in one RPC (32 MiB), where one character beyond Latin-1 makes a text take two bytes a character:
 * so at most half of it is taken, less some 3 MB for the keys, tags, errors and last attempts of a hundred jobs. As many of the largest as have room there fit without looking, and any number of those
 * that are not large.
 */
const CLAIM_BYTES = 13 * 1024 * 1024;
/** A claimed job says how its last attempts went, the one that begins among them; the others are told to who asks for them. */
const ATTEMPTS_TOLD = 2;

/** Jobs whose concurrency key is full are passed over and sent back to their gate: this often in one claim at most. */
const MAX_ROUNDS = 4;

/** Whose share of claims of several queues comes next. Held in memory alone: after a restart everybody starts even. */
export const FAIR_SHARE = new Part(
  "fair share",
  (): { next: FairShare } => ({ next: EVEN_SHARE }),
  (base, step) => {
    const own = { next: base.next };
    step.onCommit(() => {
      base.next = own.next;
    });
    return own;
  },
);

/** What a processor is given, and of which services it would be given more if it came with permits. */
interface LaneClaim {
  items: WorkItem[];
  services: ServiceDemand[];
}

/** The processor's claim: jobs of every pushed queue of a lane, as far as its room and every limit allow. */
export function claimForLane(step: Step, request: WorkRequest): LaneClaim {
  const items: WorkItem[] = [];
  const services = new ServiceRoom(request.services);
  const { leaseMs, worker } = request;
  if (request.connections !== undefined) step.get(CONNECTIONS).learn(request.lane, request.connections);
  const space = spaceOf({ bytes: request.bytes });
  const tags = new LeaseTags();
  for (const room of ROOMS) {
    if (request.room[room] <= 0) continue;
    const limits: StartLimits = {
      room: request.room[room],
      leaseMs,
      graceMs: PUSH_GRACE_MS,
      worker,
      begun: BEGUN.yes,
      returning: "item",
      space,
      services: room === "http" ? services : null,
    };
    const started = startSome<ItemRow>(step, () => readyQueuesOf(step, request, room), limits);
    const each = ({ row, queue }: Started<ItemRow>) => void items.push(toItem(row, queue, tags));
    walk(step, EACH_STARTED, { rows: started, each });
  }
  for (const service of services.demand.keys()) noteProbe(step, service, step.now);
  return { items: withCheckpoints(step, items), services: [...services.demand.values()] };
}

function withCheckpoints(step: Step, items: WorkItem[]): WorkItem[] {
  const checkpoints = checkpointsOf(step, items);
  if (checkpoints.size === 0) return items;
  return items.map((item) => ({ ...item, checkpoint: checkpoints.get(item.id) ?? null }));
}

/**
 * The queues of a lane that have something to start which the executor can run, and which takes this room: those alone are looked at,
 * of all that the shard knows.
 */
function readyQueuesOf(step: Step, { lane, types = FIRST_PUSH_TYPES }: WorkRequest, room: Room): KnownQueue[] {
  const queues = step.get(QUEUES);
  return queuesWithReady(step)
    .map((ref) => queues.get(ref))
    .filter(
      ({ settings: { lane: own, target } }) =>
        own === lane && isPushed(target) && roomOf(target) === room && types.includes(target.type),
    )
    .filter(({ settings }) => !step.get(NAMESPACES).isGone(settings.namespace));
}

/** A claim through the pull door, by a pull worker or a consumer: jobs of one queue. */
export function claimFromQueue(step: Step, request: ClaimRequest): ClaimedJob[] {
  const queue = step.get(QUEUES).find(request.namespace, request.queue);
  if (queue === null || isPushed(queue.settings.target)) return [];
  if (step.get(NAMESPACES).isGone(request.namespace)) return [];
  const metrics = step.get(METRICS);
  step.onCommit(() => metrics.claimed(queue.ref, step.now));
  const { leaseMs, worker, max: room, begins = false } = request;
  const begun = begins ? BEGUN.not : BEGUN.unsaid;
  const space = spaceOf(request);
  const limits: StartLimits = { room, leaseMs, graceMs: 0, worker, begun, returning: "row", space, services: null };
  const started = startSome<JobRow>(step, () => [queue], limits);
  const made: Job[] = [];
  walk(step, EACH_STARTED, { rows: started, each: ({ row }) => void made.push(toJob(row, queue.settings)) });
  if (!request.allAttempts) for (const job of made) job.attempts = job.attempts.slice(-ATTEMPTS_TOLD);
  const jobs = step.get(ANY_PROGRESS).any ? step.get(PROGRESS).tellAll(made) : made;
  const checkpoints = checkpointsOf(step, jobs);
  const tags = new LeaseTags();
  const leases = new Map(started.map(({ row }) => [row.id, tags.lease(row)]));
  return jobs.map((job) => ({
    job,
    lease: leases.get(job.id) ?? "",
    checkpoint: checkpoints.get(job.id) ?? null,
  }));
}

const NO_CHECKPOINTS: ReadonlyMap<string, string> = new Map();

/** The checkpoints of those jobs that have one, by job id. */
function checkpointsOf(step: Step, jobs: readonly { id: string }[]): ReadonlyMap<string, string> {
  if (!step.get(ANY_PROGRESS).any) return NO_CHECKPOINTS;
  return step.get(PROGRESS).checkpoints(jobs.map(({ id }) => id));
}

interface StartLimits {
  room: number;
  leaseMs: number | null;
  graceMs: number;
  worker: string | null;
  /** A value of `BEGUN`. */
  begun: number;
  returning: Returning;
  space: Space;
  /** Null: no job of a service starts. */
  services: ServiceRoom | null;
}

/** What is left of the answer, in bytes of UTF-8: shared by all that goes into it. */
interface Space {
  bytes: number;
  /** All attempts of each job go into it. */
  allAttempts: boolean;
}

function spaceOf({ allAttempts = false, bytes }: { allAttempts?: boolean; bytes?: number | undefined }): Space {
  return { bytes: Math.min(CLAIM_BYTES, bytes ?? CLAIM_BYTES), allAttempts };
}

interface Started<Row> {
  row: Row;
  queue: KnownQueue;
}

const EACH_STARTED = {
  kind: EACH_JOB.kind,
  keyOf: ({ row }) => row.id,
} as const satisfies Rows<{ row: { id: string } }>;

/** `queues` are asked for in each round: what a round puts off, or cannot read, may open jobs of others. */
function startSome<Row extends StartedRow>(
  step: Step,
  queues: () => KnownQueue[],
  limits: StartLimits,
): Started<Row>[] {
  const started: Started<Row>[] = [];
  const lease = makeNonce(() => step.random());
  const share = step.get(FAIR_SHARE);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    step.runDeferred();
    const passedOver = passedOverNow(step);
    const room = limits.room - started.length;
    const offered = new Map<string, StartedJob>();
    const offers: ServiceQueueOffer[] = [];
    const offer = (queue: KnownQueue) => {
      const made = queue.settings.paused ? null : queueOffer(step, queue, { room, offered, services: limits.services });
      if (made !== null) offers.push(made);
    };
    walk(step, EACH_QUEUE, { rows: queues(), each: offer });
    const left = room - (limits.services?.plan(offers, room, share.next) ?? 0);
    const decision = decide(
      offers.map(({ offer }) => offer),
      left,
      share.next,
    );
    share.next = decision.fairShare;
    for (const { queue, ids } of fitting(step, decision.grants, limits.space)) {
      started.push(...startGranted<Row>(step, queue, { ids, offered, lease, limits }));
    }
    for (const { queue, ids } of decision.gated) sendBack(step, queue, { ids, offered });
    const isOther = decision.gated.length > 0 || passedOverNow(step) > passedOver;
    if (!isOther || started.length >= limits.room) break;
  }
  return started;
}

/** What a claim finds that it cannot read is passed over by its next round, and those behind it may go. */
function passedOverNow(step: Step): number {
  const quarantine = step.get(QUARANTINE);
  return quarantine.count(EACH_JOB.kind, step.now) + quarantine.count(EACH_PACK.kind, step.now);
}

function startGranted<Row extends StartedRow>(
  step: Step,
  queue: KnownQueue,
  granted: { ids: string[]; offered: Map<string, StartedJob>; lease: string; limits: StartLimits },
): Started<Row>[] {
  const { ids, offered, lease, limits } = granted;
  const countsTowardLimit = queue.settings.concurrency === null ? 0 : 1;
  const { leaseMs, graceMs, worker, begun, returning } = limits;
  const as = { now: step.now, leaseMs, graceMs, lease, worker, countsTowardLimit, begun } as const;
  const jobs = ids.flatMap((id) => offered.get(id) ?? []);
  const rows = start<Row>(step, queue.ref, { jobs, as, returning });
  if (holdsConnections(queue.settings)) {
    const connections = step.get(CONNECTIONS);
    for (const { id } of rows) connections.take(id, queue.settings);
  }
  const service = limits.services === null ? null : serviceKey(queue.settings);
  if (service !== null) limits.services?.take(service, rows.length);
  if (queue.settings.rate !== null) {
    const inPartition = Map.groupBy(rows, ({ id }) => offered.get(id)?.partition ?? 0);
    for (const [partition, starts] of inPartition) noteStarts(step, queue, { partition, starts: starts.length });
  }
  const metrics = step.get(METRICS);
  step.onCommit(() => metrics.add(queue.ref, { counter: "started", jobs: rows.length }, step.now));
  // An UPDATE returns its rows in no promised order.
  const order = new Map(ids.map((id, i) => [id, i]));
  rows.sort((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0));
  return rows.map((row) => ({ row, queue }));
}

/** Jobs that stood open though their key is full: its limit has become lower. */
function sendBack(
  step: Step,
  queue: KnownQueue,
  { ids, offered }: { ids: string[]; offered: Map<string, StartedJob> },
): void {
  sendToGate(step, queue.ref, ids);
  for (const id of ids) {
    const job = offered.get(id);
    if (job === undefined || job.concurrency_key === null) continue;
    touchGate(step, { slot: job.slot, queue: queue.ref, key: job.concurrency_key }, 0);
  }
}

/** The granted jobs, as many as the answer still has space for. The rest stay ready. */
function fitting(step: Step, grants: Grant<KnownQueue>[], space: Space): Grant<KnownQueue>[] {
  for (const { queue, ids } of grants) if (ids.length > 0) space.bytes -= targetBytes(queue);
  const ids = grants.flatMap((granted) => granted.ids);
  const checkpoints = checkpointsOf(
    step,
    ids.map((id) => ({ id })),
  );
  if (!step.get(LARGE_PAYLOADS).any && checkpoints.size === 0 && !space.allAttempts) return grants;
  const attempts = space.allAttempts ? MAX_ATTEMPTS_BYTES : 0;
  const most = ids.length * (MAX_PAYLOAD_BYTES + attempts) + checkpoints.size * MAX_CHECKPOINT_BYTES;
  if (most <= space.bytes) {
    space.bytes -= most;
    return grants;
  }
  const texts = step.get(JOBS).textBytes(ids, space);
  const fits = (id: string) => {
    const bytes = (texts.get(id) ?? 0) + utf8Bytes(checkpoints.get(id) ?? "");
    if (bytes > space.bytes) return false;
    space.bytes -= bytes;
    return true;
  };
  return grants.map(({ queue, ids }) => ({ queue, ids: ids.filter(fits) }));
}

/** An answer has the target of a queue once, however many of its jobs: most have no headers, and take next to nothing. */
function targetBytes({ settings: { target } }: KnownQueue): number {
  return target.type === "http" && Object.keys(target.headers).length > 0 ? JSON.stringify(target).length : 0;
}

/** What a queue offers. Of one that may have no more connections, or whose service is held, no job is looked at, however many it has. */
function queueOffer(
  step: Step,
  queue: KnownQueue,
  { room, offered, services }: { room: number; offered: Map<string, StartedJob>; services: ServiceRoom | null },
): ServiceQueueOffer | null {
  const shared = connectionShares(step, queue).map(
    ({ name, inUse, most }): SharedRoom => ({ name, room: most - inUse }),
  );
  const most = Math.min(room, ...shared.map((each) => each.room));
  const service = serviceKey(queue.settings);
  if (service === null || services === null) {
    return most <= 0 ? null : { offer: offerOf(step, queue, { room: most, offered, shared }), asking: null };
  }
  const more = services.isAsked(service) ? 0 : holdRoom(holdOf(step, queue.settings, step.now), step.now);
  const ofService = Math.min(most, services.left(service) + more);
  if (ofService <= 0) return null;
  return services.offered(offerOf(step, queue, { room: ofService, offered, shared }), service, more);
}

function offerOf(
  step: Step,
  queue: KnownQueue,
  { room, offered, shared }: { room: number; offered: Map<string, StartedJob>; shared: readonly SharedRoom[] },
): QueueOffer<KnownQueue> {
  const keyRooms = new Map<string, number>();
  const partitions = readyPartitions(step, queue.ref).map((partition): PartitionOffer => {
    const free = partitionRoom(step, queue, { partition, now: step.now });
    const ready = free > 0 ? readyOf(step, { queue: queue.ref, partition }, Math.min(free, room)) : [];
    const keys = limitsKeys(queue.settings) ? step.get(JOBS).concurrencyKeys(ready.map(({ id }) => id)) : NO_KEYS;
    const slot = slotOf(queue.settings.namespace, queue.settings.name, partition);
    for (const { id, place } of ready) {
      const job: StartedJob = { id, slot, partition, concurrency_key: keys.get(id) ?? null };
      offered.set(id, place === undefined ? job : { ...job, place });
    }
    for (const key of keys.values()) {
      if (!keyRooms.has(key)) keyRooms.set(key, keyRoom(step, { slot, queue: queue.ref, key }, step.now));
    }
    return { room: free, ready: ready.map(({ id, rank }) => ({ id, rank, key: keys.get(id) ?? null })) };
  });
  const { namespace, name, weight } = queue.settings;
  return { queue, namespace, name, weight, partitions, keyRoom: keyRooms, shared };
}

/** The best ready jobs of a partition, but for those that are set aside. */
function readyOf(step: Step, { queue, partition }: { queue: number; partition: number }, limit: number) {
  const quarantine = step.get(QUARANTINE);
  const passedOver = quarantine.count(EACH_JOB.kind, step.now);
  const ready = step.get(JOBS).ready({ queue, partition, now: step.now }, limit + passedOver);
  if (passedOver > 0) leavePacks(step, ready);
  return ready.filter(({ id }) => quarantine.enters({ kind: EACH_JOB.kind, key: id }, step.now)).slice(0, limit);
}

/** Jobs of packs start in their order: of those that are passed over each gets a row of its own, so that the ones behind it may go. */
function leavePacks(step: Step, ready: readonly ReadyJob[]): void {
  const quarantine = step.get(QUARANTINE);
  for (const { id, place } of ready) {
    if (place !== undefined && quarantine.holds(EACH_JOB.kind, id, step.now)) unpackReadable(step, place, id);
  }
}

const NO_KEYS = new Map<string, string>();

function toItem(row: ItemRow, { settings }: KnownQueue, tags: LeaseTags): WorkItem {
  if (!isPushed(settings.target))
    throw new Error(`${row.id} of a ${settings.target.type} queue was claimed for a lane`);
  return {
    id: row.id,
    namespace: settings.namespace,
    queue: settings.name,
    attempt: row.attempt,
    delivery: deliveryOf(row),
    lease: tags.lease(row),
    payload: row.payload,
    timeoutMs: row.timeout_ms,
    target: settings.target,
    checkpoint: null,
    traceparent: row.traceparent,
    ...(row.ordering_key === null || settings.target.type !== "service" ? {} : { orderingKey: row.ordering_key }),
  };
}
