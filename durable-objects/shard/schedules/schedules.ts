import { instantsOf } from "../../../contract/cron.ts";
import type {
  ConfigureSchedulesReply,
  ConfigureSchedulesRequest,
  FiresRequest,
  OwnedSchedule,
  ScheduleMark,
  SchedulePush,
  ScheduleState,
  ScheduleStatesRequest,
  ScheduleTaken,
} from "../../../contract/rpc.ts";
import { type Fire, placeOf, timingOf } from "../../../domain/schedule.ts";
import { takeSettings } from "../queues/configure.ts";
import type { Stores, Turn } from "../turn.ts";
import type { ScheduleRow } from "./schedule-store.ts";

/**
 * Takes what the gateway says of schedules, and answers how far each is here. A shard runs a schedule only if its own map
 * and the newest settings of the queue put the schedule's place here.
 */
export function configureSchedules(turn: Turn, request: ConfigureSchedulesRequest): ConfigureSchedulesReply {
  return { taken: request.schedules.map((push) => take(turn, push)) };
}

/** How far each of the named schedules is, as far as this shard runs it or ever ran it. */
export function scheduleStates(stores: Stores, request: ScheduleStatesRequest): ScheduleState[] {
  return request.names.flatMap((name) => {
    const row = stores.schedules.find(request.namespace, name);
    if (row === null) return [];
    const runs = row.runs === 1;
    return [{ name, version: row.version, runs, nextAt: row.next_at, lastFiredAt: row.last_fired_at }];
  });
}

/** A schedule's records that this shard has, newest first. */
export function firesOf(stores: Stores, request: FiresRequest): Fire[] {
  const row = stores.schedules.find(request.namespace, request.name);
  return row === null ? [] : stores.schedules.fires(row.ref, request.before, request.limit);
}

function take(turn: Turn, push: SchedulePush): ScheduleTaken {
  const { schedules } = turn.stores;
  const known = schedules.find(push.namespace, push.name);
  if (known !== null && isOlder(push, known)) return { ...markOf(known, push.timing), type: "older" };
  const own = push.own !== null && isMine(turn, push.own) ? push.own : null;
  const runs = own === null ? 0 : 1;
  const type = own === null ? "stopped" : "runs";
  const kept = markOf(known, push.timing);
  if (known !== null && known.runs === runs && isSame(push, known)) return { ...kept, type };
  const mark = own === null ? kept : resumed(own, kept);
  const dueAt = own === null ? null : mark.nextAt;
  const ref = schedules.put({
    namespace: push.namespace,
    name: push.name,
    version: push.version,
    queue_version: push.queueVersion,
    runs,
    timing: push.timing,
    next_at: mark.nextAt,
    due_at: dueAt,
    last_at: mark.lastAt,
    last_fired_at: push.deleted ? null : (known?.last_fired_at ?? null),
    last_job: push.deleted ? null : (known?.last_job ?? null),
  });
  schedules.setSettings(ref, own?.settings ?? null);
  if (push.deleted) schedules.forgetFiresOf(ref);
  turn.wake(dueAt);
  return { ...mark, type };
}

function isOlder(push: SchedulePush, known: ScheduleRow): boolean {
  if (push.version !== known.version) return push.version < known.version;
  return push.queueVersion < known.queue_version;
}

function isSame(push: SchedulePush, known: ScheduleRow): boolean {
  return push.version === known.version && push.queueVersion === known.queue_version;
}

function isMine(turn: Turn, { settings, queue }: OwnedSchedule): boolean {
  const known = takeSettings(turn, queue);
  return turn.stores.owns(placeOf(settings, known.settings).slot);
}

/** An instant that was to come means nothing by another timing. */
function markOf(row: ScheduleRow | null, timing: string | null): ScheduleMark {
  if (row === null) return { lastAt: null, nextAt: null };
  return { lastAt: row.last_at, nextAt: row.timing === timing ? row.next_at : null };
}

/**
 * Where a schedule goes on: where it stood, here or elsewhere, if its timing is the same; else with the first instant after
 * its change. Never with an instant that was dealt with, wherever that was.
 */
function resumed({ settings, handover }: OwnedSchedule, kept: ScheduleMark): ScheduleMark {
  const lastAt = later(kept.lastAt, handover.lastAt);
  if (timingOf(settings) === null) return { lastAt, nextAt: null };
  const nextAt = later(kept.nextAt, handover.nextAt);
  if (nextAt !== null && nextAt > (lastAt ?? 0)) return { lastAt, nextAt };
  const after = Math.max(settings.updatedAt, lastAt ?? 0);
  return { lastAt, nextAt: instantsOf(settings.cron, settings.timezone).next(after) };
}

function later(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}
