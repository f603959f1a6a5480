import { DEFERRED_KNOWN_MS } from "../../../contract/ingest.ts";
import { COUNTS } from "../jobs/counts.ts";
import { Part, type Parts, type StepScope } from "../kernel/part.ts";
import type { KnownQueue } from "../queues/known-queue.ts";
import { QUEUES } from "../queues/queue-store.ts";

/**
 * Deleted queues with which something is still to be done, by their refs. It is read from the rows of queues at the start, and
 * has nothing that they do not say.
 */
export class FormerQueues {
  /** Those that may have unfinished jobs, with the job up to which they were looked for: null, none has been. */
  readonly #unended = new Map<number, string | null>();
  /** Those whose names others have: when to look whether anything is left of them, epoch milliseconds. */
  readonly #lookAt = new Map<number, number>();

  static load(shard: Parts): FormerQueues {
    const former = new FormerQueues();
    const queues = shard.get(QUEUES);
    for (const queue of queues.all()) {
      if (!queue.settings.deleted) continue;
      if (hasUnfinished(shard, queue.ref)) former.#unended.set(queue.ref, null);
      if (isSuperseded(shard, queue)) former.#lookAt.set(queue.ref, firstLookAt(queue));
    }
    return former;
  }

  get unended(): Iterable<[ref: number, after: string | null]> {
    return this.#unended;
  }

  get lookAt(): Iterable<[ref: number, at: number]> {
    return this.#lookAt;
  }

  /** Jobs of the queue are to be ended, as far as `after` says that it was looked at. */
  noteUnended(step: StepScope, ref: number, after: string | null): void {
    step.onCommit(() => this.#unended.set(ref, after));
  }

  noteEnded(step: StepScope, ref: number): void {
    step.onCommit(() => this.#unended.delete(ref));
  }

  /** Answers when it is looked at, so that the alarm comes by then. */
  noteSuperseded(step: StepScope, queue: KnownQueue): number {
    const at = firstLookAt(queue);
    step.onCommit(() => this.#lookAt.set(queue.ref, at));
    return at;
  }

  lookAgain(step: StepScope, ref: number, at: number): void {
    step.onCommit(() => this.#lookAt.set(ref, at));
  }

  noteForgotten(step: StepScope, ref: number): void {
    step.onCommit(() => this.#lookAt.delete(ref));
  }
}

export const FORMER_QUEUES = new Part("former queues", FormerQueues.load);

/** What was accepted for the queue without its shard may come for so long, and has to find it. */
function firstLookAt({ settings }: KnownQueue): number {
  return settings.updatedAt + DEFERRED_KNOWN_MS;
}

export function hasUnfinished(parts: Parts, ref: number): boolean {
  const { ready, blocked, scheduled, running } = parts.get(COUNTS).of(ref);
  return ready + blocked + scheduled + running > 0;
}

/** Whether it was deleted, and its name is another's. */
export function isSuperseded(parts: Parts, { ref, settings }: KnownQueue): boolean {
  const { namespace, name, deleted } = settings;
  return deleted && parts.get(QUEUES).find(namespace, name)?.ref !== ref;
}
