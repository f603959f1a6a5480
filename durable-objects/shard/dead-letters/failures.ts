import type { FailureGroup, FailuresReply, FailuresRequest } from "../../../contract/rpc.ts";
import { normaliseMessage } from "../../../domain/fingerprint.ts";
import type { Sql, SqlRow } from "../../sql.ts";
import type { JobHead } from "../rows.ts";
import type { Turn } from "../turn.ts";
import { errorOf, kindOf } from "./dead.ts";

/** A call ends with the kind in which it has counted this many jobs, or with this many kinds. */
const COUNTED_PER_STEP = 50_000;
const KINDS_PER_STEP = 500;
/** Jobs that failed under an earlier version of Dure and get their fingerprint in one step. */
const MARKED_PER_STEP = 500;

interface Counted extends SqlRow {
  count: number;
  firstAt: number;
  lastAt: number;
}

/** The kinds of failures of a queue, by fingerprint, from the index alone but for one job of each. */
export function failuresOf(turn: Turn, sql: Sql, request: FailuresRequest): FailuresReply {
  const queue = turn.stores.queues.find(request.namespace, request.queue);
  if (queue === null) return { groups: [], next: null };
  markOld(sql, queue.ref);
  const groups: FailureGroup[] = [];
  let counted = 0;
  for (let after = request.after ?? ""; ; ) {
    const fingerprint = nextKind(sql, queue.ref, after);
    if (fingerprint === null) return { groups, next: null };
    const group = groupOf(sql, queue.ref, fingerprint);
    groups.push(group);
    after = fingerprint;
    counted += group.count;
    if (counted >= COUNTED_PER_STEP || groups.length >= KINDS_PER_STEP) return { groups, next: after };
  }
}

function nextKind(sql: Sql, queue: number, after: string): string | null {
  const row = sql.all<{ fingerprint: string | null }>(
    `SELECT min(fingerprint) AS fingerprint FROM jobs INDEXED BY jobs_failed
     WHERE queue = ? AND fingerprint > ? AND state = 'failed'`,
    queue,
    after,
  )[0];
  return row?.fingerprint ?? null;
}

function groupOf(sql: Sql, queue: number, fingerprint: string): FailureGroup {
  const counts = sql.all<Counted>(
    `SELECT count(*) AS count, min(finished_at) AS firstAt, max(finished_at) AS lastAt FROM jobs INDEXED BY jobs_failed
     WHERE queue = ? AND fingerprint = ? AND state = 'failed'`,
    queue,
    fingerprint,
  )[0];
  const last = sql.all<Pick<JobHead, "id" | "error">>(
    `SELECT id, error FROM jobs INDEXED BY jobs_failed
     WHERE queue = ? AND fingerprint = ? AND state = 'failed' ORDER BY finished_at DESC LIMIT 1`,
    queue,
    fingerprint,
  )[0];
  const error = last === undefined ? null : errorOf(last);
  if (counts === undefined || last === undefined || error === null) throw new Error(`kind ${fingerprint} has no job`);
  return { fingerprint, code: error.code, message: normaliseMessage(error.message), sample: last.id, ...counts };
}

/** Jobs that failed before there were fingerprints get theirs when somebody first asks. */
function markOld(sql: Sql, queue: number): void {
  const rows = sql.all<Pick<JobHead, "id" | "error" | "fingerprint">>(
    `SELECT id, error, fingerprint FROM jobs INDEXED BY jobs_failed
     WHERE queue = ? AND fingerprint IS NULL AND state = 'failed' LIMIT +?`,
    queue,
    MARKED_PER_STEP,
  );
  for (const row of rows) sql.run("UPDATE jobs SET fingerprint = ? WHERE id = ?", kindOf(row), row.id);
}
