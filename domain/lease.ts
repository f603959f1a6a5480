/**
 * A lease (Gray and Cheriton, 1989) names a job, the delivery it was given for, and a tag that cannot be guessed. The
 * number of the delivery is the fencing token: it rises at each claim, whether the one before has spent an attempt or not.
 * Once the job was delivered again, or is final, the lease is stale for ever. As a text it is
 * `lease_<26 characters of the job id>_<delivery>_<32 hex digits>`. The tag is made of a nonce that only the
 * job's shard has (`durable-objects/shard/jobs/lease-tag.ts`).
 */
export interface Lease {
  jobId: string;
  delivery: number;
  tag: string;
}

/** Leases given before tags were made of nonces have 16 digits. */
const SHAPE = /^lease_([0-7][0-9a-hjkmnp-tv-z]{25})_([1-9][0-9]{0,8})_([0-9a-f]{32}|[0-9a-f]{16})$/;

/** The lease as the text that a worker is given. `parseLease` takes it apart again. */
export function formatLease(lease: Lease): string {
  return `lease_${lease.jobId.slice("job_".length)}_${lease.delivery}_${lease.tag}`;
}

/**
 * What a lease says, or null when `text` is not written like one. Whether it was ever given, only the job's shard
 * knows.
 */
export function parseLease(text: string): Lease | null {
  const match = SHAPE.exec(text);
  if (match === null) return null;
  const [, suffix = "", delivery = "", tag = ""] = match;
  return { jobId: `job_${suffix}`, delivery: Number(delivery), tag };
}

/** Whether two tags are the same. Takes as long for one that is nearly right as for any other of its length. */
export function isSameTag(one: string, other: string): boolean {
  if (one.length !== other.length) return false;
  let differing = 0;
  for (let i = 0; i < one.length; i++) differing |= one.charCodeAt(i) ^ other.charCodeAt(i);
  return differing === 0;
}
