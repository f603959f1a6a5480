/** A schedule on a shard's harness: what the gateway would push, and what came of it. */
import type { OwnedSchedule, ScheduleMark, ScheduleState, ScheduleTaken } from "../../contract/rpc.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import { type Fire, type ScheduleSettings, timingText } from "../../domain/schedule.ts";
import { CALL, type Harness, MINUTE, only, START } from "./shard-harness.ts";

/** A schedule of every minute on the harness's queue; `over` is laid over it. */
export function scheduleOf(over: Partial<ScheduleSettings> = {}): ScheduleSettings {
  return {
    namespace: "default",
    name: "nightly",
    version: 1,
    deleted: false,
    cron: "* * * * *",
    timezone: "UTC",
    job: {
      queue: "q",
      payload: '{"what":"report"}',
      orderingKey: null,
      concurrencyKey: null,
      priority: 4,
      timeoutMs: null,
      retry: null,
      tags: [],
      expiresAfterMs: null,
    },
    overlap: "allow",
    catchUpWindowMs: MINUTE,
    jitterMs: 0,
    paused: false,
    createdAt: START,
    updatedAt: START,
    ...over,
  };
}

export interface Pushing {
  queue?: QueueSettings;
  handover?: ScheduleMark;
  /** False: the gateway says that the place is another shard's. */
  own?: boolean;
}

/** Pushes the schedule as the gateway does; answers the shard's mark. */
export function push(h: Harness, settings: ScheduleSettings, how: Pushing = {}): ScheduleTaken {
  const { queue = h.queue, handover = { lastAt: null, nextAt: null }, own = !settings.deleted } = how;
  const owned: OwnedSchedule | null = own ? { settings, queue, handover } : null;
  const { namespace, name, version, deleted } = settings;
  const word = {
    namespace,
    name,
    version,
    deleted,
    queueVersion: queue.version,
    timing: timingText(settings),
    own: owned,
  };
  return only(h.core.configureSchedules({ ...CALL, schedules: [word] }).taken);
}

export function stateOf(h: Harness, name = "nightly"): ScheduleState {
  return only(h.core.scheduleStates({ ...CALL, namespace: "default", names: [name] }));
}

/** Records, the oldest first. */
export function firesOf(h: Harness, name = "nightly"): Fire[] {
  return h.core.fires({ ...CALL, namespace: "default", name, before: null, limit: 2000 }).reverse();
}

/** Instants that made a job, in minutes (or `unitMs`) after the start. */
export function firedAt(h: Harness, unitMs = MINUTE, name = "nightly"): number[] {
  return firesOf(h, name)
    .filter(({ outcome }) => outcome === "fired")
    .map(({ scheduledAt }) => (scheduledAt - START) / unitMs);
}
