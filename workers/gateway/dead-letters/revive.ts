import { conflict, full, isProblem, notFound, type Problem, type Result } from "../../../contract/problems.ts";
import type { Revival, Revived, ReviveRequest, Unredrivable } from "../../../contract/rpc.ts";
import { STANDSTILL_RETRY_MS } from "../../../domain/backlog.ts";
import type { Job } from "../../../domain/job/job.ts";
import { parseJobId } from "../../../domain/job-id.ts";
import { rejectedAtCommit } from "../../../domain/rejected-at-commit.ts";
import { scatter } from "../routing/scatter.ts";
import type { Services } from "../services.ts";

/**
 * Brings jobs of one queue back that history alone has, one RPC a shard; answers in their order. A shard that knows
 * newer settings of the queue than this isolate does nothing and says so: the caller's client asks again.
 */
export async function revive(
  { shards }: Pick<Services, "shards">,
  revivals: Revival[],
  how: Pick<ReviveRequest, "settings" | "patch" | "action" | "movingTo">,
): Promise<Result<Revived[]>> {
  const able = how.action === "discard" ? revivals : revivals.filter(({ job }) => hasPayload(job));
  const items = able.map((revival) => ({ slot: parseJobId(revival.job.id)?.slot ?? 0, item: revival }));
  const revived = await scatter(shards, items, { idempotent: false }, (shard, head, jobs: Revival[]) =>
    shard.revive({ ...head, ...how, jobs }),
  );
  if (isProblem(revived) || able.length === revivals.length) return revived;
  const results = new Map(able.map((revival, i) => [revival, revived[i]]));
  return revivals.map((revival) => results.get(revival) ?? { type: "refused", because: "payload-not-kept" });
}

/** Whether the job can run once more: history may have it without its payload. */
export function hasPayload({ payloadKept }: Pick<Job, "payloadKept">): boolean {
  return payloadKept !== false;
}

/** Retries a job that its shard has forgotten. The problems are those of a retry of one that the shard has. */
export async function retryFromHistory(services: Services, job: Job): Promise<Result<Job>> {
  // Said before its queue is looked for, which may be gone: the shard would say the same.
  if (rejectedAtCommit(job)) return cannotReturn("rejected-at-commit", job.queue);
  if (!hasPayload(job)) return cannotReturn("payload-not-kept", job.queue);
  const settings = await services.settings.get(job.namespace, job.queue, Date.now());
  if (isProblem(settings)) {
    return settings.code === "queue-not-found" ? cannotReturn("queue-deleted", job.queue) : settings;
  }
  const results = await revive(services, [{ job, delayMs: 0 }], {
    settings,
    patch: null,
    action: "redrive",
    movingTo: null,
  });
  if (isProblem(results)) return results;
  const [revived] = results;
  if (revived?.type === "revived" && revived.job !== null) return revived.job;
  if (revived?.type === "refused") return cannotReturn(revived.because, job.queue);
  return conflict.state("The job is being retried.");
}

/** When there is room again, nobody can know: see `STANDSTILL_RETRY_MS`. */
const FULL_RETRY_SECONDS = STANDSTILL_RETRY_MS / 1000;

/** Why a job cannot come back in line: see docs/adr/0006. */
export function cannotReturn(because: Unredrivable, queue: string): Problem {
  switch (because) {
    case "queue-deleted":
      return notFound.queueOfJob(queue);
    case "repartitioned":
      return conflict.state(`The partitions of queue ${queue} have changed since the job was accepted.`);
    case "rejected-at-commit":
      return conflict.state(
        "The job was accepted without its shard, and may not run: its error says why. Submit another instead.",
      );
    case "payload-not-kept":
      return conflict.state(
        `The job has left its shard, and its payload was not kept, as queue ${queue} has it. Submit another instead.`,
      );
    case "namespace-full":
      return full.namespace(FULL_RETRY_SECONDS);
    case "shard-full":
      return full.shard(FULL_RETRY_SECONDS);
    case "moving":
      return conflict.state("A redrive is taking the job to another queue: repeat that redrive to complete it.");
  }
}
