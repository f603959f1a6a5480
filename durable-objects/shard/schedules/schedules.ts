import { instantsOf } from "../../../contract/instants.ts";
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
import { assignedSlot, type Fire, timingOf, timingText } from "../../../domain/schedule.ts";
import { OWNERSHIP } from "../kernel/ownership.ts";
import type { Parts } from "../kernel/part.ts";
import type { Step } from "../kernel/step.ts";
import { NAMESPACES } from "../namespaces/namespace-store.ts";
import { takeSettings } from "../queues/queue-store.ts";
import { SCHEDULES, type ScheduleRow } from "./schedule-store.ts";

/**
 * Takes what the gateway says of schedules, and answers how far each is here. A shard runs a schedule only if its own map
 * and the newest settings of the queue put the schedule's place here.
 */
export function configureSchedules(step: Step, request: ConfigureSchedulesRequest): ConfigureSchedulesReply {
  return { taken: request.schedules.map((push) => take(step, push)) };
}

/** How far each of the named schedules is, as far as this shard runs it or ever ran it. */
export function scheduleStates(parts: Parts, request: ScheduleStatesRequest): ScheduleState[] {
  return request.names.flatMap((name) => {
    const row = parts.get(SCHEDULES).find(request.namespace, name);
    if (row === null) return [];
    const runs = row.runs === 1;
    return [{ name, version: row.version, runs, nextAt: row.next_at, lastFiredAt: row.last_fired_at }];
  });
}

/** A schedule's records that this shard has, newest first. */
export function firesOf(parts: Parts, request: FiresRequest): Fire[] {
  const row = parts.get(SCHEDULES).find(request.namespace, request.name);
  return row === null ? [] : parts.get(SCHEDULES).fires(row.ref, request.before, request.limit);
}

function take(step: Step, push: SchedulePush): ScheduleTaken {
  const schedules = step.get(SCHEDULES);
  if (step.get(NAMESPACES).isGone(push.namespace)) return { lastAt: null, nextAt: null, type: "stopped" };
  const known = schedules.find(push.namespace, push.name);
  if (known !== null && isOlder(push, known)) return { ...markOf(known, push.timing), type: "older" };
  const slot = push.own === null ? null : slotHere(step, push.own);
  const own = slot === null ? null : push.own;
  const runs = own === null ? 0 : 1;
  const type = own === null ? "stopped" : "runs";
  const kept = markOf(known, push.timing);
  const isKnown = known !== null && known.runs === runs && isSame(push, known);
  if (isKnown && !mayHaveMore(own, kept)) return { ...kept, type };
  const mark = own === null ? kept : resumed(own, kept);
  if (isKnown && mark.nextAt === null) return { ...kept, type };
  const dueAt = own === null ? null : mark.nextAt;
  const ref = schedules.put({
    namespace: push.namespace,
    name: push.name,
    version: push.version,
    queue_version: push.queueVersion,
    runs,
    slot,
    timing: push.timing,
    next_at: mark.nextAt,
    due_at: dueAt,
    last_at: mark.lastAt,
    last_fired_at: push.deleted ? null : (known?.last_fired_at ?? null),
    last_job: push.deleted ? null : (known?.last_job ?? null),
  });
  schedules.setSettings(ref, own?.settings ?? null);
  if (push.deleted) schedules.forgetFiresOf(ref);
  step.wakeAt(dueAt);
  return { ...mark, type };
}

function isOlder(push: SchedulePush, known: ScheduleRow): boolean {
  if (push.version !== known.version) return push.version < known.version;
  return push.queueVersion < known.queue_version;
}

function isSame(push: SchedulePush, known: ScheduleRow): boolean {
  return push.version === known.version && push.queueVersion === known.queue_version;
}

/**
 * Whether a schedule without a next instant may have instants to come all the same: a version of this code that could not read
 * its timing found none. One that has ended is looked at again with each push, and nothing is written of it.
 */
function mayHaveMore(own: OwnedSchedule | null, { nextAt }: ScheduleMark): boolean {
  return own !== null && nextAt === null && timingText(own.settings) !== null;
}

/** The slot of the schedule's place; null when that is another shard's. */
function slotHere(step: Step, { settings, queue }: OwnedSchedule): number | null {
  const known = takeSettings(step, queue);
  const { slot } = assignedSlot(settings, known.settings);
  return step.get(OWNERSHIP).owns(slot) ? slot : null;
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
  if (timingText(settings) === null) return { lastAt, nextAt: null };
  const nextAt = later(kept.nextAt, handover.nextAt);
  if (nextAt !== null && nextAt > (lastAt ?? 0)) return { lastAt, nextAt };
  const after = Math.max(settings.updatedAt, lastAt ?? 0);
  return { lastAt, nextAt: instantsOf(timingOf(settings)).next(after) };
}

function later(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}
