import { isProblem, type Result } from "../../../contract/problems.ts";
import type { Job } from "../../../domain/job/job.ts";
import { parseJobId } from "../../../domain/job-id.ts";
import { ownerOf } from "../../../domain/slots.ts";
import type { Services } from "../services.ts";
import { askExistingIds } from "./ask-existing-ids.ts";

type Shards = Pick<Services, "shards">;
type Doubtful = Pick<Job, "id" | "state">;

/** Jobs of history that one shard still holds. */
export interface ExistingIds {
  shard: string;
  ids: string[];
}

/** A job that failed or was cancelled can have been redriven since: if its shard still holds it, the shard tells it. */
export async function existingIdsOf({ shards }: Shards, jobs: Doubtful[]): Promise<Result<ExistingIds[]>> {
  const doubtful = jobs.filter((job) => job.state !== "succeeded");
  if (doubtful.length === 0) return [];
  const existing = await askExistingIds({ shards }, doubtful);
  if (isProblem(existing)) return existing;
  const map = await shards.map();
  if (isProblem(map)) return map;
  const byOwner = Map.groupBy(existing, (id) => ownerOf(map, parseJobId(id)?.slot ?? 0));
  return [...byOwner].map(([shard, ids]) => ({ shard, ids }));
}

/** The jobs that no shard holds. */
export function notIn<J extends Doubtful>(existing: ExistingIds[], jobs: J[]): J[] {
  const theirs = new Set(existing.flatMap(({ ids }) => ids));
  return jobs.filter((job) => !theirs.has(job.id));
}

/** The jobs that no shard holds, by asking. */
export async function withoutExisting<J extends Doubtful>(services: Shards, jobs: J[]): Promise<Result<J[]>> {
  const existing = await existingIdsOf(services, jobs);
  return isProblem(existing) ? existing : notIn(existing, jobs);
}
