import { notFound, type Result, unavailable } from "../../../contract/problems.ts";
import { DEFAULT_QUEUE, implicitDefault } from "../../../contract/queue-settings.ts";
import type { ScheduleState } from "../../../contract/rpc.ts";
import type { ScheduleBody } from "../../../contract/schedule.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import type { ScheduleSettings } from "../../../domain/schedule.ts";
import { type Db, primary } from "../../db/client.ts";
import { findQueue } from "../../db/queues.ts";
import {
  findSchedule,
  type ScheduleFilter,
  type ScheduleKey,
  walkSchedules,
  writeSchedule,
} from "../../db/schedules.ts";
import { orThrow, orUnavailable, queueNotFound, Refusal, settled } from "../refusal.ts";
import type { Services } from "../services.ts";
import { pushSchedules } from "./schedule-push.ts";
import { checkJob, scheduleFrom } from "./schedule-settings.ts";

/** Each try reads again; of writers that meet, one gets through each time, and the others wait a random moment. */
const MAX_TRIES = 30;
const MAX_PAUSE_MS = 50;
/** Schedules of one push: with the largest payloads 5 MB, under the 32 MiB that one RPC may carry. */
const PUSH_STEP = 20;

/** Changes schedules: D1 first, which has the truth, then the shards, so that the change acts before it is answered. */
export class ScheduleConfig {
  readonly #services: Services;
  readonly #db: Db;

  constructor(services: Services) {
    this.#services = services;
    this.#db = primary(services.database);
  }

  find(key: ScheduleKey): Promise<Result<ScheduleSettings>> {
    return settled(() => this.#find(key));
  }

  put(
    key: ScheduleKey,
    body: ScheduleBody,
    now: number,
  ): Promise<Result<{ settings: ScheduleSettings; created: boolean }>> {
    return settled(() => this.#put(key, body, now));
  }

  remove(key: ScheduleKey, now: number): Promise<Result<null>> {
    return settled(async () => {
      await this.#remove(key, now);
      return null;
    });
  }

  states(namespace: string, names: string[]): Promise<Result<Map<string, ScheduleState[]>>> {
    return settled(() => this.#states(namespace, names));
  }

  /** The settings as last written, or a 404 refusal. */
  async #find({ namespace, name }: ScheduleKey): Promise<ScheduleSettings> {
    const settings = await this.#stored({ namespace, name });
    if (settings === null || settings.deleted) throw scheduleNotFound(name);
    return settings;
  }

  /** Creates or replaces the schedule. */
  async #put(
    { namespace, name }: ScheduleKey,
    body: ScheduleBody,
    now: number,
  ): Promise<{ settings: ScheduleSettings; created: boolean }> {
    return this.#attempt(async () => {
      const current = await this.#stored({ namespace, name });
      const standing = current === null || current.deleted ? null : current;
      const settings = scheduleFrom(body, {
        namespace,
        name,
        version: (current?.version ?? 0) + 1,
        createdAt: standing?.createdAt ?? now,
        updatedAt: now,
      });
      const queue = await this.#queue(namespace, settings.job.queue);
      if (queue === null || queue.deleted) throw queueNotFound(settings.job.queue);
      checkJob(settings, queue);
      return (await this.#write(settings)) ? { settings, created: standing === null } : null;
    });
  }

  async #remove(key: ScheduleKey, now: number): Promise<void> {
    await this.#attempt(async () => {
      const current = await this.#find(key);
      const settings = { ...current, deleted: true, version: current.version + 1, updatedAt: now };
      return (await this.#write(settings)) ? { settings } : null;
    });
  }

  /** What the shards say of the schedules of a namespace, by name. */
  async #states(namespace: string, names: string[]): Promise<Map<string, ScheduleState[]>> {
    if (names.length === 0) return new Map();
    const replies = orThrow(
      await this.#services.shards.all({ idempotent: true }, (shard, head) =>
        shard.scheduleStates({ ...head, namespace, names }),
      ),
    );
    return Map.groupBy(replies.flat(), ({ name }) => name);
  }

  /** Pushes the schedules that match to the shards again, as long as `goOn` says so. What is known already costs nothing. */
  async repush(filter: ScheduleFilter, goOn: () => boolean = () => true): Promise<void> {
    let after: ScheduleKey | null = null;
    do {
      const page: ScheduleSettings[] = await walkSchedules(this.#db, filter, { after, limit: PUSH_STEP });
      await this.#push(page);
      after = page.length < PUSH_STEP ? null : (page.at(-1) ?? null);
    } while (after !== null && goOn());
  }

  /** Tries until no other writer came between, then tells the shards. */
  async #attempt<R extends { settings: ScheduleSettings }>(change: () => Promise<R | null>): Promise<R> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const done = await change();
      if (done !== null) {
        await this.#push([done.settings]);
        return done;
      }
      await this.#services.shards.pause(Math.random() * MAX_PAUSE_MS);
    }
    throw new Refusal(unavailable.contended("schedule"));
  }

  async #push(schedules: ScheduleSettings[]): Promise<void> {
    orThrow(await pushSchedules(this.#services.shards, (namespace, queue) => this.#queue(namespace, queue), schedules));
  }

  #write(settings: ScheduleSettings): Promise<boolean> {
    return orUnavailable(() => writeSchedule(this.#db, settings));
  }

  #stored({ namespace, name }: ScheduleKey): Promise<ScheduleSettings | null> {
    return orUnavailable(() => findSchedule(this.#db, namespace, name));
  }

  /** From D1 itself: a schedule's place must not be worked out by settings that are seconds old. */
  async #queue(namespace: string, queue: string): Promise<QueueSettings | null> {
    const stored = await orUnavailable(() => findQueue(this.#db, namespace, queue));
    return stored ?? (queue === DEFAULT_QUEUE ? implicitDefault(namespace) : null);
  }
}

export function scheduleNotFound(name: string): Refusal {
  return new Refusal(notFound.schedule(name));
}
