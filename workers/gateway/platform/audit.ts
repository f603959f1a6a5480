import type { AuditView, ClusterView } from "../../../contract/admin.ts";
import { isProblem, type Result, together } from "../../../contract/problems.ts";
import type { AuditReply } from "../../../contract/rpc.ts";
import { formatTimestamp } from "../../../contract/time.ts";
import { SLOTS } from "../../../domain/slots.ts";
import type { Services } from "../services.ts";

type Violation = AuditView["violations"][number];

/** Asks every shard for jobs that nothing would ever run, and whether together they own each slot once. */
export async function audit({ shards }: Services, now: number): Promise<Result<AuditView>> {
  const map = await shards.refresh();
  if (isProblem(map)) return map;
  const replies = await shards.all({ idempotent: true }, (shard, head) => shard.audit(head));
  if (isProblem(replies)) return replies;
  const violations = [...replies.flatMap(shardViolations), ...slotViolations(replies)];
  return { ok: violations.length === 0, checkedAt: formatTimestamp(now), shards: replies.length, violations };
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
export async function cluster({ shards }: Services): Promise<Result<ClusterView>> {
  const map = await shards.refresh();
  if (isProblem(map)) return map;
  const health = await together(
    map.shards.map(({ id }) => shards.once(id, { idempotent: true }, (shard, head) => shard.wake(head))),
  );
  if (isProblem(health)) return health;
  return {
    epoch: map.epoch,
    slots: SLOTS,
    shards: map.shards.map(({ id, slots }, i) => ({
      id,
      slots: slots.map(({ from, to }): [number, number] => [from, to]),
      live: health[i]?.live ?? 0,
      bytes: health[i]?.bytes ?? 0,
    })),
  };
}
