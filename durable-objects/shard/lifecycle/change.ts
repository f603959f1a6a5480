import { utf8Bytes } from "../../../contract/primitives.ts";
import type { JobChanges, PatchReply, PatchRequest, RunNowRequest } from "../../../contract/rpc.ts";
import { rankOf } from "../../../domain/rank.ts";
import { type JobHead, type JobSpec, toJob } from "../jobs/job-row.ts";
import { JOBS } from "../jobs/job-store.ts";
import { replacePayload } from "../jobs/large-payloads.ts";
import { unpack } from "../jobs/packs/unpack.ts";
import { PROGRESS } from "../jobs/progress-store.ts";
import { RANKS } from "../jobs/rank-store.ts";
import { JOB_TABLE } from "../jobs/row-store.ts";
import { allows, transition } from "../jobs/transition.ts";
import type { Step } from "../kernel/step.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { admissionOf, type Full } from "./admission.ts";
import { absent, visibleHead } from "./one-job.ts";

/** Calls that change a job while it waits. Its place in line, its keys and what they answer stay as they are. */

type Here<Reply> = Exclude<Reply, { type: "moved" }>;

/** Lays changes over a job that is scheduled or queued. */
export function patchJob(step: Step, request: PatchRequest): Here<PatchReply> {
  const row = visibleHead(step, request);
  if (row === null) return absent(step, request);
  const { versions, changes } = request;
  if (versions !== null && !versions.includes(row.version)) return { type: "version", version: row.version };
  if (!allows(row, WAITS)) return { type: "conflict", job: jobOf(step, row) };
  if (Object.keys(changes).length === 0) return { type: "job", job: jobOf(step, row) };
  const { expiresAt = null } = changes;
  if (expiresAt !== null && expiresAt <= step.now) return { type: "expired" };
  const full = changes.payload === undefined ? null : growth(step, row, changes.payload);
  if (full !== null) return full;
  return { type: "job", job: jobOf(step, changed(step, row, changes)) };
}

/** Makes a scheduled job due now, be it that it waits for its next attempt. What is due already stays as it is. */
export function runNow(step: Step, request: RunNowRequest): Here<PatchReply> {
  const row = visibleHead(step, request);
  if (row === null) return absent(step, request);
  const { versions } = request;
  if (versions !== null && !versions.includes(row.version)) return { type: "version", version: row.version };
  if (row.state === "queued") return { type: "job", job: jobOf(step, row) };
  if (!allows(row, WAITS)) return { type: "conflict", job: jobOf(step, row) };
  return { type: "job", job: jobOf(step, changed(step, row, { runAt: null })) };
}

const WAITS = { type: "replace", later: false } as const;

/** Why there is no room for a payload that is larger than the job's own, or null when there is; then it has it. */
function growth(step: Step, { id, queue }: JobHead, payload: string): Full | null {
  const { namespace } = step.get(QUEUES).get(queue).settings;
  const bytes = utf8Bytes(payload) - (step.get(JOBS).textBytes([id], { allAttempts: false }).get(id) ?? 0);
  const admission = admissionOf(step);
  const full = admission.refusalToGrow(namespace, bytes);
  if (full === null) admission.grew(namespace, bytes);
  return full;
}

/** 1 row, or as many more as there are entries that its new time and rank move: two at most. */
function changed(step: Step, before: JobHead, changes: JobChanges): JobHead {
  const { tags, payload, expiresAt = before.expires_at } = changes;
  const runAt = changes.runAt === undefined ? before.run_at : (changes.runAt ?? step.now);
  const row = ranked(step, before, changes.priority ?? before.priority);
  // Who is not given another time stays where he is: a time that has come is the clock's to see.
  const later = changes.runAt === undefined ? row.state === "scheduled" : runAt > step.now;
  const after = transition(step, row, { type: "replace", later, set: { run_at: runAt, expires_at: expiresAt } });
  const spec = tags === undefined ? row.spec : JSON.stringify({ ...(JSON.parse(row.spec) as JobSpec), tags });
  if (payload !== undefined) replacePayload(step, row, { payload, spec });
  else if (tags !== undefined) step.get(JOB_TABLE).setSpec(row.id, spec);
  return after;
}

/** With another priority it goes by the aging that its queue has now; with its own it keeps its rank. */
function ranked(step: Step, row: JobHead, priority: number): JobHead {
  if (priority === row.priority) return row;
  const { priorityAgingMs } = step.get(QUEUES).get(row.queue).settings;
  const moved = { ...row, priority, rank: rankOf(row.seq, priority, priorityAgingMs) };
  unpack(step, row.id);
  step.get(RANKS).save(moved);
  return moved;
}

function jobOf(step: Step, { id, queue }: JobHead) {
  const row = step.get(JOBS).row(id);
  if (row === null) throw new Error(`${id} vanished within a step`);
  return step.get(PROGRESS).tell(toJob(row, step.get(QUEUES).get(queue).settings));
}
