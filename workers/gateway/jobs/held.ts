import type { Job } from "../../../domain/job/job.ts";
import { parseJobId } from "../../../domain/job-id.ts";
import { ownerOf } from "../../../domain/slots.ts";
import type { Services } from "../services.ts";

type Shards = Pick<Services, "shards">;
type Doubtful = Pick<Job, "id" | "state">;

/** Jobs of history that one shard still holds. */
export interface Held {
  shard: string;
  ids: string[];
}

/** A job that failed or was cancelled can have been redriven since: if its shard still holds it, the shard tells it. */
export async function heldOf({ shards }: Shards, jobs: Doubtful[]): Promise<Held[]> {
  const doubtful = jobs.filter((job) => job.state !== "succeeded").map((job) => job.id);
  if (doubtful.length === 0) return [];
  const map = await shards.map();
  const byOwner = Map.groupBy(doubtful, (id) => ownerOf(map, parseJobId(id)?.slot ?? 0));
  return Promise.all(
    [...byOwner].map(async ([shard, ids]) => ({
      shard,
      ids: await shards.once(shard, { again: true }, (stub, head) => stub.held({ ...head, ids })),
    })),
  );
}

/** The jobs that no shard holds. */
export function notIn<J extends Doubtful>(held: Held[], jobs: J[]): J[] {
  const theirs = new Set(held.flatMap(({ ids }) => ids));
  return jobs.filter((job) => !theirs.has(job.id));
}

/** The jobs that no shard holds, by asking. */
export async function withoutHeld<J extends Doubtful>(services: Shards, jobs: J[]): Promise<J[]> {
  return notIn(await heldOf(services, jobs), jobs);
}
