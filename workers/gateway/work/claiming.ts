import { isProblem, type Result, valuesOf } from "../../../contract/problems.ts";
import type { ClaimBody } from "../../../contract/pull.ts";
import type { ClaimedJob } from "../../../contract/rpc.ts";
import { secondsToMs } from "../../../contract/time.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { ownerOf, slotOf } from "../../../domain/slots.ts";
import type { Services } from "../services.ts";

/** A wait for work is begun anew this often, so that one that a shard has forgotten costs no more than this. */
const WATCH_MS = 5_000;
/** Work that is there but may not start yet (a limit, another worker was quicker) is asked for again this much later. */
const FIRST_PAUSE_MS = 20;
const LAST_PAUSE_MS = 1_000;

export interface Claim extends ClaimBody {
  settings: QueueSettings;
}

/** One request to one shard. */
interface ShardShare {
  shard: string;
  max: number;
}

/**
 * Claims up to `max` jobs for a pull worker, of those that are there. Shards are asked together, each for its part of
 * `max`, so that no more is leased than was asked for.
 */
export async function claimNow(services: Services, claim: Claim): Promise<Result<ClaimedJob[]>> {
  const shards = await shardsOf(services, claim.settings);
  return isProblem(shards) ? shards : sweep(services, claim, shuffled(shards));
}

/**
 * Waits up to `claim.wait` for jobs when `claimNow` found none. The wait leases nothing: all shards are watched, and the
 * first to have work ends it. A client that is gone by then gets no lease: nobody would hear of it, the job would wait
 * for its end, and an attempt be lost.
 */
export async function claimWaiting(
  services: Services,
  claim: Claim,
  { clock, abandoned }: { clock: () => number; abandoned: () => boolean },
): Promise<Result<ClaimedJob[]>> {
  const until = clock() + secondsToMs(claim.wait);
  const shards = await shardsOf(services, claim.settings);
  if (isProblem(shards)) return shards;
  for (let pause = FIRST_PAUSE_MS; until > clock(); pause = Math.min(pause * 2, LAST_PAUSE_MS)) {
    await watch(services, claim.settings, { shards, waitMs: Math.min(until - clock(), WATCH_MS) });
    if (abandoned()) return [];
    const jobs = await sweep(services, claim, shuffled(shards));
    if (isProblem(jobs) || jobs.length > 0) return jobs;
    if (until > clock()) await services.shards.pause(Math.min(pause, until - clock()));
  }
  return [];
}

/** Resolves when a shard has work for the queue, or when none can be asked any more, at the latest after `waitMs`. */
async function watch(
  services: Services,
  settings: QueueSettings,
  round: { shards: string[]; waitMs: number },
): Promise<void> {
  const { namespace, name: queue } = settings;
  const watches = round.shards.map(async (id) => {
    const ready = await services.shards.once(id, { idempotent: true }, (shard, head) =>
      shard.awaitWork({ ...head, namespace, queue, waitMs: round.waitMs }),
    );
    // For `Promise.any`, to which this is a shard that has nothing to say.
    if (ready !== true) throw new Error("no work came");
  });
  // Resolves with the first shard that has work; when none had, all have waited their time.
  await Promise.any(watches).catch(() => undefined);
}

/**
 * One round: shards are asked together for their parts; then those that may have more, or had no part, one by one for
 * the rest. What one shard gave is not lost because another is away.
 */
async function sweep(services: Services, claim: Claim, shards: string[]): Promise<Result<ClaimedJob[]>> {
  const asked = shares(shards, claim.max);
  const parts = await Promise.all(asked.map((part) => claimFrom(services, claim, part)));
  const given = valuesOf(parts);
  const jobs = given.flat();
  const problem = parts.find(isProblem);
  if (problem !== undefined) return given.length === 0 ? problem : jobs;
  const full = asked.filter(({ max }, i) => given[i]?.length === max).map(({ shard }) => shard);
  for (const shard of [...full, ...shards.slice(asked.length)]) {
    const max = claim.max - jobs.length;
    if (max <= 0) break;
    const rest = await claimFrom(services, claim, { shard, max });
    if (!isProblem(rest)) jobs.push(...rest);
    // With jobs in hand already, a shard that does not answer only means fewer of them.
    else if (jobs.length === 0) return rest;
  }
  return jobs;
}

/** Not asked twice on an error: jobs that the first leased come back when their lease ends. */
async function claimFrom(
  { shards }: Services,
  claim: Claim,
  { shard, max }: ShardShare,
): Promise<Result<ClaimedJob[]>> {
  const { namespace, name: queue } = claim.settings;
  const leaseMs = claim.leaseSeconds === undefined ? null : secondsToMs(claim.leaseSeconds);
  const request = { namespace, queue, max, leaseMs, worker: claim.worker ?? null };
  const reply = await shards.once(shard, { idempotent: false }, (stub, head) => stub.claim({ ...head, ...request }));
  return isProblem(reply) ? reply : reply.jobs;
}

/** The shards that own a partition of the queue. */
async function shardsOf({ shards }: Services, settings: QueueSettings): Promise<Result<string[]>> {
  const map = await shards.map();
  if (isProblem(map)) return map;
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
