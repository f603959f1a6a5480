import { isProblem, notFound, type Problem, type Result, under } from "../../../contract/problems.ts";
import { ScheduleBody, type ScheduleView } from "../../../contract/schedule.ts";
import type { ScheduleSettings } from "../../../domain/schedule.ts";
import { type Db, primary } from "../../db/client.ts";
import { findSchedule, listSchedules, walkSchedules, writeSchedule } from "../../db/schedules.ts";
import { fromDatabase } from "../database.ts";
import { storedQueue, storedQueues } from "../queues/stored-queue.ts";
import type { Change, Kind, ListPage, ResourceKey, Stamp, Walk } from "../resources/kind.ts";
import { resourcePorts, VersionedResource } from "../resources/versioned-resource.ts";
import { whyUnwritten } from "../resources/within-limit.ts";
import type { Services } from "../services.ts";
import { pushSchedules } from "./schedule-push.ts";
import { checkJob, scheduleBodyOf, scheduleFrom, scheduleView, withNextInstants } from "./schedule-settings.ts";

export type ScheduleResource = VersionedResource<ScheduleSettings, ScheduleBody, ScheduleView>;

/** The schedules of the API. */
export function scheduleResource(services: Services): ScheduleResource {
  return new VersionedResource(new ScheduleKind(services), resourcePorts(services));
}

/** The schedules whose jobs go to a queue: where they lie follows from it. */
export function schedulesOfQueue({ database }: Services, key: ResourceKey): Walk<ScheduleSettings> {
  const filter = { type: "queue", namespace: key.namespace, queue: key.name } as const;
  return (page) => walkSchedules(primary(database), filter, page);
}

class ScheduleKind implements Kind<ScheduleSettings, ScheduleBody, ScheduleView> {
  readonly what = "schedule";
  readonly body = ScheduleBody;
  /** With the largest payloads 5 MB, under the 32 MiB that one RPC may carry. */
  readonly pushStep = 20;
  readonly #services: Services;
  readonly #db: Db;

  constructor(services: Services) {
    this.#services = services;
    this.#db = primary(services.database);
  }

  notFound(name: string): Problem {
    return notFound.schedule(name);
  }

  stored({ namespace, name }: ResourceKey): Promise<Result<ScheduleSettings | null>> {
    return fromDatabase(() => findSchedule(this.#db, namespace, name));
  }

  list(page: ListPage): Promise<Result<ScheduleSettings[]>> {
    return fromDatabase(() => listSchedules(this.#db, page));
  }

  /** Those too whose queue was. */
  changedSince(since: number): Walk<ScheduleSettings> {
    const filter = since === 0 ? ({ type: "all" } as const) : ({ type: "changed", since } as const);
    return (page) => walkSchedules(this.#db, filter, page);
  }

  /** Refuses (422) one more than a namespace may have. */
  async write({ before, next }: Change<ScheduleSettings>): Promise<Result<boolean>> {
    const written = await fromDatabase(() => writeSchedule(this.#db, next));
    if (isProblem(written) || written) return written;
    const isNew = before === null || before.deleted;
    return whyUnwritten(this.#services.database, "schedules", { namespace: next.namespace, isNew });
  }

  bodyOf(settings: ScheduleSettings): unknown {
    return scheduleBodyOf(settings);
  }

  keeping(body: ScheduleBody, { paused }: ScheduleSettings): ScheduleBody {
    return { paused, ...body };
  }

  settings(body: ScheduleBody, stamp: Stamp): Result<ScheduleSettings> {
    return scheduleFrom(body, stamp);
  }

  async check({ next }: Change<ScheduleSettings>): Promise<Problem | null> {
    const { namespace, job } = next;
    // From D1 itself: a schedule's place must not be worked out by settings that are seconds old.
    const queue = await storedQueue(this.#services.database, { namespace, name: job.queue });
    if (isProblem(queue)) return queue;
    if (queue === null || queue.deleted) return under("/job", notFound.queue(job.queue), "/queue");
    return checkJob(next, queue);
  }

  remnant(settings: ScheduleSettings): ScheduleSettings {
    return settings;
  }

  push(schedules: ScheduleSettings[]): Promise<Result<void>> {
    const { shards, database } = this.#services;
    return pushSchedules(shards, (queues) => storedQueues(database, queues), schedules);
  }

  alone(settings: ScheduleSettings, view: ScheduleView): ScheduleView {
    return withNextInstants(settings, view);
  }

  async views(schedules: ScheduleSettings[]): Promise<Result<ScheduleView[]>> {
    const [first] = schedules;
    if (first === undefined) return [];
    const asked = { namespace: first.namespace, names: schedules.map(({ name }) => name) };
    const replies = await this.#services.shards.all({ idempotent: true }, (shard, head) =>
      shard.scheduleStates({ ...head, ...asked }),
    );
    if (isProblem(replies)) return replies;
    const states = Map.groupBy(replies.flat(), ({ name }) => name);
    return schedules.map((settings) => scheduleView(settings, states.get(settings.name) ?? []));
  }
}
