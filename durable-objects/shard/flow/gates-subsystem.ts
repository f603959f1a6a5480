import type { AuditViolation } from "../../../contract/rpc.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { notAhead } from "../../../domain/rate.ts";
import { COUNTS } from "../jobs/counts.ts";
import { JOB_ROWS } from "../jobs/job-audit.ts";
import type { JobSubsystem } from "../jobs/job-change.ts";
import { BLOCKS } from "../jobs/job-row.ts";
import { type AuditView, comesTooLate, OVERDUE_MS, type RowRules } from "../kernel/audit-rules.ts";
import type { Parts } from "../kernel/part.ts";
import { QUARANTINE, walk } from "../kernel/quarantine.ts";
import type { Step } from "../kernel/step.ts";
import type { QueueSubsystem } from "../queues/queue-change.ts";
import { QUEUES, wakeForQueue } from "../queues/queue-store.ts";
import { FLOW_MIGRATIONS } from "./flow-schema.ts";
import { EACH_GATE, FLOW } from "./flow-store.ts";
import { touchGate, touchGates } from "./gates.ts";
import { startsCountUntil } from "./limits.ts";
import { LIMITS_AUDIT } from "./limits-audit.ts";

/** Gates rebalanced in one step. */
const GATES_PER_STEP = 100;

const KNOWN_BLOCKS = Object.values(BLOCKS).reduce((all, bit) => all | bit, 0);

/** Other jobs of the concurrency key of the job `r`. */
const KEY = `SELECT 1 FROM jobs AS o INDEXED BY jobs_gate WHERE o.queue = r.queue AND o.concurrency_key = r.concurrency_key
  AND o.concurrency_key IS NOT NULL AND o.state IN ('queued', 'running')`;

/** What holds for jobs that wait though they are due: a bit of `blocked` is set, and something will clear it. */
const RULES: RowRules = {
  ...JOB_ROWS,
  rules: [
    {
      rule: "gate-opens",
      detail:
        "waits at the gate of its concurrency key, where no job of the key runs or stands open and no time is written down",
      where: `r.state = 'queued' AND r.blocked = ${BLOCKS.gate}
        AND NOT EXISTS (${KEY} AND o.state = 'running') AND NOT EXISTS (${KEY} AND o.state = 'queued' AND o.blocked = 0)
        AND NOT EXISTS (SELECT 1 FROM gates AS g
          WHERE g.slot = r.slot AND g.queue = r.queue AND g.key = r.concurrency_key AND g.look_at IS NOT NULL)`,
    },
    {
      rule: "gate-has-key",
      detail: "stands at a gate, and is not queued or has no concurrency key",
      where: `r.blocked & ${BLOCKS.gate} AND (r.state <> 'queued' OR r.concurrency_key IS NULL)`,
    },
    {
      rule: "block-known",
      detail: "is held back by something that nothing knows, and nothing will clear",
      where: `r.state IN ('scheduled', 'queued', 'running') AND (r.blocked & ~${KNOWN_BLOCKS}
        OR r.blocked & ${BLOCKS.line} AND r.ordering_key IS NULL OR r.blocked <> 0 AND r.state = 'running')`,
    },
  ],
};

/** Limits of queues and of concurrency keys: the gates of the keys, and the starts that rates count. */
export const gates: JobSubsystem & QueueSubsystem = {
  name: "gates and rates",
  schema: FLOW_MIGRATIONS,
  tables: [
    { table: "gates", scope: "slot" },
    { table: "rates", scope: "slot" },
  ],
  memory: [FLOW],
  jobs: {
    on: [
      "accept",
      "claim",
      "succeed",
      "due",
      "retry",
      "putBack",
      "fail",
      "expire",
      "cancel",
      "reject",
      "redrive",
      "replace",
      "blocks",
    ],
    key: "concurrency_key",
    onChange: touchGates,
  },
  queues: {
    onSettings(step, { ref, settings }, before) {
      if (before === null || !keyLimitsDiffer(before, settings)) return;
      step.get(FLOW).lookAtAll(ref, step.now);
      step.wakeAt(step.now);
    },
    holdings: (parts, queue, now) => ({ startsCountUntil: startsCountUntil(parts, queue, now) }),
  },
  nextAt: nextLook,
  tick: lookAtGates,
  ticksBeforeClaims: true,
  clampToClock,
  audit: { rows: [RULES], walks: [LIMITS_AUDIT], moment: gatesHaveAlarm },
};

function keyLimitsDiffer(a: QueueSettings, b: QueueSettings): boolean {
  const limits = ({ perKeyConcurrency, perKeyRate }: QueueSettings) => JSON.stringify([perKeyConcurrency, perKeyRate]);
  return limits(a) !== limits(b);
}

function lookAtGates(step: Step): boolean {
  const limit = GATES_PER_STEP + step.get(QUARANTINE).count(EACH_GATE.kind, step.now);
  const rows = step.get(FLOW).gatesToLookAt(step.now, limit);
  walk(step, EACH_GATE, { rows, each: (gateKey) => touchGate(step, gateKey, 0) });
  wakeWhereRatesOpen(step);
  return rows.length === limit;
}

/** When the clock has to look at a gate: at those that are set aside from their next try on. */
function nextLook(parts: Parts, now: number): number | null {
  const flow = parts.get(FLOW);
  return parts.get(QUARANTINE).nextAt({ kind: EACH_GATE.kind, now }, flow.nextLookAt, flow.lookTimes);
}

/** A rate opens by time alone: those who wait for work of its queue look again. */
function wakeWhereRatesOpen(step: Step): void {
  const queues = step.get(QUEUES);
  for (const ref of step.get(COUNTS).withReady()) {
    const { settings } = queues.get(ref);
    if (settings.rate !== null) wakeForQueue(step, settings);
  }
}

/**
 * After the clock has stepped back, starts of rates seem to lie ahead and would hold others back until the clock has
 * caught up: they are taken to have been just now. True when more gates are to be looked at than one step may.
 */
function clampToClock(step: Step): boolean {
  const flow = step.get(FLOW);
  let longestMs = -1;
  let rated = false;
  for (const { settings } of step.get(QUEUES).all()) {
    longestMs = Math.max(longestMs, settings.perKeyRate?.periodMs ?? -1);
    rated ||= settings.rate !== null;
  }
  const ahead = rated ? flow.rateLogsAhead(step.now) : [];
  for (const { log, ...partition } of ahead) flow.saveRateLog(partition, notAhead(log, step.now));
  // A gate waits for a start of its log to be over: never longer than its period.
  const beyond = longestMs < 0 ? [] : flow.gatesBeyond(step.now + longestMs + 1, GATES_PER_STEP);
  walk(step, EACH_GATE, { rows: beyond, each: (gateKey) => touchGate(step, gateKey, 0) });
  return beyond.length === GATES_PER_STEP;
}

/** A job that waits at a gate for a time: an alarm has to come soon after it. */
function gatesHaveAlarm(view: AuditView): AuditViolation[] {
  const { alarmAt, now } = view;
  const lookAt = nextLook(view, now);
  if (lookAt === null || (lookAt >= now - OVERDUE_MS && !comesTooLate(view, lookAt))) return [];
  return [
    { rule: "wait-has-alarm", detail: `a gate is to be looked at at ${lookAt}, alarm at ${alarmAt}, now ${now}` },
  ];
}
