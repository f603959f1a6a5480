import type { HoldReply } from "../../../contract/rpc.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { Part, type Parts } from "../kernel/part.ts";
import type { Step } from "../kernel/step.ts";
import type { Subsystem } from "../kernel/subsystem.ts";
import type { KnownQueue } from "./known-queue.ts";

/** What a subsystem has of a queue that a change of the queue has to know of. Counts add up. */
export type Holdings = Partial<HoldReply>;

/** What follows from new settings of a queue, in one subsystem. */
export interface QueueListener {
  /** The queue has settings that are newer than `before` (null: it was unknown). Told in the step that takes them. */
  onSettings?(step: Step, queue: KnownQueue, before: QueueSettings | null): void;
  /** What is here of the queue. `now` is epoch milliseconds. */
  holdings?(parts: Parts, queue: KnownQueue, now: number): Holdings;
}

/** A subsystem that acts on changes of queues. */
export interface QueueSubsystem extends Subsystem {
  readonly queues: QueueListener;
}

export const QUEUE_LISTENERS = new Part("queue listeners", ({ subsystems }) =>
  subsystems.filter(listens).map(({ queues }) => queues),
);

function listens(subsystem: object): subsystem is QueueSubsystem {
  return "queues" in subsystem;
}
