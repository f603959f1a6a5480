import { DEFERRED_KNOWN_MS } from "../../../contract/ingest.ts";
import { answersUntil } from "../../../domain/dedup.ts";
import { goesToHistory } from "../../../domain/history-kept.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import type { Parts } from "../kernel/part.ts";
import { QUEUES } from "../queues/queue-store.ts";
import { type JobSpec, readableSpec } from "./job-row.ts";
import type { PackHead } from "./packs/pack-head.ts";
import { PACKS } from "./packs/packs.ts";

/** Succeeded jobs never change, so history can answer for them: the shard keeps them for ten minutes, in which most of their reads come. */
export const KEEP_SUCCEEDED_MS = 600_000;
/** Those that do not go to history nobody else can answer for. */
const KEEP_UNCOPIED_MS = 3_600_000;
/** A submission may still be on its way a second time: as long as that, its job's id must be known. */
export const KEEP_AT_LEAST_MS = 60_000;

/** A job that has ended, as far as its shard has to know how long to keep it. */
export interface Ended {
  succeeded: boolean;
  /** Its `spec`; null where it has none, as is known, that matters. */
  spec: string | null;
  createdAt: number;
}

/** Until when the shard keeps a job of the queue that ends `now`, epoch ms: it has to answer for whatever history does not. */
export function keptUntil(settings: QueueSettings, { succeeded, spec, createdAt }: Ended, now: number): number {
  const copied = succeeded && goesToHistory(settings, true);
  const most = copied ? KEEP_SUCCEEDED_MS : KEEP_UNCOPIED_MS;
  const keep = succeeded ? Math.min(settings.retentionMs, most) : settings.retentionMs;
  const until = now + Math.max(keep, KEEP_AT_LEAST_MS);
  if (spec === null || copied) return until;
  // Of a job that cannot be read nobody knows whether it had a key.
  const read = readableSpec({ spec });
  const keysUntil = keysEndAt({ ...read, createdAt }, settings, now);
  return Math.max(until, keysUntil, comesAgainUntil(read, settings, { succeeded, now }));
}

/** A replay has to find its job: when the keys of one stop answering with it, epoch ms; 0 when it has none. */
function keysEndAt(
  { idempotencyKey = null, dedupEndsAt, comesAgain, createdAt }: Partial<JobSpec> & { createdAt: number },
  { idempotencyWindowMs }: QueueSettings,
  now: number,
): number {
  // Of a job that was accepted without its shard the key counts from the commit.
  const since = createdAt + (comesAgain ? DEFERRED_KNOWN_MS : 0);
  const endsAt = idempotencyKey === null ? 0 : since + idempotencyWindowMs;
  return dedupEndsAt === undefined ? endsAt : answersUntil(dedupEndsAt, now, idempotencyWindowMs);
}

/** Until when a message may bring the job once more that history will not know, epoch ms; 0: never. */
function comesAgainUntil(
  { comesAgain }: Partial<JobSpec>,
  settings: QueueSettings,
  { succeeded, now }: { succeeded: boolean; now: number },
): number {
  return comesAgain && !goesToHistory(settings, succeeded) ? now + DEFERRED_KNOWN_MS : 0;
}

/** As `keptUntil`, of a pack whose jobs have all succeeded: they leave together. */
export function packKeptUntil(parts: Parts, head: PackHead, now: number): number {
  const { settings } = parts.get(QUEUES).get(head.queue);
  const createdAt = Math.max(0, ...Array.from(head.segments, ([, at]) => at));
  const specs = goesToHistory(settings, true) ? [null] : specsOf(parts, head);
  return Math.max(...specs.map((spec) => keptUntil(settings, { succeeded: true, spec, createdAt }, now)));
}

function specsOf(parts: Parts, head: PackHead): readonly string[] {
  if (head.spec !== null) return [head.spec];
  const texts = parts.get(PACKS).texts(head);
  return [...new Set(texts.ids.map((_, at) => texts.spec(at)))];
}
