import type { AuditViolation } from "../../../contract/rpc.ts";
import type { Stores } from "../turn.ts";

/** A shard that is away comes back in less; and what is on its way is sent once a minute at least. */
const UNDERWAY_AT_MOST_MS = 600_000;

/** What a success has brought goes out: an alarm sends it again, and it arrives. */
export function spawnedGoesOut(
  { spawns, courier }: Stores,
  { alarmAt, now, lateMs }: { alarmAt: number | null; now: number; lateMs: number },
): AuditViolation[] {
  const nextAt = courier.nextAt(now);
  if (nextAt === null) return [];
  const violations: AuditViolation[] = [];
  if (alarmAt === null || alarmAt > Math.max(nextAt, now) + lateMs) {
    const detail = `spawned jobs are to be sent at ${nextAt}, alarm at ${alarmAt}`;
    violations.push({ rule: "spawned-has-alarm", detail });
  }
  const since = spawns.oldestAt();
  if (since !== null && since < now - UNDERWAY_AT_MOST_MS) {
    const detail = `a spawned job has been on its way since ${Math.floor(since)}, now ${now}`;
    violations.push({ rule: "spawned-arrives", detail });
  }
  return violations;
}
