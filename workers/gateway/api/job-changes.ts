import type { JobView } from "../../../contract/job.ts";
import type { JobPatch } from "../../../contract/job-patch.ts";
import { DEFAULT_PRIORITY } from "../../../contract/limits.ts";
import { conflict, isProblem, notFound, type Result } from "../../../contract/problems.ts";
import type { JobChanges, PatchReply, Reply, ShardApi, ShardCall } from "../../../contract/rpc.ts";
import { payloadText, submissionFault } from "../../../contract/submission.ts";
import { parseTimestamp } from "../../../contract/time.ts";
import type { Job } from "../../../domain/job/job.ts";
import { type Answered, done } from "../answered.ts";
import type { Context } from "../context.ts";
import { notThere } from "../jobs/accepted-read.ts";
import { findFinished } from "../jobs/job-read.ts";
import { jobView } from "../jobs/job-view.ts";
import { type JobName, slotOfJob } from "../routing/job-name.ts";
import { noRoom } from "../submit/full.ts";
import { expiryPast, problemOf } from "../submit/submission.ts";
import { jobTag, versionsIn } from "./job-tag.ts";
import type { UseCase } from "./use-case.ts";

/** Changing single jobs while they wait. */

export const patchJob: UseCase<"patchJob"> = async (context, { params, body, ifMatch }) => {
  const changes = changesOf(body, context.clock());
  if (isProblem(changes)) return changes;
  const versions = versionsIn(ifMatch, params.id);
  if (isProblem(versions)) return versions;
  const name = { namespace: context.caller.namespace, id: params.id };
  return change(context, name, {
    call: (shard, request) => shard.patch({ ...request, changes, versions }),
    versions,
  });
};

export const runJobNow: UseCase<"runJobNow"> = async (context, { params, ifMatch }) => {
  const versions = versionsIn(ifMatch, params.id);
  if (isProblem(versions)) return versions;
  const name = { namespace: context.caller.namespace, id: params.id };
  return change(context, name, { call: (shard, request) => shard.runNow({ ...request, versions }), versions });
};

/** The changes in the words and units used inside; a 400 or 413 problem when they cannot be made of any job. */
function changesOf(patch: JobPatch, now: number): Result<JobChanges> {
  const { runAt, expiresAt, priority, tags } = patch;
  const payload = patch.payload === undefined ? undefined : payloadText({ payload: patch.payload });
  if (payload !== undefined && typeof payload !== "string") return problemOf(payload);
  const times = { ...(runAt ? { runAt } : {}), ...(expiresAt ? { expiresAt } : {}) };
  const fault = submissionFault(times, payload ?? "", now);
  if (fault !== null) return problemOf(fault);
  return {
    ...(payload === undefined ? {} : { payload }),
    ...(runAt === undefined ? {} : { runAt: timeOf(runAt) }),
    ...(expiresAt === undefined ? {} : { expiresAt: timeOf(expiresAt) }),
    ...(priority === undefined ? {} : { priority: priority ?? DEFAULT_PRIORITY }),
    ...(tags === undefined ? {} : { tags: tags ?? [] }),
  };
}

function timeOf(text: string | null): number | null {
  return text === null ? null : parseTimestamp(text);
}

interface Change {
  call: (shard: ShardApi, request: ShardCall & JobName) => Promise<Reply<PatchReply>>;
  /** The versions that it is meant for; null: any. */
  versions: number[] | null;
}

/** Not sent twice on an error: the second may be refused for what the first did. */
async function change(
  { services, session }: Context,
  name: JobName,
  { call, versions }: Change,
): Promise<Result<Answered<JobView>>> {
  const slot = slotOfJob(name.id);
  if (isProblem(slot)) return slot;
  const reply = await services.shards.ask(slot, { idempotent: false }, (shard, head) =>
    call(shard, { ...head, ...name }),
  );
  if (isProblem(reply)) return reply;
  switch (reply.type) {
    case "job":
      return done(jobView(reply.job), { etag: jobTag(reply.job) });
    case "conflict":
      return notWaiting(reply.job);
    case "version":
      return conflict.version("job", reply.version);
    case "expired":
      return expiryPast();
    case "full":
      return noRoom(reply, "");
    case "gone":
      return notFound.job(name.id);
    case "none": {
      const job = await findFinished(session, name);
      if (isProblem(job)) return job;
      if (job === null) return notThere(services, name);
      return versions === null || versions.includes(job.version)
        ? notWaiting(job)
        : conflict.version("job", job.version);
    }
  }
}

function notWaiting({ state }: Job): Result<never> {
  return conflict.state(`The job is ${state}: only one that is scheduled or queued can be changed.`);
}
