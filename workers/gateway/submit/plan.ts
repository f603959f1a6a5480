import type { Submission } from "../../../contract/submission.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { ownerOf, type SlotMap } from "../../../domain/slots.ts";
import { LATE, within } from "../deadline.ts";
import { SHARD_ANSWERS_MS } from "../deferred/deferral.ts";
import { Refusal } from "../refusal.ts";
import type { Services } from "../services.ts";
import { spreads } from "./pinned.ts";
import { type AssignedJob, assignSlot } from "./submission.ts";
import type { SubmitOptions, Submitting } from "./submit.ts";

/** A job of a request that has its place. */
export interface Item {
  index: number;
  submission: Submission;
  assigned: AssignedJob;
}

/** What is known of each job goes into `results`, by its index. */
export type Collecting = SubmitOptions & { results: Submitting[] };

/** Jobs that one shard is sent in one call. */
export interface Group {
  shard: string;
  items: Item[];
  /** All of its jobs may be deferred; else none. */
  defers: boolean;
}

/** Places the jobs and groups them by shard, without those that have come and gone. What cannot be sent has its result. */
export async function planned(
  services: Services,
  jobs: { submission: Submission; index: number }[],
  options: Collecting,
): Promise<Group[]> {
  const items: Item[] = [];
  const queues = new Map<string, QueueSettings | Refusal>();
  for (const { submission, index } of jobs) {
    const { queue } = submission;
    const settings = queues.get(queue) ?? (await settingsOrRefusal(services, queue, options));
    queues.set(queue, settings);
    const assigned =
      settings instanceof Refusal ? settings : assignedOrRefusal(submission, settings, { ...options, index });
    if (assigned instanceof Refusal) {
      options.results[index] = { type: "refused", refusal: assigned };
      continue;
    }
    items.push({ index, submission, assigned });
  }
  const map = await mapOrRefusal(services, items, options);
  if (!(map instanceof Refusal)) return newOnes(grouped(items, map, options), options);
  const able = items.filter((item) => mayDefer(item, options));
  await notReached(services, { items, able, refusal: map }, options);
  return [];
}

function grouped(items: Item[], map: SlotMap, options: SubmitOptions): Group[] {
  const groups = new Map<string, Group>();
  for (const item of items) {
    const shard = ownerOf(map, item.assigned.slot);
    const defers = mayDefer(item, options);
    const key = `${shard} ${defers}`;
    const group = groups.get(key) ?? { shard, items: [], defers };
    groups.set(key, group);
    group.items.push(item);
  }
  return [...groups.values()];
}

/**
 * By the settings as this isolate knows them: the shard that would correct them is the one that is away. So for seconds, or
 * a minute where KV lags, a queue that was just made `strong` still defers; such a job is committed like any other.
 */
function mayDefer({ assigned }: Item, { defers = false, atomic }: SubmitOptions): boolean {
  return defers && !atomic && assigned.settings.consistency === "available";
}

/** Whose shard nobody can tell is deferred, too. */
async function mapOrRefusal({ shards }: Services, items: Item[], options: SubmitOptions): Promise<SlotMap | Refusal> {
  if (!items.some((item) => mayDefer(item, options))) return shards.map();
  try {
    const map = await within(SHARD_ANSWERS_MS, shards.map());
    return map === LATE ? away() : map;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

export function away(): Refusal {
  return new Refusal("unavailable", "A part of the service did not answer.");
}

/** Defers the jobs of `able`; the rest of `items`, and what the Queue does not take either, is refused. */
export async function notReached(
  { deferral }: Services,
  { items, able, refusal }: { items: Item[]; able: Item[]; refusal: Refusal },
  { results, now }: Collecting,
): Promise<void> {
  for (const { index } of items) results[index] = { type: "refused", refusal };
  if (able.length === 0) return;
  const assigned = able.map((item) => item.assigned);
  const jobs = await deferral.defer(assigned, now);
  able.forEach(({ index }, i) => {
    const job = jobs[i];
    if (job) results[index] = { type: "deferred", job };
  });
}

/** Leaves out what has come and gone. Of an atomic batch that is everything as soon as it is one. */
async function newOnes(groups: Group[], { past, atomic, results }: Collecting): Promise<Group[]> {
  const items = groups.flatMap((group) => group.items);
  if (past === undefined || items.length === 0) return groups;
  const gone = await past(items);
  const isNew = ({ assigned }: Item) => !(atomic ? gone.size > 0 : gone.has(assigned.job.id));
  for (const item of items.filter((each) => !isNew(each))) {
    results[item.index] = { type: "replayed", id: gone.get(item.assigned.job.id) ?? item.assigned.job.id, state: null };
  }
  return groups
    .map((group) => ({ ...group, items: group.items.filter(isNew) }))
    .filter((group) => group.items.length > 0);
}

async function settingsOrRefusal(
  services: Services,
  queue: string,
  { namespace, now }: SubmitOptions,
): Promise<QueueSettings | Refusal> {
  try {
    return await services.settings.get(namespace, queue, now);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

function assignedOrRefusal(
  job: Submission,
  settings: QueueSettings,
  { randomness, now, index, pinned }: SubmitOptions & { index: number },
): AssignedJob | Refusal {
  const divided = spreads(settings, pinned);
  if (divided instanceof Refusal) return divided;
  try {
    return assignSlot(job, settings, { partition: randomness.partition, draw: randomness.of(index), now, divided });
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}
