import { isProblem, type Result } from "../../../contract/problems.ts";
import type { AuditReply } from "../../../contract/rpc.ts";
import type { ShardClient } from "../routing/shard-client.ts";

/** Steps of a pass that one run of the cron makes: of each shard, and of all shards together. Each is a call of a shard. */
export const STEPS_A_MINUTE = 40;
const STEPS_OF_ALL = 400;
/** A minute's steps of a shard are spread over so long: those of all shards, which may share a thread, take a small part of its time. */
const SPREAD_MS = 12_000;

/** How far a walk is to go. */
interface Goal {
  /** The answer with which it ends. */
  reached(reply: AuditReply): boolean;
  steps: number;
  /** Whether there is time for another step. */
  goesOn(): boolean;
  pauseMs: number;
}

/** Lets the audit of a shard go on, a bounded number of rows a call: calls of others come in between. Answers the last answer. */
async function walk(shards: ShardClient, id: string, goal: Goal): Promise<Result<AuditReply>> {
  for (let steps = 1; ; steps++) {
    const reply = await shards.once(id, { idempotent: true }, (shard, head) => shard.audit({ ...head, walk: true }));
    if (isProblem(reply) || goal.reached(reply) || steps >= goal.steps || !goal.goesOn()) return reply;
    await shards.pause(goal.pauseMs);
  }
}

/** The cron's part of a pass: as far as a minute goes, or to its end. */
export function walkForAMinute(
  shards: ShardClient,
  id: string,
  { of, goesOn }: { of: number; goesOn: () => boolean },
): Promise<Result<AuditReply>> {
  const steps = Math.max(1, Math.min(STEPS_A_MINUTE, Math.floor(STEPS_OF_ALL / of)));
  return walk(shards, id, {
    reached: ({ running }) => (running ?? null) === null,
    steps,
    goesOn,
    pauseMs: SPREAD_MS / steps,
  });
}

/**
 * Waits for the end of a pass that has begun after this call, and drives it: the one that is under way comes to its end
 * first, so that those who ask at once share passes. Where the time is over before, the answer is what is known then.
 */
export async function walkAfresh(
  shards: ShardClient,
  id: string,
  { known, of, goesOn }: { known: AuditReply; of: number; goesOn: () => boolean },
): Promise<Result<AuditReply>> {
  const wanted = Math.max(known.last?.number ?? 0, known.running?.number ?? 0) + 1;
  return walk(shards, id, {
    reached: ({ last }) => (last?.number ?? 0) >= wanted,
    steps: Math.floor(STEPS_OF_ALL / of),
    goesOn,
    pauseMs: 0,
  });
}
