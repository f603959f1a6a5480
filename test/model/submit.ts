/** What a shard answers to a submission. */
import type { NewJob } from "../../contract/rpc.ts";
import type { QueueSettings } from "../../domain/queue.ts";
import { fresh, replaced } from "./change.ts";
import { see } from "./coverage.ts";
import type { ModelJob, ModelQueue } from "./job.ts";
import { resolveDuplicate } from "./keys.ts";
import type { Model } from "./model.ts";

export type PredictedSubmit =
  | { type: "accepted"; state: "scheduled" | "queued"; createdAt: number; runAt: number }
  | { type: "replayed" | "mismatch" | "duplicate"; id: string }
  | { type: "expired" | "refused" };

/** Null: the shard knows newer settings, and says so. */
export function submit(model: Model, sent: QueueSettings[], jobs: NewJob[]): PredictedSubmit[] | null {
  const queues: ModelQueue[] = [];
  for (const settings of sent) {
    const queue = model.learn(settings);
    if (queue.settings.version > settings.version) return null;
    queues.push(queue);
  }
  return jobs.map((job) => take(model, queues[job.queue] as ModelQueue, job));
}

/** All or nothing: where one is refused, none is accepted, and nothing has happened. */
export function submitAtomic(model: Model, sent: QueueSettings[], jobs: NewJob[]): PredictedSubmit[] | null {
  const undo = remember(model);
  const answers = submit(model, sent, jobs);
  if (answers === null || !answers.some(isRefusal)) return answers;
  undo();
  return answers.map((answer) => (isRefusal(answer) ? answer : { type: "refused" }));
}

function isRefusal({ type }: PredictedSubmit): boolean {
  return type === "mismatch" || type === "duplicate" || type === "expired";
}

function remember({ queues, jobs, idempotency, dedup }: Model): () => void {
  const before = { settings: queues.map(({ settings }) => settings), jobs: jobs.map((job) => ({ ...job })) };
  const [calls, holders] = [idempotency.calls.length, dedup.holders.map((holder) => ({ ...holder }))];
  return () => {
    jobs.length = before.jobs.length;
    for (const [i, job] of before.jobs.entries()) Object.assign(jobs[i] as ModelJob, job);
    for (const [i, settings] of before.settings.entries()) (queues[i] as ModelQueue).settings = settings;
    idempotency.calls.length = calls;
    dedup.holders = holders;
  };
}

function take(model: Model, queue: ModelQueue, sent: NewJob): PredictedSubmit {
  const { now, idempotency, dedup } = model;
  const seen = idempotency.find(queue, sent, now);
  if (seen !== undefined && seen.hash !== sent.idempotency?.hash) return { type: "mismatch", id: seen.job };
  if (seen !== undefined && seen.job !== sent.id) return { type: "replayed", id: seen.job };
  const again = model.job(sent.id);
  if (again !== undefined) return acceptedAs(again);
  const keyOwner = dedup.find(queue, sent);
  if (sent.dedup === null || keyOwner === undefined) return accept(model, queue, sent);
  const { verdict, found } = resolveDuplicate(keyOwner, sent.dedup, now);
  see(`dedup: ${verdict}`);
  switch (verdict) {
    case "accept":
      return accept(model, queue, sent);
    case "accept-next": {
      const answer = accept(model, queue, sent, { holds: false });
      const endsAt = sent.dedup.windowMs === null ? null : now + sent.dedup.windowMs;
      if (answer.type === "accepted") keyOwner.next = { job: model.jobs.at(-1) as ModelJob, endsAt };
      return answer;
    }
    case "refuse":
      return { type: "duplicate", id: found.id };
    case "replace":
      if (isPast(sent, now)) return { type: "expired" };
      replaced(found, sent, now);
      break;
    case "answer":
  }
  idempotency.answered(queue, sent, { job: found.id, now });
  return { type: "replayed", id: found.id };
}

/** A new job; `holds` unless it waits for another that holds its deduplication key. */
function accept(model: Model, queue: ModelQueue, sent: NewJob, how = { holds: true }): PredictedSubmit {
  const { now, jobs, idempotency, dedup } = model;
  if (isPast(sent, now)) return { type: "expired" };
  idempotency.answered(queue, sent, { job: sent.id, now });
  const job = fresh(queue, sent, now);
  if (sent.dedup !== null && how.holds) dedup.hold(job, sent.dedup, now);
  jobs.push(job);
  return acceptedAs(job);
}

function isPast({ expiresAt }: NewJob, now: number): boolean {
  return expiresAt !== null && expiresAt <= now;
}

function acceptedAs({ createdAt, runAt }: ModelJob): PredictedSubmit {
  return { type: "accepted", state: runAt > createdAt ? "scheduled" : "queued", createdAt, runAt };
}
