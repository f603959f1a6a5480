/** A schedule on a shard's harness: what the gateway would push, and what came of it. */
import type { OwnedSchedule, ScheduleMark, ScheduleState, ScheduleTaken } from "../../contract/rpc.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import type { Fire, ScheduleSettings } from "../../domain/schedule.ts";
import { CALL, type Harness, MINUTE, only, START } from "./shard-harness.ts";
import { wordOf } from "./shard-words.ts";

export { scheduleOf } from "./shard-words.ts";

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
  const word = wordOf(settings, queue.version, owned);
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
