/** Schedules on a shard. */
import type { QueueSettings } from "../../domain/queue.ts";
import type { ScheduleSettings } from "../../domain/schedule.ts";
import type { ShardCall } from "./call.ts";

/**
 * What a shard is told of a schedule. Of two messages the one with the higher `version` is the newer, and of equal ones
 * that with the higher `queueVersion`: the place follows from both.
 */
export interface SchedulePush {
  namespace: string;
  name: string;
  version: number;
  queueVersion: number;
  deleted: boolean;
  /** `timingOf` the settings. */
  timing: string | null;
  /** For the shard that owns the place; null for every other, which stops what it has of the schedule. */
  own: OwnedSchedule | null;
}

export interface OwnedSchedule {
  settings: ScheduleSettings;
  /** Its queue's settings, by which its place was worked out. */
  queue: QueueSettings;
  /** What the other shards said: where the schedule goes on. */
  handover: ScheduleMark;
}

/** How far a schedule is. */
export interface ScheduleMark {
  /** The last instant that was dealt with, whatever came of it. */
  lastAt: number | null;
  /** The first that was not, by the timing of the push; null when its timing is another or has none. */
  nextAt: number | null;
}

export interface ConfigureSchedulesRequest extends ShardCall {
  schedules: SchedulePush[];
}

/**
 * How far a schedule is on this shard, and what became of the push: the shard `runs` it from now on, has `stopped` it (also
 * when it was told to run it, but by its map or the queue's newest settings the place is another's), or knew a newer word.
 */
export type ScheduleTaken = ScheduleMark & { type: "runs" | "stopped" | "older" };

/** In the order of the request. */
export interface ConfigureSchedulesReply {
  taken: ScheduleTaken[];
}

export interface ScheduleStatesRequest extends ShardCall {
  namespace: string;
  names: string[];
}

/** One for each name that the shard runs or ran. Instants in epoch ms. */
export interface ScheduleState {
  name: string;
  version: number;
  runs: boolean;
  nextAt: number | null;
  /** The instant of its last fire that made a job. */
  lastFiredAt: number | null;
}

export interface FiresRequest extends ShardCall {
  namespace: string;
  name: string;
  /** Only instants before this one; null: from the newest on. */
  before: number | null;
  limit: number;
}
