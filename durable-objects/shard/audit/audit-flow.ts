import type { AuditViolation } from "../../../contract/rpc.ts";
import { rateHoldsUntil } from "../claiming/limits.ts";
import { BLOCKS } from "../rows.ts";
import type { Stores } from "../turn.ts";

/** A rule that a query over the rows decides: it returns the offenders. */
export interface RowRule {
  rule: string;
  detail: string;
  query: string;
}

const KNOWN_BLOCKS = Object.values(BLOCKS).reduce((all, bit) => all | bit, 0);

/** What holds for jobs that wait though they are due: a bit of `blocked` is set, and something will clear it. */
export const FLOW_RULES: RowRule[] = [
  {
    rule: "gate-opens",
    detail:
      "waits at the gate of its concurrency key, where no job of the key runs or stands open and no time is written down",
    query: `SELECT id FROM jobs AS j WHERE state = 'queued' AND blocked = ${BLOCKS.gate}
      AND NOT EXISTS (SELECT 1 FROM jobs AS o WHERE o.queue = j.queue AND o.concurrency_key = j.concurrency_key
        AND o.concurrency_key IS NOT NULL AND o.state IN ('queued', 'running') AND o.state = 'running')
      AND NOT EXISTS (SELECT 1 FROM jobs AS o WHERE o.queue = j.queue AND o.concurrency_key = j.concurrency_key
        AND o.concurrency_key IS NOT NULL AND o.state IN ('queued', 'running') AND o.state = 'queued' AND o.blocked = 0)
      AND NOT EXISTS (SELECT 1 FROM gates AS g WHERE g.queue = j.queue AND g.key = j.concurrency_key AND g.look_at IS NOT NULL)`,
  },
  {
    rule: "gate-has-key",
    detail: "stands at a gate, and is not queued or has no concurrency key",
    query: `SELECT id FROM jobs WHERE blocked & ${BLOCKS.gate} AND (state <> 'queued' OR concurrency_key IS NULL)`,
  },
  {
    rule: "block-known",
    detail: "is held back by something that nothing knows, and nothing will lift",
    query: `SELECT id FROM jobs WHERE state IN ('scheduled', 'queued', 'running') AND (blocked & ~${KNOWN_BLOCKS}
      OR blocked & ${BLOCKS.line} AND ordering_key IS NULL OR blocked <> 0 AND state = 'running')`,
  },
];

/** A limit of which a partition has no share would keep its jobs waiting for ever. */
export function limitsLeaveRoom(stores: Stores): AuditViolation[] {
  return stores.queues.all().flatMap((queue) => {
    const { name, concurrency, rate, partitions } = queue.settings;
    const limits = [
      { what: "concurrency", limit: concurrency },
      { what: "rate", limit: rate?.limit ?? null },
    ].filter(({ limit }) => limit !== null);
    if (limits.length === 0) return [];
    return stores.jobs.readyPartitions(queue.ref).flatMap((partition) =>
      limits
        .filter(({ limit }) => partition >= partitions || (limit ?? 0) < partitions)
        .map(({ what, limit }) => ({
          rule: "limit-leaves-room",
          detail: `queue ${name}: partition ${partition} of ${partitions} has no share of ${what} ${limit}`,
        })),
    );
  });
}

/** A job that waits for a rate, or at a gate, for a time: an alarm has to come soon after it. */
export function waitsHaveAlarm(
  stores: Stores,
  { alarmAt, now, lateMs }: { alarmAt: number | null; now: number; lateMs: number },
): AuditViolation[] {
  const late = (at: number) => alarmAt === null || alarmAt > Math.max(at, now) + lateMs;
  const rates = stores.queues.all().flatMap((queue) => {
    const at = rateHoldsUntil(stores, queue, now);
    return at === null || !Number.isFinite(at) || !late(at)
      ? []
      : [`queue ${queue.settings.name} waits for its rate until ${at}`];
  });
  const lookAt = stores.flow.nextLookAt();
  const gates =
    lookAt !== null && (lookAt < now - lateMs || late(lookAt)) ? [`a gate is to be settled at ${lookAt}`] : [];
  return [...rates, ...gates].map((what) => ({
    rule: "wait-has-alarm",
    detail: `${what}, alarm at ${alarmAt}, now ${now}`,
  }));
}
