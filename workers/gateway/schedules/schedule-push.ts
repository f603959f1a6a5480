import { isProblem, type Result, together, unavailable } from "../../../contract/problems.ts";
import type { ScheduleMark, SchedulePush, ScheduleTaken } from "../../../contract/rpc.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { assignedSlot, type ScheduleSettings, timingText } from "../../../domain/schedule.ts";
import { ownerOf, type SlotMap } from "../../../domain/slots.ts";
import { keyText } from "../queues/stored-queue.ts";
import type { ResourceKey } from "../resources/kind.ts";
import type { ShardClient } from "../routing/shard-client.ts";

/** How often schedules are planned again because their queue or the map has changed meanwhile. */
const MAX_ROUNDS = 4;

/** The settings of schedules' queues as last written, by `keyText`, deleted ones too; without those that never were. */
export type ReadQueues = (queues: ResourceKey[]) => Promise<Result<ReadonlyMap<string, QueueSettings>>>;

interface Planned {
  settings: ScheduleSettings;
  queue: QueueSettings | null;
  /** The shard that is to run it; null: none is. */
  owner: string | null;
  word: SchedulePush;
}

const NO_MARK: ScheduleMark = { lastAt: null, nextAt: null };

/**
 * Tells every shard of the schedules: first those that are not to run them, so that a former owner has stopped before the
 * new one starts, and the new one hears how far the others were. Refuses (503) when a shard does not answer: then
 * a schedule that moves runs nowhere until the next push, rather than in two places.
 */
export async function pushSchedules(
  shards: ShardClient,
  readQueues: ReadQueues,
  schedules: ScheduleSettings[],
): Promise<Result<void>> {
  let waiting = schedules;
  for (let round = 0; waiting.length > 0; round++) {
    if (round >= MAX_ROUNDS) return unavailable.scheduleMoving();
    const map: Result<SlotMap> = round === 0 ? await shards.map() : await shards.refresh();
    if (isProblem(map)) return map;
    const queues = await readQueues(waiting.filter(({ deleted }) => !deleted).map(queueOf));
    if (isProblem(queues)) return queues;
    const planned = waiting.map((settings) => plan(settings, queues, map));
    const handovers = await stopElsewhere(shards, map, planned);
    if (isProblem(handovers)) return handovers;
    const stopped = await startAtOwners(shards, planned, handovers);
    if (isProblem(stopped)) return stopped;
    waiting = stopped;
  }
}

function queueOf({ namespace, job }: ScheduleSettings): ResourceKey {
  return { namespace, name: job.queue };
}

function plan(settings: ScheduleSettings, queues: ReadonlyMap<string, QueueSettings>, map: SlotMap): Planned {
  const { namespace, name, version, deleted } = settings;
  const queue = deleted ? null : (queues.get(keyText(queueOf(settings))) ?? null);
  const owner = queue === null ? null : ownerOf(map, assignedSlot(settings, queue).slot);
  const queueVersion = queue?.version ?? 0;
  const word = { namespace, name, version, queueVersion, deleted, timing: timingText(settings), own: null };
  return { settings, queue, owner, word };
}

/** Answers, for each schedule, how far the shards were that are not to run it. */
async function stopElsewhere(
  shards: ShardClient,
  map: SlotMap,
  planned: Planned[],
): Promise<Result<Map<Planned, ScheduleMark>>> {
  const marks = new Map<Planned, ScheduleMark>();
  const stopped = await together(
    shards.every(map).map(async (id): Promise<Result<null>> => {
      const others = planned.filter(({ owner }) => owner !== id);
      const words = others.map(({ word }) => word);
      const taken = await tell(shards, id, words);
      if (isProblem(taken)) return taken;
      others.forEach((item, i) => {
        marks.set(item, furthest(marks.get(item) ?? NO_MARK, taken[i] ?? NO_MARK));
      });
      return null;
    }),
  );
  return isProblem(stopped) ? stopped : marks;
}

/** Answers those whose owner says that it is not: it knows a newer map, or newer settings of the queue. */
async function startAtOwners(
  shards: ShardClient,
  planned: Planned[],
  handovers: Map<Planned, ScheduleMark>,
): Promise<Result<ScheduleSettings[]>> {
  const owned = planned.flatMap(({ settings, queue, owner, word }, i) => {
    if (owner === null || queue === null) return [];
    const handover = handovers.get(planned[i] as Planned) ?? NO_MARK;
    return [{ owner, settings, word: { ...word, own: { settings, queue, handover } } }];
  });
  const stopped = await together(
    [...Map.groupBy(owned, ({ owner }) => owner)].map(async ([owner, group]): Promise<Result<ScheduleSettings[]>> => {
      const words = group.map(({ word }) => word);
      const taken = await tell(shards, owner, words);
      if (isProblem(taken)) return taken;
      return group.filter((_, i) => taken[i]?.type === "stopped").map(({ settings }) => settings);
    }),
  );
  return isProblem(stopped) ? stopped : stopped.flat();
}

async function tell(shards: ShardClient, id: string, schedules: SchedulePush[]): Promise<Result<ScheduleTaken[]>> {
  if (schedules.length === 0) return [];
  const call = { idempotent: true };
  const reply = await shards.once(id, call, (shard, head) => shard.configureSchedules({ ...head, schedules }));
  return isProblem(reply) ? reply : reply.taken;
}

/** A schedule only ever goes on, so of two marks the later is the newer. */
function furthest(a: ScheduleMark, b: ScheduleMark): ScheduleMark {
  return { lastAt: later(a.lastAt, b.lastAt), nextAt: later(a.nextAt, b.nextAt) };
}

function later(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}
