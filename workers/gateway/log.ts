import { isProblem } from "../../contract/problems.ts";

/** One line of JSON a fact, for Workers Logs. No payload, result or token belongs in one. */
export function log(level: "info" | "warn" | "error", event: string, facts: Record<string, unknown> = {}): void {
  console[level](JSON.stringify({ level, event, ...facts }));
}

/** What is worth saying about something thrown, or about a problem. */
export function reasonOf(error: unknown): string {
  if (isProblem(error)) return `${error.code}: ${error.detail}`;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
