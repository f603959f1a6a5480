import { batch, idempotency, isProblem, notFound, type Result, unavailable } from "../../../contract/problems.ts";
import type { SubmitReply } from "../../../contract/rpc.ts";
import type { Submission } from "../../../contract/submission.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { LATE, within } from "../deadline.ts";
import { SHARD_ANSWERS_MS } from "../deferred/deferral.ts";
import type { Services } from "../services.ts";
import type { SubmitOptions, Submitting } from "./options.ts";
import { type Collecting, type Group, type Item, notReached, planned, type Waiting } from "./plan.ts";
import { submitSpanning } from "./spanning.ts";

/** How often a request is planned again because a slot moved or settings changed under it. */
const MAX_PLANS = 4;

/**
 * Submits jobs with one RPC a shard, answering in their order. A shard that knows newer settings, or no longer owns
 * a slot, has its jobs planned again. What is atomic and lies on several shards becomes a transaction. A problem is one of
 * the whole request.
 */
export async function submitAll(
  services: Services,
  jobs: Submission[],
  options: SubmitOptions,
): Promise<Result<Submitting[]>> {
  const results: Submitting[] = new Array(jobs.length);
  const collecting = { ...options, results };
  let waiting: Waiting[] = jobs.map((submission, index) => ({ submission, index }));
  for (let plan = 0; waiting.length > 0; plan++) {
    if (plan >= MAX_PLANS) {
      const problem = unavailable.queueChanging();
      for (const { index } of waiting) results[index] = { type: "refused", problem };
      break;
    }
    const groups = await planned(services, waiting, collecting);
    if (isProblem(groups)) return groups;
    if (groups.length === 0) break;
    if (options.atomic && results.some((result) => result?.type === "refused")) return atomicRefused(results, groups);
    if (options.atomic && groups.length > 1) {
      const items = groups.flatMap((group) => group.items).sort((a, b) => a.index - b.index);
      const spanning = await submitSpanning(
        services,
        items.map(({ assigned }) => assigned),
        { ...options, plan },
      );
      if (spanning !== null) return spanning;
      continue;
    }
    if (options.atomic && options.late && options.past === undefined) return idempotency.batchUndecided();
    const left = await Promise.all(groups.map((group) => send(services, group, collecting)));
    waiting = left.flat().sort((a, b) => a.index - b.index);
  }
  return results;
}

/** What a shard answered to its jobs, or why it did not. */
type Sent = Result<Exclude<SubmitReply, { type: "busy" }>>;

/** Sends one shard its jobs; answers those that have to be planned again. */
async function send(services: Services, group: Group, options: Collecting): Promise<Item[]> {
  const { reply, wasFrozen } = await answerOf(services, group, options);
  if (isProblem(reply)) {
    const able = group.defers && !wasFrozen ? group.items : [];
    await notReached(services, { items: group.items, able, problem: reply }, options);
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
      group.items.forEach(({ index, assigned }, i) => {
        const outcome = reply.results[i];
        if (outcome === undefined) throw new Error("a shard answered fewer results than it was sent jobs");
        options.results[index] = { type: "done", assigned, outcome };
      });
      return [];
  }
}

/** The queue is gone: its jobs are refused, the others of the group are sent again. */
function refuseQueue(group: Group, settings: QueueSettings, results: Submitting[]): Item[] {
  const gone = ({ assigned }: Item) => assigned.settings.name === settings.name;
  for (const { index } of group.items.filter(gone)) {
    results[index] = { type: "refused", problem: notFound.queue(settings.name) };
  }
  return group.items.filter((item) => !gone(item));
}

/**
 * The shard's answer; what may be deferred does not wait for it long. `wasFrozen`: the shard was there and said that
 * the queue is about to change, which nothing must get around.
 */
async function answerOf(
  services: Services,
  group: Group,
  { atomic }: SubmitOptions,
): Promise<{ reply: Sent; wasFrozen: boolean }> {
  let wasFrozen = false;
  const onReply = ({ type }: SubmitReply) => {
    wasFrozen = type === "busy";
  };
  const asked = askShard(services, group, { atomic, onReply });
  const reply = group.defers ? await within(SHARD_ANSWERS_MS, asked) : await asked;
  if (reply !== LATE) return { reply, wasFrozen };
  return { reply: wasFrozen ? await asked : unavailable.part(), wasFrozen };
}

/** Sent again when the shard could not be reached: it knows a submission by its jobs' ids, which are made here. */
function askShard(
  { shards }: Services,
  { shard, items }: Group,
  { atomic, onReply }: { atomic: boolean; onReply: (reply: SubmitReply) => void },
): Promise<Sent> {
  const queues = [...new Set(items.map(({ assigned }) => assigned.settings))];
  const jobs = items.map(({ assigned }) => ({ ...assigned.job, queue: queues.indexOf(assigned.settings) }));
  return shards.once(shard, { idempotent: true }, async (stub, head) => {
    const reply = await stub.submit({ ...head, queues, jobs, atomic });
    onReply(reply.result);
    return reply;
  });
}

/** Nothing was sent: every job is refused, the faulty ones for their own reason. */
function atomicRefused(results: Submitting[], groups: Group[]): Submitting[] {
  const problem = batch.otherRefused();
  for (const { index } of groups.flatMap((group) => group.items)) results[index] = { type: "refused", problem };
  return results;
}
