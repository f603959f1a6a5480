import type { ClaimBody } from "../../contract/pull.ts";
import type { ClaimedJob } from "../../contract/rpc.ts";
import { secondsToMs } from "../../contract/time.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import { ownerOf, slotOf } from "../../domain/slots.ts";
import { Refusal } from "./refusal.ts";
import type { Services } from "./services.ts";

/**
 * Where a queue lies on several shards, work that comes to one waits until the others' round of waiting ends. Rounds
 * grow from the first to the last: a queue with traffic answers soon, an idle one costs one request a shard a second.
 */
const FIRST_ROUND_MS = 50;
const LAST_ROUND_MS = 1000;

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
 * Claims up to `max` jobs for a pull worker. First every shard is asked in turn for what is there; when there is
 * nothing, the shards are waited on together, each for its part of `max`, so that no more is leased than was asked for.
 */
export async function claimJobs(services: Services, claim: Claim, clock: () => number): Promise<ClaimedJob[]> {
  if (claim.settings.target.type !== "pull") {
    throw new Refusal("not-a-pull-queue", `The queue pushes its jobs to a ${claim.settings.target.type} target.`);
  }
  const until = clock() + secondsToMs(claim.wait);
  const shards = shuffled(await shardsOf(services, claim.settings));
  if (shards.length === 1) {
    return ask(services, claim, { shard: shards[0] ?? "", max: claim.max, waitMs: secondsToMs(claim.wait) });
  }
  const jobs = await sweep(services, claim, shards);
  for (let round = FIRST_ROUND_MS; jobs.length === 0; round = Math.min(round * 2, LAST_ROUND_MS)) {
    const left = until - clock();
    if (left <= 0) break;
    const waitMs = Math.min(left, round);
    const asks = shares(shuffled(shards), claim.max).map(({ shard, max }) => ({ shard, max, waitMs }));
    jobs.push(...(await Promise.all(asks.map((one) => ask(services, claim, one)))).flat());
  }
  return jobs;
}

async function sweep(services: Services, claim: Claim, shards: string[]): Promise<ClaimedJob[]> {
  const jobs: ClaimedJob[] = [];
  for (const shard of shards) {
    const max = claim.max - jobs.length;
    if (max <= 0) break;
    jobs.push(...(await ask(services, claim, { shard, max, waitMs: 0 })));
  }
  return jobs;
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
