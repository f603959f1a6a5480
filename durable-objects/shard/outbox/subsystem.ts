import type { AuditViolation } from "../../../contract/rpc.ts";
import { SEQUENCE_PER_MS } from "../../../domain/rank.ts";
import { type AuditView, comesTooLate, type RowRules } from "../kernel/audit-rules.ts";
import type { QueueSubsystem } from "../queues/queue-change.ts";
import { OUTBOX_SCHEDULE } from "./outbox-schedule.ts";
import { OUTBOX_MIGRATIONS } from "./outbox-schema.ts";
import { LETTER_COUNTS, OUTBOX, OUTGOING_AUDIT, OUTGOING_COUNTS } from "./outbox-store.ts";
import { nextTryAt, sendAgain } from "./sender.ts";

/** A shard that is away comes back in less; and what is on its way is sent once a minute at least. */
const UNDERWAY_AT_MOST_MS = 600_000;

/** Jobs that were set aside and are sent again in one step. */
const SENT_AGAIN_PER_STEP = 100;

/** What a success has brought arrives. */
const RULES: RowRules = {
  table: "spawn_outbox",
  key: ["slot", "seq"],
  named: "r.id",
  rules: [
    {
      rule: "spawned-arrives",
      detail: `has been on its way for more than ${UNDERWAY_AT_MOST_MS / 60_000} minutes`,
      where: `r.seq < (?1 - ${UNDERWAY_AT_MOST_MS}) * ${SEQUENCE_PER_MS}`,
    },
  ],
};

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
  memory: [OUTBOX, OUTGOING_COUNTS, LETTER_COUNTS, OUTBOX_SCHEDULE],
  queues: { holdings: (parts, { ref }) => ({ live: parts.get(OUTGOING_COUNTS).of(ref) }) },
  nextAt: (parts, now) => least(parts.get(OUTBOX_SCHEDULE).nextAt(now), nextTryAt(parts, now)),
  tick: (step) => sendAgain(step, SENT_AGAIN_PER_STEP),
  audit: { rows: [RULES], walks: [OUTGOING_AUDIT], moment: spawnedHasAlarm },
};

function least(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}

/** What a success has brought is sent again by an alarm. */
function spawnedHasAlarm(view: AuditView): AuditViolation[] {
  const nextAt = view.get(OUTBOX_SCHEDULE).nextAt(view.now);
  if (nextAt === null || !comesTooLate(view, nextAt)) return [];
  const detail = `spawned jobs are to be sent at ${nextAt}, alarm at ${view.alarmAt}`;
  return [{ rule: "spawned-has-alarm", detail }];
}
