import type { AuditView, ClusterView } from "../../../contract/admin.ts";
import { isProblem, type Result, together } from "../../../contract/problems.ts";
import type { AuditReply, ExecutorHealth } from "../../../contract/rpc.ts";
import { formatTimestamp } from "../../../contract/time.ts";
import { SLOTS, shardsFault, shardsFrom } from "../../../domain/slots.ts";
import type { Services } from "../services.ts";
import { walkAfresh } from "./audit-walk.ts";

type Violation = AuditView["violations"][number];

/** For how long a call waits at most that asks for a fresh pass. */
const FRESH_MS = 55_000;

/**
 * What the audit of every shard knows of jobs that nothing would ever run, and whether together they own each slot once. With
 * `fresh` it waits for a pass over each shard that begins after this call, as far as that ends in time.
 */
export async function audit({ shards }: Services, clock: () => number, fresh: boolean): Promise<Result<AuditView>> {
  const began = clock();
  const map = await shards.refresh();
  if (isProblem(map)) return map;
  const goesOn = () => Math.abs(clock() - began) < FRESH_MS;
  const replies = await together(
    map.shards.map(async ({ id }): Promise<Result<AuditReply>> => {
      const known = await shards.once(id, { idempotent: true }, (shard, head) => shard.audit(head));
      if (isProblem(known) || !fresh || known.fresh !== false) return known;
      return walkAfresh(shards, id, { known, of: map.shards.length, goesOn });
    }),
  );
  if (isProblem(replies)) return replies;
  const violations = [...replies.flatMap(shardViolations), ...slotViolations(replies)];
  return {
    ok: violations.length === 0,
    checkedAt: formatTimestamp(clock()),
    shards: replies.length,
    violations,
    passes: replies.map(lastPass),
    running: replies.flatMap(runningPass),
  };
}

function lastPass({ shard, last }: AuditReply): AuditView["passes"][number] {
  if (!last) return { shard, startedAt: null, finishedAt: null, rows: 0 };
  const { startedAt, finishedAt, rows } = last;
  return {
    shard,
    startedAt: formatTimestamp(startedAt),
    finishedAt: finishedAt === null ? null : formatTimestamp(finishedAt),
    rows,
  };
}

function runningPass({ shard, running }: AuditReply): AuditView["running"] {
  if (!running) return [];
  const { startedAt, rows, violations } = running;
  return [{ shard, startedAt: formatTimestamp(startedAt), rows, violations }];
}

function shardViolations({ shard, violations }: AuditReply): Violation[] {
  return violations.map(({ rule, detail }) => ({ shard, rule, detail }));
}

/** Slots that no shard says it owns, or that two say they own, by what the shards themselves hold true. */
export function slotViolations(replies: Pick<AuditReply, "shard" | "slots">[]): Violation[] {
  const owners = new Map<number, string>();
  const violations: Violation[] = [];
  for (const { shard, slots } of replies) {
    for (const { from, to } of slots) {
      const twice: number[] = [];
      for (let slot = from; slot <= to; slot++) {
        if (owners.has(slot)) twice.push(slot);
        else owners.set(slot, shard);
      }
      const [first] = twice;
      if (first !== undefined) {
        violations.push({
          shard,
          rule: "slot-owned-twice",
          detail: `${twice.length} slots, the first ${first}, are also owned by ${owners.get(first)}`,
        });
      }
    }
  }
  const unowned = Array.from({ length: SLOTS }, (_, slot) => slot).filter((slot) => !owners.has(slot));
  if (unowned.length > 0) {
    violations.push({ shard: "", rule: "slot-unowned", detail: `${unowned.length} slots, the first ${unowned[0]}` });
  }
  return violations;
}

/** The map and what each shard holds. */
export async function cluster({ shards, config }: Services): Promise<Result<ClusterView>> {
  const map = await shards.refresh();
  if (isProblem(map)) return map;
  const health = await together(
    map.shards.map(({ id }) => shards.once(id, { idempotent: true }, (shard, head) => shard.health(head))),
  );
  if (isProblem(health)) return health;
  return {
    epoch: map.epoch,
    slots: SLOTS,
    configuredShards: shardsFrom(config.shards),
    warning: shardsFault(config.shards, map),
    shards: map.shards.map(({ id, slots }, i) => ({
      id,
      slots: slots.map(({ from, to }): [number, number] => [from, to]),
      live: health[i]?.live ?? 0,
      bytes: health[i]?.bytes ?? 0,
      executors: (health[i]?.executors ?? []).map(executorView),
    })),
  };
}

function executorView({ lane, executor, version, visitedAt, awaySince }: ExecutorHealth) {
  return {
    lane,
    executor,
    version,
    visitedAt: visitedAt === null ? null : formatTimestamp(visitedAt),
    waitingSince: awaySince === null ? null : formatTimestamp(awaySince),
  };
}
