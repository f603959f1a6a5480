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
  /** What `timingText` makes of the settings; null when no instants are to come. */
  timing: string | null;
  /** For the shard that owns the place. Null is for every other, which stops what it has of the schedule. */
  own: OwnedSchedule | null;
}

/** What the owner of a schedule's place is told beside: all that it needs to run it. */
export interface OwnedSchedule {
  settings: ScheduleSettings;
  /** Its queue's settings, by which its place was worked out. */
  queue: QueueSettings;
  /** What the other shards said: where the schedule goes on. */
  handover: ScheduleMark;
}

/** How far a schedule is. Instants are in epoch milliseconds. */
export interface ScheduleMark {
  /** The last instant that was dealt with, whatever came of it; null when none was. */
  lastAt: number | null;
  /** The first instant that was not, by the timing of the push; null when the shard goes by another timing, or none is left. */
  nextAt: number | null;
}

/** Tells a shard of schedules. */
export interface ConfigureSchedulesRequest extends ShardCall {
  schedules: SchedulePush[];
}

/**
 * How far a schedule is on this shard, and what became of the push: the shard `runs` it from now on, has `stopped` it (also
 * when it was told to run it, but by its map or the queue's newest settings the place is another's), or knew a newer word.
 */
export type ScheduleTaken = ScheduleMark & { type: "runs" | "stopped" | "older" };

/** What became of each push, in the order of the request. */
export interface ConfigureSchedulesReply {
  taken: ScheduleTaken[];
}

/** Asks how schedules are, by their names. */
export interface ScheduleStatesRequest extends ShardCall {
  namespace: string;
  names: string[];
}

/**
 * How one schedule is on a shard that runs it or ran it. A shard answers for no other. Instants are in epoch
 * milliseconds.
 */
export interface ScheduleState {
  name: string;
  version: number;
  runs: boolean;
  nextAt: number | null;
  /** The instant of its last fire that made a job; null when none did. */
  lastFiredAt: number | null;
}

/** Asks for the fires of a schedule, the newest first. */
export interface FiresRequest extends ShardCall {
  namespace: string;
  name: string;
  /** Only instants before this one, epoch ms; null begins with the newest. */
  before: number | null;
  limit: number;
}
