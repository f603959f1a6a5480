import type { ClaimBody } from "../../contract/pull.ts";
import type { ClaimedJob } from "../../contract/rpc.ts";
import { secondsToMs } from "../../contract/time.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import { ownerOf, slotOf } from "../../domain/slots.ts";
import { Refusal } from "./refusal.ts";
import type { Services } from "./services.ts";

/**
 * Where a queue lies on several shards, work that comes to one waits until the others' round of waiting ends. Rounds
 * grow from the first to the last: a queue with traffic answers soon, an idle one costs two requests a shard a second.
 */
const FIRST_ROUND_MS = 20;
const LAST_ROUND_MS = 500;

export interface Claim extends ClaimBody {
  settings: QueueSettings;
}

/** One request to one shard. */
interface Ask {
  shard: string;
  max: number;
  waitMs: number;
}

/**
 * Claims up to `max` jobs for a pull worker, waiting for some when there are none. Shards are asked together, each for
 * its part of `max`, so that no more is leased than was asked for.
 */
export async function claimJobs(services: Services, claim: Claim, clock: () => number): Promise<ClaimedJob[]> {
  const until = clock() + secondsToMs(claim.wait);
  const shards = await shardsOf(services, claim.settings);
  const [only] = shards;
  if (shards.length === 1 && only !== undefined) {
    return ask(services, claim, { shard: only, max: claim.max, waitMs: secondsToMs(claim.wait) });
  }
  let jobs = await sweep(services, claim, shuffled(shards), 0);
  for (let round = FIRST_ROUND_MS; jobs.length === 0; round = Math.min(round * 2, LAST_ROUND_MS)) {
    const left = until - clock();
    if (left <= 0) break;
    jobs = await sweep(services, claim, shuffled(shards), Math.min(left, round));
  }
  return jobs;
}

/**
 * One round: shards are waited on together for their parts; then those that may have more, or had no part, are asked
 * one by one for the rest. What one shard gave is not lost because another is away.
 */
async function sweep(services: Services, claim: Claim, shards: string[], waitMs: number): Promise<ClaimedJob[]> {
  const asked = shares(shards, claim.max);
  const parts = await Promise.allSettled(asked.map((part) => ask(services, claim, { ...part, waitMs })));
  const jobs = parts.flatMap((part) => (part.status === "fulfilled" ? part.value : []));
  const failed = parts.find((part) => part.status === "rejected");
  if (failed !== undefined && parts.every((part) => part.status === "rejected")) throw failed.reason;
  if (failed !== undefined) return jobs;
  const full = asked.filter(({ max }, i) => fulfilledLength(parts[i]) === max).map(({ shard }) => shard);
  for (const shard of [...full, ...shards.slice(asked.length)]) {
    const max = claim.max - jobs.length;
    if (max <= 0) break;
    jobs.push(...(await askRest(services, claim, { shard, max, waitMs: 0 }, jobs.length > 0)));
  }
  return jobs;
}

function fulfilledLength(part: PromiseSettledResult<ClaimedJob[]> | undefined): number {
  return part?.status === "fulfilled" ? part.value.length : 0;
}

/** With jobs in hand already, a shard that does not answer only means fewer of them. */
async function askRest(services: Services, claim: Claim, one: Ask, inHand: boolean): Promise<ClaimedJob[]> {
  try {
    return await ask(services, claim, one);
  } catch (error) {
    if (inHand && error instanceof Refusal) return [];
    throw error;
  }
}

/** Not asked twice on an error: jobs that the first leased come back when their lease ends. */
async function ask({ shards }: Services, claim: Claim, { shard, max, waitMs }: Ask): Promise<ClaimedJob[]> {
  const { namespace, name: queue } = claim.settings;
  const leaseMs = claim.leaseSeconds === undefined ? null : secondsToMs(claim.leaseSeconds);
  const request = { namespace, queue, max, leaseMs, worker: claim.worker ?? null, waitMs };
  const reply = await shards.once(shard, { again: false }, (stub, head) => stub.claim({ ...head, ...request }));
  return reply.jobs;
}

/** The shards that own a partition of the queue. */
async function shardsOf({ shards }: Services, settings: QueueSettings): Promise<string[]> {
  const map = await shards.map();
  const owners = new Set<string>();
  for (let partition = 0; partition < settings.partitions && owners.size < map.shards.length; partition++) {
    owners.add(ownerOf(map, slotOf(settings.namespace, settings.name, partition)));
  }
  return [...owners];
}

/** Splits `max` over the shards, whole and at least one each: with fewer than one each, the last ones are left out. */
export function shares(shards: string[], max: number): { shard: string; max: number }[] {
  const asked = shards.slice(0, max);
  return asked.map((shard, i) => ({
    shard,
    max: Math.floor(max / asked.length) + (i < max % asked.length ? 1 : 0),
  }));
}

/** In random order, so that no shard's jobs always go first. */
function shuffled<T>(items: T[]): T[] {
  return items
    .map((item) => ({ item, rank: Math.random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}
