import type { JobEventName } from "../../../domain/job/transition.ts";
import { Part } from "../kernel/part.ts";
import type { Presence } from "../kernel/presence.ts";
import type { Step } from "../kernel/step.ts";
import type { Subsystem } from "../kernel/subsystem.ts";
import type { JobHead } from "./job-row.ts";
import type { PackPlace } from "./packs/pack-head.ts";

/** The columns of a job that decides, by a key of it, about other jobs. */
export type JobKey = "ordering_key" | "concurrency_key" | "dedup_key";

/** What is to be known of a job that has just started. */
export type StartedJob = Pick<JobHead, "id" | "slot" | "partition" | "concurrency_key"> & {
  /** Where it lies, of one that has no row of its own. */
  place?: PackPlace;
};

/** What is to be known of a job that has just succeeded. */
export type SucceededJob = Pick<JobHead, "id" | "slot" | "queue" | "partition" | "version" | "created_at" | JobKey> & {
  /** It has no row of its own. */
  packed?: true;
};

/** What is to be known of a job that has just been accepted. */
export type AcceptedJob = Pick<JobHead, "id" | "slot" | "queue" | "partition" | "concurrency_key">;

/** Events of single jobs; the others change many in one statement. */
export type SingleEvent = Exclude<JobEventName, "accept" | "claim" | "succeed">;

/** A change of jobs of one queue, told when their rows have been written and before the step commits. */
export type JobChange =
  | { event: "accept"; queue: number; jobs: readonly AcceptedJob[] }
  | { event: "claim"; queue: number; jobs: readonly StartedJob[] }
  | { event: "succeed"; queue: number; jobs: readonly SucceededJob[] }
  | { event: SingleEvent; queue: number; jobs: readonly JobHead[]; from: JobHead; to: JobHead }
  /** What holds a job back has changed, and not its state. */
  | { event: "blocks"; queue: number; jobs: readonly JobHead[] };

export type ChangeEvent = JobChange["event"];

/** What follows from changes of jobs, in one subsystem. */
export interface JobListener {
  /** It is told of these events alone, */
  readonly on: readonly ChangeEvent[];
  /** of jobs that have this key, where it names one, */
  readonly key?: JobKey;
  /** and only while this part has anything. */
  readonly whileAny?: Part<Presence>;
  onChange(step: Step, change: JobChange): void;
}

/** A subsystem that acts on changes of jobs. */
export interface JobSubsystem extends Subsystem {
  readonly jobs: JobListener;
}

/** The listeners of each event, in the order of the subsystems. */
type Listeners = Map<ChangeEvent, JobListener[]>;

export const LISTENERS = new Part("listeners", ({ subsystems }): Listeners => {
  const listeners: Listeners = new Map();
  for (const subsystem of subsystems) {
    if (!listens(subsystem)) continue;
    for (const event of subsystem.jobs.on) listeners.set(event, [...(listeners.get(event) ?? []), subsystem.jobs]);
  }
  return listeners;
});

function listens(subsystem: object): subsystem is JobSubsystem {
  return "jobs" in subsystem;
}
