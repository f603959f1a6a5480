import type { ServiceEvent } from "../../contract/rpc/service.ts";

/** So many changes of a state are kept. */
const KEPT = 10;

/** The events, the newest first, with one more. */
export function withEvent(events: readonly ServiceEvent[], event: ServiceEvent): ServiceEvent[] {
  return [event, ...events].slice(0, KEPT);
}
