import type { AuditViolation } from "../../../contract/rpc.ts";
import { MAX_ECHO_MS } from "../../../domain/bell.ts";
import { slotOf } from "../../../domain/slots.ts";
import type { Sql } from "../../sql.ts";
import type { Waiting } from "../bells.ts";
import { countRows } from "../counts.ts";
import { BLOCKS } from "../rows.ts";
import type { Stores } from "../turn.ts";
import { feedsGoOn } from "./audit-feeds.ts";
import { FLOW_RULES, limitsLeaveRoom, type RowRule, waitsHaveAlarm } from "./audit-flow.ts";
import { PARKED_RULES } from "./audit-parked.ts";
import { spawnedGoesOut } from "./audit-spawn.ts";
import { transactionsEnd } from "./audit-transactions.ts";

/** A deadline may lie this far in the past before it counts as forgotten: alarms are late by up to a minute. */
const OVERDUE_MS = 60_000;
/** Offenders named for each rule at most. */
const MAX_NAMED = 5;

interface Standpoint {
  owns: (slot: number) => boolean;
  alarmAt: number | null;
  /** What an executor or the projector could take now. */
  waiting: Waiting[];
  now: number;
}

/** Rules that a query over the rows decides: it returns the offenders. */
const ROW_RULES: RowRule[] = [
  ...FLOW_RULES,
  ...PARKED_RULES,
  {
    rule: "queued-reachable",
    detail: "queued behind its ordering key, with no open job of that key to wait for",
    query: `SELECT id FROM jobs AS j WHERE state IN ('queued', 'scheduled') AND blocked & ${BLOCKS.line} AND NOT EXISTS
      (SELECT 1 FROM jobs AS o WHERE o.queue = j.queue AND o.ordering_key = j.ordering_key AND o.blocked & ${BLOCKS.line} = 0
         AND o.ordering_key IS NOT NULL AND o.state IN ('scheduled', 'queued', 'running'))
      AND NOT EXISTS (SELECT 1 FROM undecided AS u WHERE u.queue = j.queue AND u.line = j.ordering_key)`,
  },
  {
    rule: "one-open-job-a-key",
    detail: "is open beside another job of its ordering key",
    query: `SELECT min(id) AS id FROM jobs WHERE ordering_key IS NOT NULL AND state IN ('scheduled', 'queued', 'running')
      AND blocked & ${BLOCKS.line} = 0 GROUP BY queue, ordering_key HAVING count(*) > 1`,
  },
  {
    rule: "after-reachable",
    detail: "waits for a job of its deduplication key that has ended, or that nobody would open it after",
    query: `SELECT id FROM jobs AS j WHERE state IN ('queued', 'scheduled') AND blocked & 8 AND NOT EXISTS
      (SELECT 1 FROM dedup AS d JOIN jobs AS h ON h.id = d.job WHERE d.queue = j.queue AND d.key = j.dedup_key
         AND d.next = j.id AND h.state IN ('scheduled', 'queued', 'running') AND d.scope =
         coalesce(j.ordering_key, 'c' || char(0) || j.concurrency_key, ''))`,
  },
  {
    rule: "next-waits",
    detail: "is to run after another job of its deduplication key, and does not wait for it",
    query: `SELECT next AS id FROM dedup WHERE next IS NOT NULL AND next NOT IN
      (SELECT id FROM jobs WHERE state IN ('queued', 'scheduled') AND blocked & 8)`,
  },
  {
    rule: "running-has-lease",
    detail: "runs without a lease that will end",
    query: `SELECT id FROM jobs WHERE state = 'running'
      AND (lease IS NULL OR lease_ends_at IS NULL OR attempt_ends_at IS NULL
        OR due_at IS NOT min(lease_ends_at, attempt_ends_at))`,
  },
  {
    rule: "scheduled-has-due-time",
    detail: "is scheduled without a time at which it becomes due",
    query: `SELECT id FROM jobs WHERE state = 'scheduled' AND due_at IS NOT min(run_at, coalesce(expires_at, run_at))`,
  },
  {
    rule: "final-is-at-rest",
    detail: "is final and still has a deadline, a place under a limit, or no end",
    query: `SELECT id FROM jobs WHERE state IN ('succeeded', 'failed', 'cancelled', 'discarded')
      AND (due_at IS NOT NULL OR held = 1 OR finished_at IS NULL)`,
  },
  {
    rule: "final-is-logged",
    detail: "is final and history will never hear of it",
    query: `SELECT id FROM jobs WHERE state IN ('succeeded', 'failed', 'cancelled', 'discarded') AND (id, version) NOT IN
      (SELECT entry.value ->> 0, entry.value ->> 1 FROM finished, json_each(finished.jobs) AS entry)`,
  },
  {
    rule: "row-readable",
    detail: "has columns that cannot be read: the clock would stop at it",
    query:
      "SELECT id FROM jobs WHERE NOT json_valid(spec) OR NOT json_valid(attempts) OR NOT coalesce(json_valid(error), 1)",
  },
  {
    rule: "queue-known",
    detail: "belongs to a queue that this shard does not know",
    query: "SELECT id FROM jobs WHERE queue NOT IN (SELECT ref FROM queues)",
  },
];

/** P10: finds a job that nothing would ever run, and every other row that breaks an invariant. Reads the whole shard. */
export function auditShard(sql: Sql, stores: Stores, standpoint: Standpoint): AuditViolation[] {
  return [
    ...ROW_RULES.flatMap(({ rule, detail, query }) =>
      sql.all<{ id: string }>(`${query} LIMIT ${MAX_NAMED}`).map(({ id }) => ({ rule, detail: `${id} ${detail}` })),
    ),
    ...limitsLeaveRoom(stores),
    ...slotsAreOwned(sql, stores, standpoint.owns),
    ...deadlinesHaveAlarm(stores, standpoint),
    ...waitingHasAlarm(standpoint),
    ...waitsHaveAlarm(stores, { ...standpoint, lateMs: OVERDUE_MS }),
    ...schedulesGoOn(stores, standpoint),
    ...feedsGoOn(sql, stores, { ...standpoint, lateMs: OVERDUE_MS }),
    ...countsEqualRows(sql, stores),
    ...transactionsEnd(stores, standpoint.now),
    ...spawnedGoesOut(stores, { ...standpoint, lateMs: OVERDUE_MS }),
  ];
}

function slotsAreOwned(sql: Sql, stores: Stores, owns: Standpoint["owns"]): AuditViolation[] {
  const known = new Map(stores.queues.all().map(({ ref, settings }) => [ref, settings]));
  return sql
    .all<{ queue: number; partition: number }>("SELECT DISTINCT queue, partition FROM jobs")
    .flatMap(({ queue, partition }) => {
      const settings = known.get(queue);
      if (settings === undefined) return [];
      const slot = slotOf(settings.namespace, settings.name, partition);
      if (owns(slot)) return [];
      return [
        { rule: "slot-owned", detail: `queue ${settings.name} has jobs in slot ${slot}, which is not this shard's` },
      ];
    });
}

function deadlinesHaveAlarm(stores: Stores, { alarmAt, now }: Standpoint): AuditViolation[] {
  const dueAt = stores.jobs.nextDueAt();
  if (dueAt === null) return [];
  if (alarmAt === null) return [{ rule: "deadline-has-alarm", detail: "something is due and no alarm is set" }];
  const late = dueAt < now - OVERDUE_MS || alarmAt > Math.max(dueAt, now) + OVERDUE_MS;
  return late ? [{ rule: "deadline-has-alarm", detail: `due at ${dueAt}, alarm at ${alarmAt}, now ${now}` }] : [];
}

/** A bell may be lost: only the alarm rings it again. */
function waitingHasAlarm({ alarmAt, waiting, now }: Standpoint): AuditViolation[] {
  if (alarmAt !== null && alarmAt <= now + MAX_ECHO_MS + OVERDUE_MS) return [];
  return waiting
    .filter(({ jobs }) => jobs > 0)
    .map(({ line, jobs }) => ({
      rule: "waiting-has-alarm",
      detail: `${jobs} ${line === "events" ? "subscriptions" : "jobs"} wait in ${line}, and no alarm will ring for them again`,
    }));
}

/** A schedule that is not paused has a next instant, the clock looks at it in time, and an alarm makes it look. */
function schedulesGoOn(stores: Stores, { alarmAt, now }: Standpoint): AuditViolation[] {
  const stuck = stores.schedules.stuck(now - OVERDUE_MS, MAX_NAMED).map(({ namespace, name, next_at, due_at }) => ({
    rule: "schedule-goes-on",
    detail: `schedule ${namespace}/${name}: next instant ${next_at}, due at ${due_at}, now ${now}`,
  }));
  const dueAt = stores.schedules.nextDueAt();
  if (dueAt === null || (alarmAt !== null && alarmAt <= Math.max(dueAt, now) + OVERDUE_MS)) return stuck;
  return [...stuck, { rule: "schedule-has-alarm", detail: `a schedule is due at ${dueAt}, alarm at ${alarmAt}` }];
}

function countsEqualRows(sql: Sql, stores: Stores): AuditViolation[] {
  const rows = new Map(countRows(sql).map(({ queue, standing, n }) => [`${queue}/${standing}`, n]));
  const violations: AuditViolation[] = [];
  for (const [queue, tally] of stores.counts.queues()) {
    for (const [standing, counted] of Object.entries(tally)) {
      const actual = rows.get(`${queue}/${standing}`) ?? 0;
      rows.delete(`${queue}/${standing}`);
      if (counted !== actual) {
        violations.push({
          rule: "counts-equal-rows",
          detail: `queue ${queue}: ${counted} ${standing} counted, ${actual} rows`,
        });
      }
    }
  }
  for (const [key, n] of rows) violations.push({ rule: "counts-equal-rows", detail: `${key}: 0 counted, ${n} rows` });
  return violations;
}
