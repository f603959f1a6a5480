import { isProblem } from "../../contract/problems.ts";
import { faultText } from "../../domain/fault.ts";

/** One line of JSON a fact, for Workers Logs. No payload, result or token belongs in one. */
export function log(level: "info" | "warn" | "error", event: string, facts: Record<string, unknown> = {}): void {
  console[level](JSON.stringify({ level, event, ...facts }));
}

/** What may be said about something thrown, or about a problem, whose detail may name what a caller has sent. */
export function reasonOf(why: unknown): string {
  return isProblem(why) ? why.code : faultText(why);
}
