import { utf8Bytes } from "../../../contract/primitives.ts";
import { DEFAULT_QUEUE, implicitDefault } from "../../../contract/queue-settings.ts";
import type { NewJob, SpawnJob, Unfit } from "../../../contract/rpc.ts";
import { unfit } from "../../../contract/submission.ts";
import { slotOfJob } from "../../../domain/job-id.ts";
import { partitionOf, slotOf } from "../../../domain/slots.ts";
import { spawnJobId } from "../../../domain/spawn.ts";
import { OWNERSHIP } from "../kernel/ownership.ts";
import type { Step } from "../kernel/step.ts";
import { admissionOf } from "../lifecycle/admission.ts";
import { NAMESPACES } from "../namespaces/namespace-store.ts";
import type { KnownQueue } from "../queues/known-queue.ts";
import { QUEUES, takeSettings } from "../queues/queue-store.ts";

/** How long a worker waits before it reports again, when a queue is frozen for a change, milliseconds. */
const REPORT_AGAIN_MS = 250;

/** A job with its place and its id. `job.queue` means nothing yet: it is an index into a request. */
export interface Child {
  queue: KnownQueue;
  slot: number;
  /** The slot of the job whose success brings this one. */
  parentSlot: number;
  job: NewJob;
}

/** The job whose success brings others. `depth` is how many successes deep it was brought itself. They are of its trace. */
export interface Parent {
  id: string;
  namespace: string;
  depth: number;
  traceparent?: string;
}

export type SlotAssignment =
  | { type: "assigned"; children: Child[] }
  | { type: "refused"; index: number; queue: string; because: Unfit }
  /** The queue is being changed: where its jobs belong is about to be known. */
  | { type: "busy"; retryAfterMs: number };

/**
 * Gives jobs that `parent` brings their places, by the settings that this shard knows. They stay good until the jobs have
 * arrived: as long as one is on its way, the number of its queue's partitions does not change. See `hold`.
 */
export function assignSlots(step: Step, parent: Parent, jobs: SpawnJob[]): SlotAssignment {
  const children: Child[] = [];
  const depth = parent.depth + 1;
  const tooDeep = depth > step.get(NAMESPACES).limits(parent.namespace).spawnDepth;
  const parentSlot = slotOfJob(parent.id);
  const origin = {
    parent: parent.id,
    depth,
    ...(parent.traceparent === undefined ? {} : { traceparent: parent.traceparent }),
  };
  let shared: number | null = null;
  for (const [index, { queue: name, ...job }] of jobs.entries()) {
    const queue = queueOf(step, parent.namespace, name);
    const because = unfit({ queue: name, ...job }, queue?.settings ?? null) ?? (tooDeep ? "spawned-too-deep" : null);
    if (queue === null || because !== null) {
      return { type: "refused", index, queue: name, because: because ?? "queue-not-found" };
    }
    if (queue.frozenUntil > step.now) return { type: "busy", retryAfterMs: REPORT_AGAIN_MS };
    const { settings } = queue;
    // As a gateway places the jobs of one request: see `assignSlot` there.
    const divided = settings.concurrency !== null || settings.rate !== null || settings.maxBacklog !== null;
    shared ??= step.random();
    const partition = partitionOf(partitionKeysOf(job), settings.partitions, divided ? step.random() : shared);
    const slot = slotOf(settings.namespace, settings.name, partition);
    const id = spawnJobId({ parent: parent.id, index, at: step.now, slot });
    // A delay runs from the success on, however long the job is on its way.
    const runAt = job.delayMs === null ? job.runAt : step.now + job.delayMs;
    children.push({
      queue,
      slot,
      parentSlot,
      job: { ...job, id, queue: 0, partition, delayMs: null, runAt, createdAt: null, ...origin },
    });
  }
  const full = fullFor(step, parent.namespace, children);
  if (full !== null) return { type: "refused", queue: jobs[full.index]?.queue ?? "", ...full };
  return { type: "assigned", children };
}

const NO_ROOM = { queue: "backlog-full", namespace: "namespace-full", shard: "shard-full" } as const;

/** Why there is no room for jobs that a job brings, and for which; null when there is, and then they have it. */
function fullFor(step: Step, namespace: string, children: readonly Child[]): { index: number; because: Unfit } | null {
  const ownership = step.get(OWNERSHIP);
  const incoming = children.map(({ queue, slot, job }) => ({
    queue: ownership.owns(slot) ? queue : null,
    priority: job.priority,
    bytes: utf8Bytes(job.payload),
  }));
  const admission = admissionOf(step);
  const full = admission.refusalToBring(namespace, incoming);
  if (full !== null) return { index: full.at, because: NO_ROOM[full.scope] };
  admission.brought(namespace, incoming);
  return null;
}

/** The keys that decide the place of a job. */
export function partitionKeysOf({ orderingKey, concurrencyKey, dedup, idempotency }: Omit<SpawnJob, "queue">) {
  return { orderingKey, concurrencyKey, dedupKey: dedup?.key ?? null, idempotencyKey: idempotency?.key ?? null };
}

/** A shard is told of every queue but of a `default` that nobody has put yet. */
function queueOf(step: Step, namespace: string, name: string): KnownQueue | null {
  if (step.get(NAMESPACES).isGone(namespace)) return null;
  const known = step.get(QUEUES).find(namespace, name);
  if (known !== null || name !== DEFAULT_QUEUE) return known;
  return takeSettings(step, implicitDefault(namespace));
}
