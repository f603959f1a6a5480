import { conflict, type Result, unavailable } from "../../../contract/problems.ts";
import type { QueueBody } from "../../../contract/queue.ts";
import { DEFAULT_QUEUE, implicitDefault, settingsFrom } from "../../../contract/queue-settings.ts";
import type { HoldReply } from "../../../contract/rpc.ts";
import { formatTimestamp } from "../../../contract/time.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { primary } from "../../db/client.ts";
import { findQueue, writeQueue } from "../../db/queues.ts";
import { orThrow, orUnavailable, queueNotFound, Refusal, settled } from "../refusal.ts";
import type { Services } from "../services.ts";
import { checkSettings } from "./queue-settings.ts";

/** How long shards refuse a queue's new jobs while its change is decided. Past it they go on by themselves. */
const HOLD_MS = 10_000;
/** Each try reads again; of writers that meet, one gets through each time, and the others wait a random moment. */
const MAX_TRIES = 30;
const MAX_PAUSE_MS = 50;

export interface QueueName {
  namespace: string;
  queue: string;
}

/** Changes queues: D1 first, which has the truth, then every shard, so that the change acts before it is answered. */
export class QueueConfig {
  readonly #services: Services;
  readonly #database: D1Database;
  readonly #allowPrivateTargets: boolean;

  constructor(services: Services) {
    this.#services = services;
    this.#database = services.database;
    this.#allowPrivateTargets = services.config.allowPrivateTargets;
  }

  find(name: QueueName): Promise<Result<QueueSettings>> {
    return settled(() => this.#find(name));
  }

  put(name: QueueName, body: QueueBody, now: number): Promise<Result<{ settings: QueueSettings; created: boolean }>> {
    return settled(() => this.#put(name, body, now));
  }

  setPaused(name: QueueName, paused: boolean, now: number): Promise<Result<QueueSettings>> {
    return settled(() => this.#setPaused(name, paused, now));
  }

  remove(name: QueueName, now: number): Promise<Result<null>> {
    return settled(async () => {
      await this.#remove(name, now);
      return null;
    });
  }

  /** The settings as last written, or a 404 refusal. */
  async #find(name: QueueName): Promise<QueueSettings> {
    const settings = await this.#stored(name);
    if (settings === null || settings.deleted) throw queueNotFound(name.queue);
    return settings;
  }

  /** Creates or replaces the queue. Refuses (409) another number of partitions while jobs or keys depend on it. */
  async #put(name: QueueName, body: QueueBody, now: number): Promise<{ settings: QueueSettings; created: boolean }> {
    return this.#attempt(async () => {
      const current = await this.#stored(name);
      const standing = current === null || current.deleted ? null : current;
      const settings = settingsFrom(body, {
        namespace: name.namespace,
        name: name.queue,
        version: (current?.version ?? 0) + 1,
        createdAt: standing === null || standing.version === 0 ? now : standing.createdAt,
        updatedAt: now,
        before: current,
      });
      orThrow(checkSettings(settings, this.#allowPrivateTargets));
      // What shards remember by partition outlives the deletion of a queue.
      const moves = current !== null && current.partitions !== settings.partitions;
      const written = moves ? await this.#repartition(current, settings) : await this.#write(settings);
      return written ? { settings, created: standing === null } : null;
    }, now);
  }

  /** Pauses or resumes. Answers the queue as it is then. */
  async #setPaused(name: QueueName, paused: boolean, now: number): Promise<QueueSettings> {
    const { settings } = await this.#attempt(async () => {
      const current = await this.#find(name);
      // Pushed again though nothing changes: a shard that missed the last push hears it now.
      if (current.paused === paused) return { settings: current };
      const settings = {
        ...current,
        ...firstStamp(current, now),
        paused,
        version: current.version + 1,
        updatedAt: now,
      };
      return (await this.#write(settings)) ? { settings } : null;
    }, now);
    return settings;
  }

  /** Deletes a queue without unfinished jobs. */
  async #remove(name: QueueName, now: number): Promise<void> {
    if (name.queue === DEFAULT_QUEUE)
      throw new Refusal(conflict.of("queue-protected", "The queue default cannot be deleted."));
    await this.#attempt(async () => {
      const current = await this.#find(name);
      const settings = { ...current, deleted: true, version: current.version + 1, updatedAt: now };
      const written = await this.#whileFrozen(current, async ({ live }) => {
        if (live > 0) throw hasJobs(live);
        return this.#write(settings);
      });
      return written ? { settings } : null;
    }, now);
  }

  /** Jobs stand in the order of their partition, and keys are found by it: neither may be left behind. */
  async #repartition(current: QueueSettings, next: QueueSettings): Promise<boolean> {
    return this.#whileFrozen(current, async ({ live, idempotencyKeys, dedupKeys, parkedKeys, startsCountUntil }) => {
      if (live > 0) throw hasJobs(live);
      if (idempotencyKeys + dedupKeys > 0) {
        throw new Refusal(
          conflict.of(
            "queue-has-keys",
            `The queue remembers ${idempotencyKeys} idempotency keys and ${dedupKeys} deduplication keys by their partition. Their window has to pass before the number of partitions changes, or make another queue.`,
          ),
        );
      }
      if (parkedKeys > 0) {
        throw new Refusal(
          conflict.of(
            "queue-has-keys",
            `${parkedKeys} ordering keys of the queue stand still by their partition: unblock or resume them first.`,
          ),
        );
      }
      if (startsCountUntil !== null) {
        throw new Refusal(
          conflict.of(
            "queue-has-starts",
            `Starts count under a rate by their partition until ${formatTimestamp(startsCountUntil)}: the number of partitions can change then.`,
          ),
        );
      }
      return this.#write(next);
    });
  }

  /**
   * Runs `step` while no shard takes new jobs of the queue. Every shard is told of the queue first: one that never heard
   * of it could not hold it. Releases the hold when nothing was written.
   */
  async #whileFrozen(current: QueueSettings, step: (reply: Required<HoldReply>) => Promise<boolean>): Promise<boolean> {
    const { namespace, name: queue } = current;
    const hold = async (holdMs: number) =>
      orThrow(
        await this.#services.shards.all({ idempotent: true }, (shard, head) =>
          shard.hold({ ...head, namespace, queue, holdMs }),
        ),
      );
    let written = false;
    await this.#push(current);
    try {
      const holds = await hold(HOLD_MS);
      written = await step({
        live: holds.reduce((sum, reply) => sum + reply.live, 0),
        idempotencyKeys: holds.reduce((sum, reply) => sum + reply.idempotencyKeys, 0),
        dedupKeys: holds.reduce((sum, reply) => sum + reply.dedupKeys, 0),
        parkedKeys: holds.reduce((sum, reply) => sum + reply.parkedKeys, 0),
        startsCountUntil: latest(holds.map((reply) => reply.startsCountUntil)),
      });
      return written;
    } finally {
      if (!written) await hold(0);
    }
  }

  /** Tries until no other writer came between, then tells every shard. */
  async #attempt<R extends { settings: QueueSettings }>(change: () => Promise<R | null>, now: number): Promise<R> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const done = await change();
      if (done === null) {
        await this.#services.shards.pause(Math.random() * MAX_PAUSE_MS);
        continue;
      }
      await this.#push(done.settings);
      this.#services.settings.learn(done.settings, now);
      if (done.settings.version > 0) await this.#services.settings.publish(done.settings);
      return done;
    }
    throw new Refusal(unavailable.because("The queue is being changed by others."));
  }

  async #push(settings: QueueSettings): Promise<void> {
    orThrow(
      await this.#services.shards.all({ idempotent: true }, (shard, head) =>
        shard.configure({ ...head, queues: [settings] }),
      ),
    );
  }

  #write(settings: QueueSettings): Promise<boolean> {
    return orUnavailable(() => writeQueue(primary(this.#database), settings));
  }

  async #stored({ namespace, queue }: QueueName): Promise<QueueSettings | null> {
    const stored = await orUnavailable(() => findQueue(primary(this.#database), namespace, queue));
    return stored ?? (queue === DEFAULT_QUEUE ? implicitDefault(namespace) : null);
  }
}

function latest(times: (number | null)[]): number | null {
  const known = times.filter((at) => at !== null);
  return known.length === 0 ? null : Math.max(...known);
}

/** The implicit `default` begins to exist with its first change. */
function firstStamp(current: QueueSettings, now: number): { createdAt: number } {
  return { createdAt: current.version === 0 ? now : current.createdAt };
}

function hasJobs(live: number): Refusal {
  return new Refusal(conflict.of("queue-has-jobs", `The queue has ${live} unfinished ${live === 1 ? "job" : "jobs"}.`));
}
