import type { JobView } from "../../../contract/job.ts";
import { isProblem, notFound, type Problem, type Result } from "../../../contract/problems.ts";
import type { JobReply, Reply, ShardApi, ShardCall } from "../../../contract/rpc.ts";
import type { Job } from "../../../domain/job/job.ts";
import { type Answered, done } from "../answered.ts";
import type { Context } from "../context.ts";
import { notThere } from "../jobs/accepted-read.ts";
import { findFinished } from "../jobs/job-read.ts";
import { jobView } from "../jobs/job-view.ts";
import { type JobName, slotOfJob } from "../routing/job-name.ts";
import { jobTag } from "./job-tag.ts";

/** One change of one job. `Refusal` is what its shard may answer beside what it answers to any call about a job. */
export interface Change<Refusal extends { type: string }> {
  call: (shard: ShardApi, request: ShardCall & JobName) => Promise<Reply<JobReply | Refusal>>;
  refused: (reply: Refusal) => Problem;
  /** The job is final, and in history alone. */
  forgotten: (job: Job) => Result<Job> | Promise<Result<Job>>;
}

/** Changes a job where it is. Not sent twice on an error: the second may be refused for what the first did. */
export async function changeJob<Refusal extends { type: string }>(
  context: Context,
  name: JobName,
  { call, refused, forgotten }: Change<Refusal>,
): Promise<Result<Answered<JobView>>> {
  const { services } = context;
  const slot = slotOfJob(name.id);
  if (isProblem(slot)) return slot;
  const reply = await services.shards.ask(slot, { idempotent: false }, (shard, head) =>
    call(shard, { ...head, ...name }),
  );
  if (isProblem(reply)) return reply;
  if (reply.type === "gone") return notFound.job(name.id);
  if (reply.type === "job") return shown((reply as Extract<JobReply, { type: "job" }>).job);
  if (reply.type !== "none") return refused(reply as Refusal);
  const job = await findFinished(context, name);
  if (isProblem(job)) return job;
  if (job === null) return notThere(services, name);
  const back = await forgotten(job);
  return isProblem(back) ? back : shown(back);
}

function shown(job: Job): Answered<JobView> {
  return done(jobView(job), { etag: jobTag(job) });
}
