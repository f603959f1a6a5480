import type { NewJob, SubmitReply, SubmitRequest } from "../../../contract/rpc.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import type { Joint } from "../kernel/command.ts";
import { submit } from "./submit.ts";

/** A call of more jobs fills a pack well enough by itself. */
const FEW_JOBS = 16;

/**
 * Submissions of few jobs that come together: their jobs are written as those of one call, into one pack where they are plain.
 * What one of them alone would be answered without its jobs being looked at (its settings are old, its queue is about to
 * change) stops all, and each is asked by itself.
 */
export const JOINT_SUBMISSIONS: Joint<SubmitRequest, Exclude<SubmitReply, { type: "moved" }>> = {
  takes: ({ jobs, atomic, exempt, deferred }) =>
    jobs.length <= FEW_JOBS &&
    !atomic &&
    exempt === undefined &&
    deferred === undefined &&
    // What one lays over another is written at once, and counts as a change.
    jobs.every(({ dedup }) => dedup === null),
  run(step, requests) {
    const [first] = requests;
    if (first === undefined) return [];
    const queues: QueueSettings[] = [];
    const jobs: NewJob[] = [];
    for (const request of requests) {
      // It is at fault alone, and must not name a queue of another.
      if (request.jobs.some(({ queue }) => request.queues[queue] === undefined)) return null;
      for (const job of request.jobs) jobs.push({ ...job, queue: queues.length + job.queue });
      queues.push(...request.queues);
    }
    const outcome = submit(step, { ...first, queues, jobs });
    if (outcome.type !== "submitted") return null;
    let answered = 0;
    return requests.map(({ jobs: own }) => {
      const results = outcome.results.slice(answered, answered + own.length);
      answered += own.length;
      return { type: "submitted", results };
    });
  },
};
