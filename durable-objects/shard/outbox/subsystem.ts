import type { AuditViolation } from "../../../contract/rpc.ts";
import { comesTooLate } from "../kernel/audit-rules.ts";
import type { AuditView } from "../kernel/subsystem.ts";
import type { QueueSubsystem } from "../queues/queue-change.ts";
import { OUTBOX_SCHEDULE } from "./outbox-schedule.ts";
import { OUTBOX_MIGRATIONS } from "./outbox-schema.ts";
import { OUTBOX } from "./outbox-store.ts";

/** A shard that is away comes back in less; and what is on its way is sent once a minute at least. */
const UNDERWAY_AT_MOST_MS = 600_000;

/** Jobs that successes bring: on their way to the owners of their slots, taken in here, or refused. */
export const outbox: QueueSubsystem = {
  name: "outbox",
  schema: OUTBOX_MIGRATIONS,
  tables: [
    { table: "spawn_inbox", scope: "slot" },
    {
      table: "spawn_outbox",
      scope: "shard",
      why: "its slot is the receiver's: a row stays until that has it, and a slot is not sealed before its rows are gone",
    },
    { table: "spawn_letters", scope: "shard", why: "a letter is about a job that lies nowhere, and goes to a Queue" },
  ],
  memory: [OUTBOX, OUTBOX_SCHEDULE],
  queues: { holdings: (parts, { ref }) => ({ live: parts.get(OUTBOX).count(ref) }) },
  nextAt: (parts, now) => parts.get(OUTBOX_SCHEDULE).nextAt(now),
  audit: spawnedGoesOut,
};

/** What a success has brought goes out: an alarm sends it again, and it arrives. */
function spawnedGoesOut(view: AuditView): AuditViolation[] {
  const { alarmAt, now } = view;
  const nextAt = view.get(OUTBOX_SCHEDULE).nextAt(now);
  if (nextAt === null) return [];
  const violations: AuditViolation[] = [];
  if (comesTooLate(view, nextAt)) {
    const detail = `spawned jobs are to be sent at ${nextAt}, alarm at ${alarmAt}`;
    violations.push({ rule: "spawned-has-alarm", detail });
  }
  const since = view.get(OUTBOX).oldestAt();
  if (since !== null && since < now - UNDERWAY_AT_MOST_MS) {
    const detail = `a spawned job has been on its way since ${Math.floor(since)}, now ${now}`;
    violations.push({ rule: "spawned-arrives", detail });
  }
  return violations;
}
