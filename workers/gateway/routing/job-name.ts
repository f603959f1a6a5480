import { notFound, type Result } from "../../../contract/problems.ts";
import { parseJobId } from "../../../domain/job-id.ts";

/** Names one job of one tenant. */
export interface JobName {
  namespace: string;
  id: string;
}

/** The slot of a job id; a malformed id is a 404 like any other unknown one. */
export function slotOfJob(id: string): Result<number> {
  return parseJobId(id)?.slot ?? notFound.job(id);
}
