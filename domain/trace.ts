/**
 * W3C Trace Context: which trace a job belongs to. What was submitted with a `traceparent` is of that trace, and so is all that it
 * causes; any other job is a trace of its own, named by its id.
 */

const HEADER = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** A `traceparent` as this version of the header writes it, with its sender's span; null where it is none, which is ignored. */
export function traceparentIn(header: string): string | null {
  const match = HEADER.exec(header);
  if (match === null) return null;
  const [, version, traceId = "", parentId = "", flags = "", more] = match;
  // Version ff is forbidden, and only later versions than 00 may have more fields.
  if (version === "ff" || (version === "00" && more !== undefined)) return null;
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return null;
  return `00-${traceId}-${parentId}-${flags}`;
}

/** The same trace, with a span of our own: 16 hex digits. */
export function withSpan(traceparent: string, spanId: string): string {
  const [version, traceId, , flags] = traceparent.split("-");
  return [version, traceId, spanId, flags].join("-");
}

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/**
 * The `traceparent` of what is sent for a job: in the trace of its submission, or of its own, whose id is then the job's UUID. So all
 * attempts of a job are one trace.
 */
export function traceparentOf(jobId: string, submitted: string | null, spanId: string): string {
  if (submitted !== null) return withSpan(submitted, spanId);
  let bits = 0n;
  for (const character of jobId.slice("job_".length)) bits = bits * 32n + BigInt(ALPHABET.indexOf(character));
  const traceId = BigInt.asUintN(128, bits).toString(16).padStart(32, "0");
  return `00-${traceId}-${spanId}-01`;
}
