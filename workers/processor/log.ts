import type { DeliveryEvent } from "./events/delivery-ports.ts";
import type { ProjectionEvent } from "./projection.ts";
import type { WorkEvent } from "./work-ports.ts";

type ProcessorEvent =
  | WorkEvent
  | ProjectionEvent
  | DeliveryEvent
  | { event: "dead-letter"; error: string | null; reason: string };

/** What is expected in any distributed run is for debugging only; the rest somebody may want to know. */
const LEVELS: Record<ProcessorEvent["event"], "debug" | "info" | "warn" | "error"> = {
  "report-refused": "debug",
  "job-dropped": "info",
  "call-failed": "warn",
  "claim-late": "warn",
  "gave-up": "error",
  "projection-failed": "warn",
  "history-full": "error",
  "delivery-failed": "warn",
  "event-refused": "warn",
  "report-lost": "warn",
  "dead-letter": "error",
};

/** One line of JSON an event, for Workers Logs. */
export function log(event: ProcessorEvent, facts: Record<string, string> = {}): void {
  const level = LEVELS[event.event];
  console[level](JSON.stringify({ level, ...event, ...facts }));
}
