import type { Job } from "../../../domain/job.ts";
import { parseJobId } from "../../../domain/job-id.ts";
import { primary } from "../../db/client.ts";
import { findJob } from "../../db/history.ts";
import { Refusal } from "../http/refusal.ts";
import { log, reasonOf } from "../log.ts";
import type { Services } from "../services.ts";

/** Names one job of one tenant. */
export interface JobName {
  namespace: string;
  id: string;
}

export function jobNotFound(id: string): Refusal {
  return new Refusal("job-not-found", `There is no job "${id.slice(0, 80)}".`);
}

/** The slot of a job id; a malformed id is a 404 like any other unknown one. */
export function slotOfJob(id: string): number {
  const parsed = parseJobId(id);
  if (parsed === null) throw jobNotFound(id);
  return parsed.slot;
}

/** The job as its shard has it, else as history has it. Waits up to `waitMs` for it to be final. Refuses with 404. */
export async function readJob(services: Services, database: D1Database, name: JobName, waitMs: number): Promise<Job> {
  const live = await readLive(services, name, waitMs);
  if (live !== null) return live;
  const finished = await readHistory(database, name);
  if (finished === null) throw jobNotFound(name.id);
  return finished;
}

/** The job as its shard has it, or null. Refuses with 404 when it was deleted: history may not know it yet. */
export async function readLive(services: Services, name: JobName, waitMs: number): Promise<Job | null> {
  const reply = await services.shards.ask(slotOfJob(name.id), { again: true }, (shard, head) =>
    shard.get({ ...head, ...name, waitMs }),
  );
  if (reply.type === "gone") throw jobNotFound(name.id);
  return reply.type === "job" ? reply.job : null;
}

/** The job as history has it, or null. A 503 refusal when history cannot be asked. */
export async function readHistory(database: D1Database, name: JobName): Promise<Job | null> {
  return fromHistory(() => findJob(primary(database), name.namespace, name.id));
}

/** Runs a read of D1, turning its failure into a 503 refusal. */
export async function fromHistory<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Refusal) throw error;
    log("error", "database", { reason: reasonOf(error) });
    throw new Refusal("unavailable", "The database did not answer.");
  }
}
