import type { AuditPassView, AuditReply, AuditRequest } from "../../../contract/rpc.ts";
import { COUNTS } from "../jobs/counts.ts";
import type { AuditView } from "../kernel/audit-rules.ts";
import type { Engine } from "../kernel/engine.ts";
import { OWNERSHIP } from "../kernel/ownership.ts";
import { AUDIT } from "./audit-state.ts";
import { Findings } from "./findings.ts";
import type { PassRecord } from "./pass.ts";

/** Rows that one step of a pass looks at. It takes some five milliseconds. */
export const STEP_ROWS = 500;
/** A shard on which a pass looks at no more rows than this is looked at whole, in the call that asks. */
export const SMALL_ROWS = 4_000;
/**
 * A larger database is not looked at in that call: whether a shard is small must be known before a row is read. An empty one
 * has some 0.6 MB, in the pages of its tables and indexes, and a job takes about 0.7 kB.
 */
const SMALL_BYTES = 4 * 1024 * 1024;

/**
 * P10: finds a job that nothing would ever run, and every other row that breaks an invariant: each subsystem says what its
 * own rows keep. With `walk` the pass that is under way goes a step on, and one is begun where there is none. Without it the
 * answer is what is known: of a small shard all of it, looked at now; else what the last full pass has found and
 * the one that is under way. `alarmAt` is what the alarm is set to, epoch milliseconds; null when it is not; undefined: what this
 * instance has set it to.
 */
export function auditShard(engine: Engine, request: AuditRequest, alarmAt: number | null | undefined): AuditReply {
  const view = viewOf(engine, alarmAt === undefined ? engine.armedAt : alarmAt);
  const state = engine.get(AUDIT);
  if (request.walk === true) {
    state.walk(engine, view, STEP_ROWS);
    return replyOf(engine, false, findingsSoFar(engine, view));
  }
  const fresh = maybeSmall(engine) ? state.look(view, SMALL_ROWS) : null;
  return fresh === null
    ? replyOf(engine, false, findingsSoFar(engine, view))
    : replyOf(engine, true, withMoment(engine, view, fresh));
}

/** Whether a pass may look at no more than `SMALL_ROWS`, by what is kept: to ask costs nothing, however much there is. */
function maybeSmall(engine: Engine): boolean {
  const { unfinished, dead } = engine.get(COUNTS);
  const jobs = unfinished + dead.failed + dead.cancelled;
  // Each job is looked at twice: its row by itself, and with the counts.
  return 2 * jobs <= SMALL_ROWS && engine.sql.bytes() <= SMALL_BYTES;
}

/** Looks at the whole shard at once, however large it is: for tests, which own the shard. */
export function auditWhole(engine: Engine, alarmAt: number | null): AuditReply {
  const view = viewOf(engine, alarmAt);
  const found = engine.get(AUDIT).look(view, Number.MAX_SAFE_INTEGER);
  return replyOf(engine, true, withMoment(engine, view, found ?? new Findings()));
}

function viewOf(engine: Engine, alarmAt: number | null): AuditView {
  const { name, sql } = engine;
  return { name, sql, get: (part) => engine.get(part), alarmAt, now: engine.now() };
}

/** What the last full pass and the one under way have found, and what is wrong at this moment. */
function findingsSoFar(engine: Engine, view: AuditView): Findings {
  const { last, running } = engine.get(AUDIT);
  const findings = new Findings(last?.violations ?? []);
  findings.add(running?.findings.list() ?? []);
  return withMoment(engine, view, findings);
}

function withMoment({ subsystems }: Engine, view: AuditView, findings: Findings): Findings {
  for (const { audit } of subsystems) findings.add(audit?.moment?.(view) ?? []);
  return findings;
}

function replyOf(engine: Engine, fresh: boolean, findings: Findings): AuditReply {
  const { last, running } = engine.get(AUDIT);
  const { epoch, ranges } = engine.get(OWNERSHIP);
  return {
    shard: engine.name,
    epoch,
    slots: [...ranges],
    violations: findings.list(),
    fresh,
    last: last === null ? null : passView(last),
    running: running === null ? null : passView(running.record(null)),
  };
}

function passView({ pass, startedAt, finishedAt, rows, violations }: PassRecord): AuditPassView {
  return { number: pass, startedAt, finishedAt, rows, violations: violations.length };
}
