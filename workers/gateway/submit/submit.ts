import type { SubmitReply, Submitted } from "../../../contract/rpc.ts";
import type { JobState } from "../../../domain/job.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { ownerOf } from "../../../domain/slots.ts";
import { Refusal } from "../http/refusal.ts";
import { queueNotFound } from "../queues/settings-cache.ts";
import type { Services } from "../services.ts";
import type { Chance } from "./chance.ts";
import { submitSpanning, undecidable } from "./spanning.ts";
import { type Placed, place, type Submission } from "./submission.ts";

/** How often a request is planned again because a slot moved or settings changed under it. */
const MAX_PLANS = 4;

/** What became of one job. Refusals are values here: in a batch each costs only its own job. */
export type Submitting =
  | { type: "done"; placed: Placed; outcome: Submitted }
  | { type: "refused"; refusal: Refusal }
  /** Of a batch over several shards: an earlier job answers. `state` is null when that has moved to history. */
  | { type: "replayed"; id: string; state: JobState | null };

export interface SubmitOptions {
  namespace: string;
  atomic: boolean;
  chance: Chance;
  now: number;
  /** It may have been sent before, so long ago that its shards may have forgotten that. */
  late?: boolean;
}

interface Item {
  index: number;
  submission: Submission;
  placed: Placed;
}

/**
 * Submits jobs with one RPC a shard, answering in their order. A shard that knows newer settings, or no longer owns
 * a slot, has its jobs planned again. What is atomic and lies on several shards becomes a transaction.
 */
export async function submitAll(services: Services, jobs: Submission[], options: SubmitOptions): Promise<Submitting[]> {
  const results: Submitting[] = new Array(jobs.length);
  let waiting = jobs.map((submission, index) => ({ submission, index }));
  for (let plan = 0; waiting.length > 0; plan++) {
    if (plan >= MAX_PLANS) {
      const refusal = new Refusal("unavailable", "The queue is being changed.");
      for (const { index } of waiting) results[index] = { type: "refused", refusal };
      break;
    }
    const groups = await planned(services, waiting, { ...options, results });
    if (options.atomic && results.some((result) => result?.type === "refused")) return atomicRefused(results, groups);
    if (options.atomic && groups.length > 1) {
      const items = groups.flatMap((group) => group.items).sort((a, b) => a.index - b.index);
      const spanning = await submitSpanning(
        services,
        items.map(({ placed }) => placed),
        { ...options, plan },
      );
      if (spanning !== null) return spanning;
      continue;
    }
    if (options.atomic && options.late) throw undecidable();
    const again = await Promise.all(groups.map((group) => send(services, group, { ...options, results })));
    waiting = again.flat().sort((a, b) => a.index - b.index);
  }
  return results;
}

type Collecting = SubmitOptions & { results: Submitting[] };

interface Group {
  shard: string;
  items: Item[];
}

/** Places the jobs and groups them by shard. What cannot be placed is recorded as refused. */
async function planned(
  services: Services,
  jobs: { submission: Submission; index: number }[],
  options: Collecting,
): Promise<Group[]> {
  const map = await services.shards.map();
  const groups = new Map<string, Group>();
  const queues = new Map<string, QueueSettings | Refusal>();
  for (const { submission, index } of jobs) {
    const { queue } = submission;
    const settings = queues.get(queue) ?? (await settingsOrRefusal(services, queue, options));
    queues.set(queue, settings);
    const placed =
      settings instanceof Refusal ? settings : placedOrRefusal(submission, settings, { ...options, index });
    if (placed instanceof Refusal) {
      options.results[index] = { type: "refused", refusal: placed };
      continue;
    }
    const shard = ownerOf(map, placed.slot);
    const group = groups.get(shard) ?? { shard, items: [] };
    groups.set(shard, group);
    group.items.push({ index, submission, placed });
  }
  return [...groups.values()];
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

function placedOrRefusal(
  job: Submission,
  settings: QueueSettings,
  { chance, now, index }: SubmitOptions & { index: number },
): Placed | Refusal {
  try {
    return place(job, settings, { partition: chance.partition, draw: chance.of(index), now });
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

/** Sends one shard its jobs; answers those that have to be planned again. */
async function send(services: Services, group: Group, options: Collecting): Promise<Item[]> {
  const reply = await sendOrRefusal(services, group, options.atomic);
  if (reply instanceof Refusal) {
    for (const { index } of group.items) options.results[index] = { type: "refused", refusal: reply };
    return [];
  }
  switch (reply.type) {
    case "moved":
      services.shards.adopt(reply.map);
      return group.items;
    case "settings":
      services.settings.learn(reply.settings, options.now);
      return reply.settings.deleted ? refuseQueue(group, reply.settings, options.results) : group.items;
    case "submitted":
      group.items.forEach(({ index, placed }, i) => {
        const outcome = reply.results[i];
        if (outcome === undefined) throw new Error("a shard answered fewer results than it was sent jobs");
        options.results[index] = { type: "done", placed, outcome };
      });
      return [];
  }
}

/** The queue is gone: its jobs are refused, the others of the group are sent again. */
function refuseQueue(group: Group, settings: QueueSettings, results: Submitting[]): Item[] {
  const gone = ({ placed }: Item) => placed.settings.name === settings.name;
  for (const { index } of group.items.filter(gone)) {
    results[index] = { type: "refused", refusal: queueNotFound(settings.name) };
  }
  return group.items.filter((item) => !gone(item));
}

/** Sent again when the shard could not be reached: it knows a submission by its jobs' ids, which are made here. */
async function sendOrRefusal(
  { shards }: Services,
  { shard, items }: Group,
  atomic: boolean,
): Promise<Exclude<SubmitReply, { type: "busy" }> | Refusal> {
  const queues = [...new Set(items.map(({ placed }) => placed.settings))];
  const jobs = items.map(({ placed }) => ({ ...placed.job, queue: queues.indexOf(placed.settings) }));
  try {
    return await shards.once(shard, { again: true }, (stub, head) => stub.submit({ ...head, queues, jobs, atomic }));
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}

/** Nothing was sent: every job is refused, the faulty ones for their own reason. */
function atomicRefused(results: Submitting[], groups: Group[]): Submitting[] {
  const refusal = new Refusal("batch-refused", "Another job of the batch was refused.");
  for (const { index } of groups.flatMap((group) => group.items)) results[index] = { type: "refused", refusal };
  return results;
}
