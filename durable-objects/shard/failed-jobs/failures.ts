import type { FailureGroup, FailuresReply, FailuresRequest } from "../../../contract/rpc.ts";
import { normaliseMessage } from "../../../domain/fingerprint.ts";
import type { SqlRow } from "../../sql.ts";
import type { JobHead } from "../jobs/job-row.ts";
import type { Parts } from "../kernel/part.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { errorOf } from "./failed-jobs.ts";

/** A call ends with the kind in which it has counted this many jobs, or with this many kinds. */
const COUNTED_PER_STEP = 50_000;
const KINDS_PER_STEP = 500;

interface Counted extends SqlRow {
  count: number;
  firstAt: number;
  lastAt: number;
}

/** The kinds of failures of a queue, by fingerprint, from the index alone but for one job of each. */
export function failuresOf(parts: Parts, request: FailuresRequest): FailuresReply {
  const queue = parts.get(QUEUES).find(request.namespace, request.queue);
  if (queue === null) return { groups: [], next: null };
  const groups: FailureGroup[] = [];
  let counted = 0;
  for (let after = request.after ?? ""; ; ) {
    const fingerprint = nextKind(parts, queue.ref, after);
    if (fingerprint === null) return { groups, next: null };
    const group = groupOf(parts, queue.ref, fingerprint);
    groups.push(group);
    after = fingerprint;
    counted += group.count;
    if (counted >= COUNTED_PER_STEP || groups.length >= KINDS_PER_STEP) return { groups, next: after };
  }
}

function nextKind(parts: Parts, queue: number, after: string): string | null {
  const row = parts.sql.all<{ fingerprint: string | null }>(
    `SELECT min(fingerprint) AS fingerprint FROM jobs INDEXED BY jobs_failed
     WHERE queue = ? AND fingerprint > ? AND state = 'failed'`,
    queue,
    after,
  )[0];
  return row?.fingerprint ?? null;
}

function groupOf(parts: Parts, queue: number, fingerprint: string): FailureGroup {
  const counts = parts.sql.all<Counted>(
    `SELECT count(*) AS count, min(finished_at) AS firstAt, max(finished_at) AS lastAt FROM jobs INDEXED BY jobs_failed
     WHERE queue = ? AND fingerprint = ? AND state = 'failed'`,
    queue,
    fingerprint,
  )[0];
  const last = parts.sql.all<Pick<JobHead, "id" | "error">>(
    `SELECT id, error FROM jobs INDEXED BY jobs_failed
     WHERE queue = ? AND fingerprint = ? AND state = 'failed' ORDER BY finished_at DESC LIMIT 1`,
    queue,
    fingerprint,
  )[0];
  const error = last === undefined ? null : errorOf(last);
  if (counts === undefined || last === undefined || error === null) throw new Error(`kind ${fingerprint} has no job`);
  return { fingerprint, code: error.code, message: normaliseMessage(error.message), sample: last.id, ...counts };
}
