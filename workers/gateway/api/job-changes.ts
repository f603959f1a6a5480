import type { JobPatch } from "../../../contract/job-patch.ts";
import { DEFAULT_PRIORITY } from "../../../contract/limits.ts";
import { conflict, isProblem, type Problem, type Result } from "../../../contract/problems.ts";
import type { JobChanges, JobReply, PatchReply } from "../../../contract/rpc.ts";
import { payloadText, submissionFault } from "../../../contract/submission.ts";
import { parseTimestamp } from "../../../contract/time.ts";
import type { Job } from "../../../domain/job/job.ts";
import { noRoom } from "../submit/full.ts";
import { expiryPast, problemOf } from "../submit/submission.ts";
import { type Change, changeJob } from "./change-job.ts";
import { versionsIn } from "./job-tag.ts";
import type { UseCase } from "./use-case.ts";

/** Changing single jobs while they wait. */

export const patchJob: UseCase<"patchJob"> = async (context, { params, body, ifMatch }) => {
  const changes = changesOf(body, context.clock());
  if (isProblem(changes)) return changes;
  const versions = versionsIn(ifMatch, params.id);
  if (isProblem(versions)) return versions;
  const name = { namespace: context.caller.namespace, id: params.id };
  return changeJob(
    context,
    name,
    change(versions, (shard, request) => shard.patch({ ...request, changes, versions })),
  );
};

export const runJobNow: UseCase<"runJobNow"> = async (context, { params, ifMatch }) => {
  const versions = versionsIn(ifMatch, params.id);
  if (isProblem(versions)) return versions;
  const name = { namespace: context.caller.namespace, id: params.id };
  return changeJob(
    context,
    name,
    change(versions, (shard, request) => shard.runNow({ ...request, versions })),
  );
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

type Refusal = Exclude<PatchReply, JobReply>;

/** `versions` are those that the change is meant for; null: any. */
function change(versions: number[] | null, call: Change<Refusal>["call"]): Change<Refusal> {
  return {
    call,
    refused(reply) {
      switch (reply.type) {
        case "conflict":
          return notWaiting(reply.job);
        case "version":
          return conflict.version("job", reply.version);
        case "expired":
          return expiryPast();
        case "full":
          return noRoom(reply, "");
      }
    },
    forgotten: (job) =>
      versions === null || versions.includes(job.version) ? notWaiting(job) : conflict.version("job", job.version),
  };
}

function notWaiting({ state }: Job): Problem {
  return conflict.state(`The job is ${state}: only one that is scheduled or queued can be changed.`);
}
