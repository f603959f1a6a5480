import type { NewJob } from "../../../contract/rpc.ts";
import { FOREVER_MS } from "../../../domain/dedup.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import type { JobSpec } from "../rows.ts";

const plainSpecs = new WeakMap<QueueSettings, string>();

/** The JSON of `JobSpec`. Most jobs bring no retry, tags or key of their own: their text is made once for each version of the settings. */
export function specOf(settings: QueueSettings, job: NewJob, now: number): string {
  const keyed = job.idempotency !== null || job.dedup !== null;
  const plain = job.retry === null && job.tags.length === 0 && !keyed && job.parent === undefined;
  const known = plain ? plainSpecs.get(settings) : undefined;
  if (known !== undefined) return known;
  const retry = { ...settings.retry, ...job.retry };
  const dedup = job.dedup === null ? {} : { dedupEndsAt: now + (job.dedup.windowMs ?? FOREVER_MS) };
  const parent = job.parent === undefined ? {} : { parent: job.parent };
  const spec: JobSpec = { retry, tags: job.tags, idempotencyKey: job.idempotency?.key ?? null, ...parent, ...dedup };
  const text = JSON.stringify(spec);
  if (plain) plainSpecs.set(settings, text);
  return text;
}
