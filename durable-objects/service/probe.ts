import { faultText } from "../../domain/fault.ts";
import { refusedTarget, type TargetRules } from "../../domain/target-url.ts";
import type { ProbeAnswer } from "./health-checks.ts";

/** Who asks, for the logs of the instance. */
const HEADERS = { "user-agent": "dure-health-check", accept: "*/*" };

/**
 * Asks for `url` by GET, where the rules let it be called: they are asked each time, because they change and instances stay. Redirects
 * are not followed, the body is not read, and after `timeoutMs` it is given up.
 */
export async function probe(url: string, timeoutMs: number, rules: TargetRules): Promise<ProbeAnswer> {
  const refused = refusedTarget(url, rules);
  if (refused !== null) return { type: "none", why: `may not be called: ${refused}` };
  try {
    const answer = await fetch(url, { redirect: "manual", headers: HEADERS, signal: AbortSignal.timeout(timeoutMs) });
    // Unread, it would keep its connection.
    answer.body?.cancel().catch(() => undefined);
    return { type: "answered", status: answer.status };
  } catch (error) {
    const late = error instanceof Error && error.name === "TimeoutError";
    return {
      type: "none",
      why: late ? `did not answer within ${timeoutMs} ms` : `did not answer: ${faultText(error)}`,
    };
  }
}
