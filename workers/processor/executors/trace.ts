const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/**
 * A W3C `traceparent` for one attempt. The trace id is the job's own UUID, so that all attempts of a job, and
 * whatever they cause, are one trace. `spanId` is 16 hex digits.
 */
export function traceparentOf(jobId: string, spanId: string): string {
  let bits = 0n;
  for (const character of jobId.slice("job_".length)) bits = bits * 32n + BigInt(ALPHABET.indexOf(character));
  const traceId = BigInt.asUintN(128, bits).toString(16).padStart(32, "0");
  return `00-${traceId}-${spanId}-01`;
}
