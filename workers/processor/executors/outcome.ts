import { writeJson } from "../../../contract/json-text.ts";
import { MAX_RESULT_BYTES } from "../../../contract/limits.ts";
import type { Outcome } from "../../../contract/rpc.ts";
import type { InvalidSpawn, SpawnList } from "../../../contract/spawn.ts";
import type { AttemptWarning } from "../../../domain/job/job.ts";
import type { SpawnQueues } from "../../../domain/target-secrets.ts";
import { fits } from "./bytes.ts";

/** People read it in an error; a report of a hundred of them still has to be a small message. */
const MAX_MESSAGE_CHARACTERS = 500;

/** `result` is JSON text. JSON `null` and no result are one thing to a job, so it is not stored. */
export function succeeded(result: string | null, truncated = false): Outcome {
  return { ok: true, result: result === "null" ? null : result, resultTruncated: truncated };
}

/** Of code that returned this: the value is the result, or a `JsonText` in it. Throws for what JSON has no words for. */
export function returned(value: unknown): Outcome {
  // Code in plain JavaScript may return nothing, which has no JSON text.
  if (value === undefined) return succeeded(null);
  const text: string | undefined = writeJson(value);
  if (text === undefined) return succeeded(null);
  // A cut JSON text is worth nothing, and the next attempt would be as large.
  return fits(text, MAX_RESULT_BYTES) ? succeeded(text) : resultTooLarge();
}

export function resultTooLarge(): Outcome {
  return failed("result-too-large", `the result is larger than ${MAX_RESULT_BYTES} bytes`, { retryable: false });
}

/** What a job's own code throws is said in the attempt as it is: the job's owner reads there what the code said that ran it. */
export function ownWords(thrown: unknown): string {
  return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
}

/** A success, with the jobs it brings. */
export async function withSpawned(outcome: Outcome, spawned: SpawnList): Promise<Outcome> {
  if (!outcome.ok) return outcome;
  const spawn = await spawned.jobs();
  return spawn.length === 0 ? outcome : { ...outcome, spawn };
}

/** A success with those of its jobs that are for `queues`. Of the others it warns. */
export async function withAllowed(outcome: Outcome, spawned: SpawnList, { queues }: SpawnQueues): Promise<Outcome> {
  const all = await withSpawned(outcome, spawned);
  if (!all.ok || all.spawn === undefined) return all;
  const { spawn, ...rest } = all;
  const allowed = spawn.filter(({ queue }) => queues.includes(queue));
  if (allowed.length === spawn.length) return all;
  const others = new Set(spawn.map(({ queue }) => queue).filter((queue) => !queues.includes(queue)));
  const refused = spawn.length - allowed.length;
  const message = `${refused} of ${spawn.length} jobs were not submitted: \`spawn\` of the target does not name ${[...others].join(", ")}`;
  return { ...rest, ...(allowed.length === 0 ? {} : { spawn: allowed }), warning: spawnRefused(message) };
}

/** Of a target that may submit nothing, and whose answer has a member `dure-spawn`. */
export const NO_SPAWN = "no job was submitted: the target has no `spawn`, so the answer is its result as it stands";

export function spawnRefused(message: string): AttemptWarning {
  return { code: "spawn-refused", message: message.slice(0, MAX_MESSAGE_CHARACTERS) };
}

/** Of a target that answers that it finishes the job later, and may not. */
export const NO_ASYNC = {
  code: "async-refused",
  message: "the answer says that the job is finished later: the target has no `async`, so it is done with that answer",
} as const satisfies AttemptWarning;

/** The attempt was to bring something that is no job. */
export function invalidSpawn({ code, message }: InvalidSpawn): Outcome {
  return failed(code, message, { retryable: true });
}

export function failed(
  code: string,
  message: string,
  options: { retryable: boolean; retryAfterMs?: number | null; putBack?: "deferred" },
): Outcome {
  return {
    ok: false,
    error: { code, message: message.slice(0, MAX_MESSAGE_CHARACTERS), retryable: options.retryable },
    retryAfterMs: options.retryAfterMs ?? null,
    ...(options.putBack === undefined ? {} : { putBack: options.putBack }),
  };
}
