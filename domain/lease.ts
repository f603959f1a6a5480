/**
 * A lease (Gray and Cheriton, 1989) names a job, the attempt it was given for, and a nonce that cannot be guessed. The
 * attempt is the fencing token: once another attempt has begun, or the job is final, the lease is stale for ever. As a
 * text it is `lease_<26 characters of the job id>_<attempt>_<16 hex digits>`.
 */
export interface Lease {
  jobId: string;
  attempt: number;
  nonce: string;
}

const SHAPE = /^lease_([0-7][0-9a-hjkmnp-tv-z]{25})_([1-9][0-9]{0,8})_([0-9a-f]{16})$/;

/** The lease as the text that a worker is given. `parseLease` takes it apart again. */
export function formatLease(lease: Lease): string {
  return `lease_${lease.jobId.slice("job_".length)}_${lease.attempt}_${lease.nonce}`;
}

/**
 * What a lease says, or null when `text` is not written like one. Whether it was ever given, only the job's shard
 * knows.
 */
export function parseLease(text: string): Lease | null {
  const match = SHAPE.exec(text);
  if (match === null) return null;
  const [, suffix = "", attempt = "", nonce = ""] = match;
  return { jobId: `job_${suffix}`, attempt: Number(attempt), nonce };
}
