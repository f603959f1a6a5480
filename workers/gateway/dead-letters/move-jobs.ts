import { MAX_PAYLOAD_BYTES } from "../../../contract/limits.ts";
import { isProblem, type Result } from "../../../contract/problems.ts";
import type { Submitted } from "../../../contract/rpc.ts";
import type { Job } from "../../../domain/job/job.ts";
import { JOB_ID_RANDOM_BYTES, parseJobId } from "../../../domain/job-id.ts";
import { mergePatchText } from "../../../domain/merge-patch.ts";
import { type QueueSettings, queueId } from "../../../domain/queue.ts";
import { hash32 } from "../../../domain/slots.ts";
import { idsInHistory } from "../../db/failed-jobs.ts";
import { inEach } from "../../db/spread-reads.ts";
import { fromDatabase } from "../database.ts";
import type { AssignedJob } from "../routing/assigned-job.ts";
import { scatter } from "../routing/scatter.ts";
import type { Services } from "../services.ts";
import type { Draw } from "../submit/randomness.ts";
import { assignSlot } from "../submit/submission.ts";

/** Where failed jobs go, and when the first of them may start. */
export interface Move {
  target: QueueSettings;
  /** JSON text of a merge patch; null changes no payload. */
  patch: string | null;
  firstDelayMs: number;
  everyMs: number;
}

/**
 * Accepts failed jobs in another queue, under ids that follow from theirs: a job that is moved twice is one job. They
 * keep keys, tags, priority and the time they were made at; timeout, retry policy and limits are those of the new queue.
 * Answers the jobs that are there now; the others have no place there.
 */
export async function moveJobs(services: Services, jobs: Job[], move: Move): Promise<Result<Job[]>> {
  const planned = plan(jobs, move);
  const { namespace } = move.target;
  const names = planned.map(({ assigned }) => ({ namespace, id: assigned.job.id }));
  // The new job may have come to its end and left its shard before this call came a second time.
  const found = names.length === 0 ? [] : await fromDatabase(() => inEach(services, (db) => idsInHistory(db, names)));
  if (isProblem(found)) return found;
  const over = new Set(found.flatMap((ids) => [...ids]));
  const left = planned.filter(({ assigned }) => !over.has(assigned.job.id));
  const outcomes = await submit(
    services,
    left.map(({ assigned }) => assigned),
  );
  if (isProblem(outcomes)) return outcomes;
  const accepted = left.filter((_, i) => outcomes[i]?.type === "accepted");
  return [...planned.filter(({ assigned }) => over.has(assigned.job.id)), ...accepted].map(({ job }) => job);
}

/** The payload as it would be; null when it would be too large. */
export function movedPayload(job: Pick<Job, "payload">, patch: string | null): string | null {
  return patch === null ? job.payload : mergePatchText(job.payload, patch, MAX_PAYLOAD_BYTES);
}

function plan(jobs: Job[], move: Move): { job: Job; assigned: AssignedJob }[] {
  const planned: { job: Job; assigned: AssignedJob }[] = [];
  for (const job of jobs) {
    const delayMs = Math.floor(move.firstDelayMs + planned.length * move.everyMs);
    const assigned = assignIn(job, move, delayMs);
    if (assigned !== null) planned.push({ job, assigned });
  }
  return planned;
}

function assignIn(job: Job, { target, patch }: Move, delayMs: number): AssignedJob | null {
  const payload = movedPayload(job, patch);
  if (payload === null) return null;
  const submission = {
    queue: target.name,
    orderingKey: job.orderingKey,
    concurrencyKey: job.concurrencyKey,
    idempotency: null,
    dedup: null,
    fields: {
      priority: job.priority,
      delayMs,
      runAt: null,
      expiresAt: null,
      timeoutMs: null,
      retry: null,
      tags: job.tags,
      payload,
      createdAt: job.createdAt,
      parent: job.parent ?? null,
      // A redrive that was cut short is completed when it is repeated.
      comesAgain: true as const,
      ...(job.depth === undefined ? {} : { depth: job.depth }),
      ...(job.traceparent === undefined ? {} : { traceparent: job.traceparent }),
    },
  };
  const draw = drawOf(job, target);
  // Lists bound ids by the time a job was made: the new id carries the old one's.
  const now = parseJobId(job.id)?.at ?? job.createdAt;
  const assigned = assignSlot(submission, target, { partition: draw.random, draw, now });
  return isProblem(assigned) ? null : assigned;
}

/** The same draw for the same failure of a job and the same queue of the name, so that it always gets the same new id there. */
function drawOf({ id, version }: Job, target: QueueSettings): Draw {
  const word = (name: string) => hash32(queueId(`${name}/${id}/${version}`, target));
  const bytes = new Uint8Array(JOB_ID_RANDOM_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, word("a"));
  view.setUint32(4, word("b"));
  return { random: word("partition") / 2 ** 32, bytes };
}

async function submit({ shards }: Services, assigned: AssignedJob[]): Promise<Result<Submitted[]>> {
  const items = assigned.map((item) => ({ slot: item.slot, item }));
  return scatter(shards, items, { idempotent: true }, async (shard, head, group) => {
    const queues = group.slice(0, 1).map(({ settings }) => settings);
    const jobs = group.map(({ job }) => ({ ...job, queue: 0 }));
    return shard.submit({ ...head, queues, jobs, atomic: false });
  });
}
