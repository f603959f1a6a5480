/** How a job runs, whoever runs it: by its script, and by the faults of the moment. */
import type { Outcome } from "../../contract/rpc.ts";
import type { Script } from "./plan.ts";

/** What attempt `attempt` of a job with this payload comes to. */
export function outcomeOf(payload: string, attempt: number): { ms: number; outcome: Outcome } {
  const script = JSON.parse(payload) as Script;
  if (attempt > script.fails) {
    return { ms: script.ms, outcome: { ok: true, result: JSON.stringify({ attempt }), resultTruncated: false } };
  }
  const error = { code: "scripted", message: `attempt ${attempt} fails`, retryable: !script.final };
  return { ms: script.ms, outcome: { ok: false, error, retryAfterMs: script.retryAfterMs } };
}
