import type { Outcome } from "../../../contract/rpc.ts";
import type { InvalidSpawn, SpawnList } from "../../../contract/spawn.ts";

/** People read it in an error; a report of a hundred of them still has to be a small message. */
const MAX_MESSAGE_CHARACTERS = 500;

/** `result` is JSON text. JSON `null` and no result are one thing to a job, so it is not stored. */
export function succeeded(result: string | null, truncated = false): Outcome {
  return { ok: true, result: result === "null" ? null : result, resultTruncated: truncated };
}

/** A success, with the jobs it brings. */
export async function withSpawned(outcome: Outcome, spawned: SpawnList): Promise<Outcome> {
  if (!outcome.ok) return outcome;
  const spawn = await spawned.jobs();
  return spawn.length === 0 ? outcome : { ...outcome, spawn };
}

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
