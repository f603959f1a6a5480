import { isProblem, notFound, type Problem, type Result, unavailable } from "../../../contract/problems.ts";
import type { Submission } from "../../../contract/submission.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { isDivided } from "../../../domain/queue.ts";
import { ownerOf, type SlotMap } from "../../../domain/slots.ts";
import { LATE, within } from "../deadline.ts";
import { SHARD_ANSWERS_MS } from "../deferred/deferral.ts";
import type { AssignedJob } from "../routing/assigned-job.ts";
import type { Services } from "../services.ts";
import type { SubmitOptions, Submitting } from "./options.ts";
import { changedSince, spreads } from "./pinned.ts";
import { assignSlot } from "./submission.ts";

/** A job of a request. */
export interface Waiting {
  index: number;
  submission: Submission;
}

/** A job of a request that has its place. */
export interface Item extends Waiting {
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

/**
 * Places the jobs and groups them by shard, without those that have come and gone. What cannot be sent has its result; a
 * problem is one of the whole request.
 */
export async function planned(services: Services, jobs: Waiting[], options: Collecting): Promise<Result<Group[]>> {
  const items: Item[] = [];
  const queues = await queuesOf(services, jobs, options);
  if (isProblem(queues)) return queues;
  for (const job of jobs) {
    const { index, submission } = job;
    const settings = queues.get(submission.queue) ?? notFound.queue(submission.queue);
    const assigned = isProblem(settings) ? settings : assignedOf(job, settings, options);
    if (isProblem(assigned)) options.results[index] = { type: "refused", problem: assigned };
    else items.push({ index, submission, assigned });
  }
  const map = await mapFor(services, items, options);
  if (!isProblem(map)) return newOnes(grouped(items, map, options), options);
  const able = items.filter((item) => mayDefer(item, options));
  if (able.length === 0) return map;
  await notReached(services, { items, able, problem: map }, options);
  return [];
}

/** The settings of the jobs' queues; a problem where a repeated batch would be placed otherwise by one of them. */
async function queuesOf(
  { settings }: Services,
  jobs: Waiting[],
  { namespace, now, pinned }: SubmitOptions,
): Promise<Result<Map<string, Result<QueueSettings>>>> {
  const names = [...new Set(jobs.map(({ submission }) => submission.queue))];
  const known = await settings.several(namespace, names, now);
  for (const queue of known) {
    const changed = isProblem(queue) || pinned === undefined ? null : changedSince(queue, pinned);
    if (changed !== null) return changed;
  }
  return new Map(names.map((name, i) => [name, known[i] ?? notFound.queue(name)]));
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

/** Whose shard nobody can tell is deferred, too: jobs that may be do not wait for the map for long. */
async function mapFor({ shards }: Services, items: Item[], options: SubmitOptions): Promise<Result<SlotMap>> {
  if (!items.some((item) => mayDefer(item, options))) return shards.map();
  const map = await within(SHARD_ANSWERS_MS, shards.map());
  return map === LATE ? unavailable.part() : map;
}

/** Defers the jobs of `able`; the rest of `items`, and what the Queue does not take either, is refused. */
export async function notReached(
  { deferral }: Services,
  { items, able, problem }: { items: Item[]; able: Item[]; problem: Problem },
  { results, now }: Collecting,
): Promise<void> {
  for (const { index } of items) results[index] = { type: "refused", problem };
  if (able.length === 0) return;
  const assigned = able.map((item) => item.assigned);
  const jobs = await deferral.defer(assigned, now);
  able.forEach(({ index }, i) => {
    const job = jobs[i];
    if (job) results[index] = { type: "deferred", job };
  });
}

/** Leaves out what has come and gone. Of an atomic batch that is everything as soon as it is one. */
async function newOnes(groups: Group[], { past, atomic, results }: Collecting): Promise<Result<Group[]>> {
  if (past === undefined || groups.length === 0) return groups;
  const items = groups.flatMap((group) => group.items);
  const gone = await past(items);
  if (isProblem(gone)) return gone;
  const isNew = ({ assigned }: Item) => !(atomic ? gone.size > 0 : gone.has(assigned.job.id));
  for (const item of items.filter((each) => !isNew(each))) {
    results[item.index] = { type: "replayed", id: gone.get(item.assigned.job.id) ?? item.assigned.job.id, state: null };
  }
  return groups
    .map((group) => ({ ...group, items: group.items.filter(isNew) }))
    .filter((group) => group.items.length > 0);
}

function assignedOf(
  { submission, index }: Waiting,
  settings: QueueSettings,
  options: SubmitOptions,
): Result<AssignedJob> {
  const { randomness, now, pinned } = options;
  const divided = pinned === undefined ? isDivided(settings) : spreads(settings, pinned);
  if (isProblem(divided)) return divided;
  const assigned = assignSlot(submission, settings, {
    partition: randomness.partition,
    draw: randomness.of(index),
    now,
    divided,
  });
  if (!isProblem(assigned) && comesAgain(settings, options)) assigned.job.comesAgain = true;
  return assigned;
}

/** A message may bring the job again for days: the one that it came in, or the one that it is deferred in. */
function comesAgain({ consistency }: QueueSettings, { past, defers = false, atomic }: SubmitOptions): boolean {
  return past !== undefined || (defers && !atomic && consistency === "available");
}
