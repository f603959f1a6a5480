import { isProblem, type Result, valuesOf } from "../../../contract/problems.ts";
import type { ClaimBody } from "../../../contract/pull.ts";
import type { ClaimedJob } from "../../../contract/rpc.ts";
import { secondsToMs } from "../../../contract/time.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { ownerOf, slotOf } from "../../../domain/slots.ts";
import type { WaitingClient } from "../answered.ts";
import { Watches, type WatchesOptions } from "../routing/watches.ts";
import type { Services } from "../services.ts";

/** Work that was there and is not any more, because another worker was quicker, is waited for again this much later. */
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
export async function claimNow(services: Services, claim: Claim, now: number): Promise<Result<ClaimedJob[]>> {
  const shards = await shardsOf(services, claim.settings);
  if (isProblem(shards)) return shards;
  const jobs = await sweep(services, claim, shuffled(shards));
  noteDrained(services, claim, { drained: !isProblem(jobs) && jobs.length === 0, now });
  return jobs;
}

/** Whether the claim found nothing at shards that could all be reached. */
function noteDrained(
  { drained: queues }: Services,
  { settings }: Claim,
  found: { drained: boolean; now: number },
): void {
  if (found.drained) queues.note(settings, found.now);
  else queues.forget(settings);
}

/**
 * Waits up to `claim.wait` for jobs. The wait leases nothing: the shards are watched, and the first to have work is claimed from; a
 * wait for which no work came claims nothing. A client that is gone by then gets no lease: nobody would hear of it, the job
 * would wait for its end, and an attempt be lost. Where nobody says that it has gone (`client` is null), the shards hold calls, which the
 * runtime ends together with the caller's; a watch would outlive it.
 */
export async function claimWaiting(
  services: Services,
  claim: Claim,
  { clock, client, mayGoOn }: { clock: () => number; client: WaitingClient | null; mayGoOn: () => Promise<boolean> },
): Promise<Result<ClaimedJob[]>> {
  const until = clock() + secondsToMs(claim.wait);
  const shards = await shardsOf(services, claim.settings);
  if (isProblem(shards)) return shards;
  const watches = watchesOf(services, claim.settings, { shards, until, clock, holds: client === null });
  client?.onLeave(() => watches.close());
  let drained: boolean | null = false;
  try {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LAST_PAUSE_MS)) {
      const shard = await watches.next();
      if (shard === null) {
        drained = watches.reached;
        return [];
      }
      if (client !== null && !(await client.isThere())) return [];
      if (!(await mayGoOn())) return [];
      const jobs = await claimFrom(services, claim, { shard, max: claim.max });
      if (isProblem(jobs) || jobs.length > 0) return jobs;
      void services.shards.pause(pause).then(() => watches.waitOn(shard));
    }
  } finally {
    watches.close();
    if (drained !== null) noteDrained(services, claim, { drained, now: clock() });
  }
}

function watchesOf(
  { shards: client, waitingClaims }: Services,
  settings: QueueSettings,
  when: Pick<WatchesOptions, "shards" | "until" | "clock" | "holds">,
): Watches {
  const { namespace, name: queue } = settings;
  return new Watches(client, {
    ...when,
    others: waitingClaims.of(settings, when.clock()),
    watched: { for: "work", namespace, queue },
    ask: (shard, waitMs) =>
      client.once(shard, { idempotent: true }, (stub, head) => stub.awaitWork({ ...head, namespace, queue, waitMs })),
  });
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
  const allAttempts = claim.include?.includes("attempts") ?? false;
  const worker = claim.worker ?? null;
  const request = { namespace, queue, max, leaseMs, worker, begins: claim.begins, allAttempts };
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
