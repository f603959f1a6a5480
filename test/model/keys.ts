/** Keys by which an earlier job answers for a later call. */
import type { Dedup, NewJob } from "../../contract/rpc.ts";
import { allows, isOver, type ModelJob, type ModelQueue } from "./job.ts";

/** A deduplication key counts within an ordering key; without one within a concurrency key. */
function dedupScope({ orderingKey, concurrencyKey }: Pick<NewJob, "orderingKey" | "concurrencyKey">): string {
  if (orderingKey !== null) return `ordering ${orderingKey}`;
  return concurrencyKey === null ? "" : `concurrency ${concurrencyKey}`;
}

/** An idempotency key counts within the same; without either within the deduplication key. */
function idempotencyScope(job: Pick<NewJob, "orderingKey" | "concurrencyKey" | "dedup">): string {
  return dedupScope(job) || (job.dedup === null ? "" : `dedup ${job.dedup.key}`);
}

interface Call {
  queue: ModelQueue;
  scope: string;
  key: string;
  hash: string;
  /** The job that answered. */
  job: string;
  endsAt: number;
}

/** Idempotency keys: the calls that came with one, and what answered them. */
export class IdempotencyKeys {
  readonly calls: Call[] = [];

  find(queue: ModelQueue, sent: NewJob, now: number): Call | undefined {
    const { idempotency } = sent;
    if (idempotency === null) return undefined;
    const same = ({ queue: of, scope, key }: Call) =>
      of === queue && scope === idempotencyScope(sent) && key === idempotency.key;
    return this.calls.findLast((call) => same(call) && call.endsAt > now);
  }

  answered(queue: ModelQueue, sent: NewJob, { job, now }: { job: string; now: number }): void {
    if (sent.idempotency === null) return;
    const endsAt = now + queue.settings.idempotencyWindowMs;
    this.calls.push({ queue, scope: idempotencyScope(sent), ...sent.idempotency, job, endsAt });
  }
}

/** Who holds a deduplication key. */
export interface Holder {
  queue: ModelQueue;
  scope: string;
  key: string;
  job: ModelJob;
  /** When the window of `job` is over; null: never. */
  endsAt: number | null;
  /** The one that runs after `job`, which has not ended. */
  next: { job: ModelJob; endsAt: number | null } | null;
  /** The clock found the window over while `job` had not ended: the key goes when it does. */
  leaving: boolean;
}

/** Deduplication keys, as `contract/dedup.ts` says. */
export class DedupKeys {
  holders: Holder[] = [];

  find(queue: ModelQueue, sent: Pick<NewJob, "orderingKey" | "concurrencyKey" | "dedup">): Holder | undefined {
    const scope = dedupScope(sent);
    return this.holders.find(
      (keyOwner) => keyOwner.queue === queue && keyOwner.scope === scope && keyOwner.key === sent.dedup?.key,
    );
  }

  hold(job: ModelJob, dedup: Dedup, now: number): void {
    const endsAt = dedup.windowMs === null ? null : now + dedup.windowMs;
    const { queue } = job;
    this.holders = this.holders.filter((keyOwner) => keyOwner !== this.find(queue, { ...job, dedup }));
    this.holders.push({ queue, scope: dedupScope(job), key: dedup.key, job, endsAt, next: null, leaving: false });
  }

  /** The job that `job` runs after; undefined when it waits for none. */
  before(job: ModelJob): ModelJob | undefined {
    return this.holders.find(({ next }) => next?.job === job)?.job;
  }

  /** A job has become final: the one that waited for it holds the key from now on. */
  ended(job: ModelJob): void {
    for (const keyOwner of this.holders) {
      if (keyOwner.next?.job === job) keyOwner.next = null;
      if (keyOwner.job !== job || keyOwner.next === null) continue;
      Object.assign(keyOwner, { job: keyOwner.next.job, endsAt: keyOwner.next.endsAt, next: null, leaving: false });
    }
    this.holders = this.holders.filter((keyOwner) => !(keyOwner.leaving && keyOwner.job === job));
  }

  /** The clock forgets keys whose window is over: at once where their job has ended. */
  sweep(now: number): void {
    for (const keyOwner of this.holders)
      if (keyOwner.endsAt !== null && keyOwner.endsAt <= now) keyOwner.leaving = true;
    this.holders = this.holders.filter(({ leaving, job }) => !(leaving && isOver(job)));
  }
}

export type DedupVerdict = "accept" | "accept-next" | "answer" | "refuse" | "replace";

/** What becomes of a call whose key `keyOwner` owns, and the job that it meets: the one that was accepted last. */
export function resolveDuplicate(
  keyOwner: Holder,
  dedup: Dedup,
  now: number,
): { verdict: DedupVerdict; found: ModelJob } {
  const found = keyOwner.next?.job ?? keyOwner.job;
  const endsAt = keyOwner.next === null ? keyOwner.endsAt : keyOwner.next.endsAt;
  const { onConflict } = dedup;
  const waits = allows(found, "replace");
  const keeps = waits && (keyOwner.next !== null || onConflict === "replace" || onConflict === "runAfter");
  const holds = keeps || endsAt === null || endsAt > now;
  const verdicts: Record<Dedup["onConflict"], DedupVerdict> = {
    return: "answer",
    reject: "refuse",
    replace: waits ? "replace" : "accept",
    runAfter: waits ? "answer" : isOver(found) ? "accept" : "accept-next",
  };
  return { verdict: holds ? verdicts[onConflict] : "accept", found };
}
