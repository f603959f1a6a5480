/** How a job runs, whoever runs it: by its script, and by the faults of the moment. */
import type { Outcome, SpawnJob } from "../../contract/rpc.ts";
import type { Script, SpawnPlan } from "./plan.ts";

/** One run of a job, and how it says that it is to come again later. */
interface Run {
  payload: string;
  attempt: number;
  delivery?: number;
  by: "deferred" | "released";
}

/** What the run comes to, when it ends at `now`. */
export function outcomeOf(
  { payload, attempt, delivery = attempt, by }: Run,
  now: number,
): { ms: number; outcome: Outcome } {
  const script = JSON.parse(payload) as Script;
  if (delivery - attempt < script.defers) {
    const error = { code: by, message: "not now", retryable: true };
    return { ms: script.ms, outcome: { ok: false, error, retryAfterMs: script.retryAfterMs, putBack: by } };
  }
  if (attempt > script.fails) {
    const spawn = script.spawn.map((plan) => spawnOf(plan, now));
    const result = JSON.stringify({ attempt });
    const outcome = { ok: true, result, resultTruncated: false, ...(spawn.length === 0 ? {} : { spawn }) } as const;
    return { ms: script.ms, outcome };
  }
  const error = { code: "scripted", message: `attempt ${attempt} fails`, retryable: !script.final };
  return { ms: script.ms, outcome: { ok: false, error, retryAfterMs: script.retryAfterMs } };
}

function spawnOf({ queue, orderingKey, delayMs, expiresMs, script }: SpawnPlan, now: number): SpawnJob {
  return {
    queue,
    orderingKey,
    delayMs,
    expiresAt: expiresMs === null ? null : now + expiresMs,
    priority: 4,
    concurrencyKey: null,
    idempotency: null,
    dedup: null,
    runAt: null,
    timeoutMs: null,
    retry: null,
    tags: ["s"],
    payload: JSON.stringify(script),
  };
}
