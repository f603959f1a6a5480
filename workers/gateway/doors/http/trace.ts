/**
 * W3C Trace Context: a valid `traceparent` is continued with a span of our own, an invalid one is ignored.
 * Answers the `traceparent` to give back, or null. `spanId` is 16 hex digits.
 */
export function continuedTrace(header: string, spanId: () => string): string | null {
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(header);
  if (match === null) return null;
  const [, version, traceId = "", parentId = "", flags = "", more] = match;
  // Version ff is forbidden, and only later versions than 00 may have more fields.
  if (version === "ff" || (version === "00" && more !== undefined)) return null;
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return null;
  return `00-${traceId}-${spanId()}-${flags}`;
}
