import { traceparentIn, withSpan } from "../../../../domain/trace.ts";

/**
 * W3C Trace Context: a valid `traceparent` is continued with a span of our own, an invalid one is ignored.
 * Answers the `traceparent` to give back, or null. `spanId` is 16 hex digits.
 */
export function continuedTrace(header: string, spanId: () => string): string | null {
  const sent = traceparentIn(header);
  return sent === null ? null : withSpan(sent, spanId());
}
