import { isProblem, type Result } from "../../../contract/problems.ts";
import type { ExistingIdsReply, Reply, ShardApi, ShardCall } from "../../../contract/rpc.ts";
import { parseJobId } from "../../../domain/job-id.ts";
import { scatter } from "../routing/scatter.ts";
import type { Services } from "../services.ts";

/** Asks one shard about jobs that lie on it: which of them it holds. */
type AskExisting<J> = (shard: ShardApi, head: ShardCall, jobs: J[]) => Promise<Reply<ExistingIdsReply>>;

/**
 * Which of these jobs their shards hold, one question a shard: ended ones that have not been forgotten too, and deleted ones.
 * `ask` may do something about the others in the same step.
 */
export async function askExistingIds<J extends { id: string }>(
  { shards }: Pick<Services, "shards">,
  jobs: J[],
  ask: AskExisting<J> = (shard, head, theirs) => shard.existingIds({ ...head, ids: theirs.map(({ id }) => id) }),
): Promise<Result<Set<string>>> {
  const items = jobs.map((job) => ({ slot: parseJobId(job.id)?.slot ?? 0, item: job }));
  const exists = await scatter(shards, items, { idempotent: true }, async (shard, head, theirs: J[]) => {
    const { result, log } = await ask(shard, head, theirs);
    if (result.type === "moved") return { result, log };
    const existing = new Set(result.ids);
    return { result: { results: theirs.map(({ id }) => existing.has(id)) }, log };
  });
  if (isProblem(exists)) return exists;
  return new Set(jobs.filter((_, i) => exists[i]).map(({ id }) => id));
}
