/** Jobs that a success brings with it: on their way from a worker to the shard of its job, and from there to their own. */
import type { QueueSettings } from "../../domain/queue.ts";
import type { Moved, ShardCall } from "./call.ts";
import type { NewJob } from "./submit.ts";

/** A job as a worker wrote it, checked as far as that goes without its queue. Its place and its id come with the success. */
export interface SpawnJob extends Omit<NewJob, "id" | "queue" | "partition" | "createdAt" | "parent"> {
  /** By name, of the namespace of the job that succeeds. */
  queue: string;
}

/** Why a queue, as its settings are, cannot take a job. */
export type Unfit = "queue-not-found" | "keys-need-one-partition" | "timeout-too-long";

/** One job on its way to the owner of its slot. Of one source and slot, `seq` grows from job to job. */
export interface Handover {
  seq: number;
  slot: number;
  /** `queue` is an index into `ReceiveRequest.queues`. */
  job: NewJob;
}

/** What the shard `source` hands over: of every slot a run of its jobs, from the first that nobody has confirmed. */
export interface ReceiveRequest extends ShardCall {
  source: string;
  /** As `source` knows them; the receiver goes by the newest. */
  queues: QueueSettings[];
  jobs: Handover[];
}

/**
 * Everything is dealt with but `left`, which cannot be decided yet (the queue is held for a change, a key is held by an atomic
 * batch): `seq`s, and with each all that follow it in its slot.
 */
export type ReceiveReply = { type: "received"; left: number[] } | Moved;
