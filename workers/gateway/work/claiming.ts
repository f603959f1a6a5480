import type { ClaimBody } from "../../../contract/pull.ts";
import type { ClaimedJob } from "../../../contract/rpc.ts";
import { secondsToMs } from "../../../contract/time.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { ownerOf, slotOf } from "../../../domain/slots.ts";
import { Refusal } from "../refusal.ts";
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
export async function claimNow(services: Services, claim: Claim): Promise<ClaimedJob[]> {
  return sweep(services, claim, shuffled(await shardsOf(services, claim.settings)));
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
): Promise<ClaimedJob[]> {
  const until = clock() + secondsToMs(claim.wait);
  const shards = await shardsOf(services, claim.settings);
  let jobs: ClaimedJob[] = [];
  for (let pause = FIRST_PAUSE_MS; jobs.length === 0 && until > clock(); pause = Math.min(pause * 2, LAST_PAUSE_MS)) {
    await watch(services, claim.settings, { shards, waitMs: Math.min(until - clock(), WATCH_MS) });
    if (abandoned()) return [];
    jobs = await sweep(services, claim, shuffled(shards));
    if (jobs.length === 0 && until > clock()) await services.shards.pause(Math.min(pause, until - clock()));
  }
  return jobs;
}

/** Resolves when a shard has work for the queue, or after `waitMs`. Fails only when no shard can be asked. */
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
    if (!ready) throw new Refusal("unavailable", "no work came");
  });
  // Resolves with the first shard that has work; when none had, all have waited their time.
  await Promise.any(watches).catch(() => undefined);
}

/**
 * One round: shards are asked together for their parts; then those that may have more, or had no part, one by one for
 * the rest. What one shard gave is not lost because another is away.
 */
async function sweep(services: Services, claim: Claim, shards: string[]): Promise<ClaimedJob[]> {
  const asked = shares(shards, claim.max);
  const parts = await Promise.allSettled(asked.map((part) => claimFrom(services, claim, part)));
  const jobs = parts.flatMap((part) => (part.status === "fulfilled" ? part.value : []));
  const failed = parts.find((part) => part.status === "rejected");
  if (failed !== undefined && parts.every((part) => part.status === "rejected")) throw failed.reason;
  if (failed !== undefined) return jobs;
  const full = asked.filter(({ max }, i) => fulfilledLength(parts[i]) === max).map(({ shard }) => shard);
  for (const shard of [...full, ...shards.slice(asked.length)]) {
    const max = claim.max - jobs.length;
    if (max <= 0) break;
    jobs.push(...(await claimRest(services, claim, { shard, max }, jobs.length > 0)));
  }
  return jobs;
}

function fulfilledLength(part: PromiseSettledResult<ClaimedJob[]> | undefined): number {
  return part?.status === "fulfilled" ? part.value.length : 0;
}

/** With jobs in hand already, a shard that does not answer only means fewer of them. */
async function claimRest(services: Services, claim: Claim, one: ShardShare, hasJobs: boolean): Promise<ClaimedJob[]> {
  try {
    return await claimFrom(services, claim, one);
  } catch (error) {
    if (hasJobs && error instanceof Refusal) return [];
    throw error;
  }
}

/** Not asked twice on an error: jobs that the first leased come back when their lease ends. */
async function claimFrom({ shards }: Services, claim: Claim, { shard, max }: ShardShare): Promise<ClaimedJob[]> {
  const { namespace, name: queue } = claim.settings;
  const leaseMs = claim.leaseSeconds === undefined ? null : secondsToMs(claim.leaseSeconds);
  const request = { namespace, queue, max, leaseMs, worker: claim.worker ?? null };
  const reply = await shards.once(shard, { idempotent: false }, (stub, head) => stub.claim({ ...head, ...request }));
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
