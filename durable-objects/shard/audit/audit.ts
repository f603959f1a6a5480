import type { AuditReply, ShardCall } from "../../../contract/rpc.ts";
import type { Engine } from "../kernel/engine.ts";
import { OWNERSHIP } from "../kernel/ownership.ts";
import type { AuditView } from "../kernel/subsystem.ts";

/**
 * P10: finds a job that nothing would ever run, and every other row that breaks an invariant: each subsystem looks at what
 * is its own. Reads the whole shard. `alarmAt` is what the alarm is set to, epoch milliseconds; null when it is not.
 */
export function auditShard(engine: Engine, _request: ShardCall, alarmAt: number | null): AuditReply {
  const { name, sql } = engine;
  const view: AuditView = { name, sql, get: (part) => engine.get(part), alarmAt, now: engine.now() };
  const { epoch, ranges } = engine.get(OWNERSHIP);
  const violations = engine.subsystems.flatMap((subsystem) => subsystem.audit?.(view) ?? []);
  return { shard: name, epoch, slots: [...ranges], violations };
}
