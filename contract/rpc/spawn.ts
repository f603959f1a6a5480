/** Jobs that a success brings with it: on their way from a worker to the shard of its job, and from there to their own. */
import type { QueueSettings } from "../../domain/queue.ts";
import type { Moved, ShardCall } from "./call.ts";
import type { NewJob } from "./submit.ts";

/**
 * A job as a worker wrote it with its success, checked as far as that goes without its queue. It gets its place and
 * its id when the success is recorded.
 */
export interface SpawnJob
  extends Omit<NewJob, "id" | "queue" | "partition" | "createdAt" | "parent" | "depth" | "traceparent"> {
  /** The name of a queue of the namespace of the job that succeeds. */
  queue: string;
}

/**
 * Why a queue, with the settings that it has, cannot take a job; or why the job that brings it may not: it is as many successes
 * deep as its namespace allows, or there is no room.
 */
export type Unfit =
  | "queue-not-found"
  | "keys-need-one-partition"
  | "timeout-too-long"
  | "spawned-too-deep"
  | "backlog-full"
  | "namespace-full"
  | "shard-full";

/** One job on its way to the owner of its slot. Of one source and slot, `seq` grows from job to job. */
export interface Handover {
  seq: number;
  slot: number;
  /** `queue` is an index into `ReceiveRequest.queues`. */
  job: NewJob;
}

/**
 * Jobs that the shard `source` hands over. Of every slot they are a run without gaps, from the first that nobody has
 * confirmed.
 */
export interface ReceiveRequest extends ShardCall {
  source: string;
  /** The settings as `source` knows them. The receiver goes by the newest that it has seen. */
  queues: QueueSettings[];
  jobs: Handover[];
}

/**
 * All jobs are dealt with, but for those in `left` and what follows each in its slot: they cannot be decided yet (the
 * queue is frozen for a change, a key is held by an atomic batch), or the shard holds all it can, and are to be sent again. `left` has the `seq` of
 * each. `unfit` has those of them that the shard cannot take as they are, whatever the time: they are to make way for what
 * follows them. Left out by a shard of an earlier version.
 */
export type ReceiveReply = { type: "received"; left: number[]; unfit?: number[] } | Moved;
