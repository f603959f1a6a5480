import { MAX_SPAWN } from "../../../contract/limits.ts";
import { InvalidSpawn, SpawnList } from "../../../contract/spawn.ts";

/** The member of an answer that holds the jobs it brings. Its result is the member `result` then. */
const MEMBER = "dure-spawn";
const POINTER = `/${MEMBER}`;

export interface SpawnAnswer {
  /** JSON text. */
  result: string;
  spawned: SpawnList;
}

/**
 * What an answer says that brings jobs: a JSON object with a member `dure-spawn`. Null for any other text, which is a result
 * as it stands. Throws `InvalidSpawn` where the member is there and is no list of jobs.
 */
export function spawnAnswer(text: string, now: number): SpawnAnswer | null {
  // Most answers bring none, and are not taken apart for it.
  if (!mayBringJobs(text)) return null;
  const answer: unknown = JSON.parse(text);
  if (typeof answer !== "object" || answer === null || !Object.hasOwn(answer, MEMBER)) return null;
  const { [MEMBER]: jobs, result = null } = answer as { [MEMBER]: unknown; result?: unknown };
  if (!Array.isArray(jobs)) throw new InvalidSpawn(POINTER, "must be an array of jobs");
  if (jobs.length > MAX_SPAWN) throw new InvalidSpawn(POINTER, `at most ${MAX_SPAWN} jobs go with a success`);
  const spawned = new SpawnList(POINTER);
  for (const job of jobs) spawned.add(job, now);
  return { result: JSON.stringify(result), spawned };
}

/** Of an answer that is too large to be read whole: it would bring jobs, and they are not known. Throws `InvalidSpawn`. */
export function refuseCut(text: string, maxBytes: number): void {
  if (mayBringJobs(text)) throw new InvalidSpawn(POINTER, `the answer is larger than ${maxBytes} bytes`);
}

function mayBringJobs(text: string): boolean {
  return text.includes(`"${MEMBER}"`);
}
