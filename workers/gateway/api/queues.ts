import { Name } from "../../../contract/primitives.ts";
import { invalid, isProblem, type Result } from "../../../contract/problems.ts";
import { DEFAULT_QUEUE, implicitDefault } from "../../../contract/queue-settings.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { primary } from "../../db/client.ts";
import { findQueue, type QueuePosition, listQueues as readQueues } from "../../db/queues.ts";
import type { Context } from "../context.ts";
import { fromDatabase } from "../database.ts";
import { log, reasonOf } from "../log.ts";
import { queueStats as statsOf } from "../operations/queue-operations.ts";
import { existingQueue } from "../queues/named-queue.ts";
import { QueueConfig } from "../queues/queue-config.ts";
import { queueView } from "../queues/queue-settings.ts";
import { ScheduleConfig } from "../schedules/schedule-config.ts";
import { created, DELETED, done } from "./answered.ts";
import { createdPlace, pageOf } from "./page.ts";
import type { UseCase } from "./use-case.ts";

/** A page of the namespace's queues, newest first. `default` is the oldest until somebody puts it. */
export const listQueues: UseCase<"listQueues"> = async ({ services, caller }, { query }) => {
  const { namespace } = caller;
  const page = await pageOf(services.signer, query, {
    name: `queues:${namespace}`,
    read: (after, limit) => queuesWithDefault(services.database, { namespace, after: createdPlace(after), limit }),
    placeOf: ({ createdAt, name }) => `${createdAt}/${name}`,
    views: async (rows) => rows.map(queueView),
  });
  return isProblem(page) ? page : done(page);
};

async function queuesWithDefault(
  database: D1Database,
  page: { namespace: string; after: QueuePosition | null; limit: number },
): Promise<Result<QueueSettings[]>> {
  const db = primary(database);
  const rows = await fromDatabase(() => readQueues(db, page));
  if (isProblem(rows) || rows.length === page.limit) return rows;
  const stored = await fromDatabase(() => findQueue(db, page.namespace, DEFAULT_QUEUE));
  if (isProblem(stored)) return stored;
  return stored === null ? [...rows, implicitDefault(page.namespace)] : rows;
}

export const putQueue: UseCase<"putQueue"> = async ({ services, caller, clock }, { params, body }) => {
  const { queue } = params;
  if (!Name.safeParse(queue).success) return invalid.field("", "the queue's name in the path is not valid");
  const put = await new QueueConfig(services).put({ namespace: caller.namespace, queue }, body, clock());
  if (isProblem(put)) return put;
  await schedulesFollow(services, put.settings);
  return put.created ? created(queueView(put.settings)) : done(queueView(put.settings));
};

/** The place of a schedule follows from its queue. The queue is put already: what fails here is healed by the cron. */
async function schedulesFollow(
  services: Context["services"],
  { namespace, name: queue }: QueueSettings,
): Promise<void> {
  try {
    await new ScheduleConfig(services).repush({ type: "queue", namespace, queue });
  } catch (error) {
    log("error", "schedules-follow", { namespace, queue, reason: reasonOf(error) });
  }
}

export const getQueue: UseCase<"getQueue"> = async (context, { params }) => {
  const settings = await existingQueue(context, params.queue);
  return isProblem(settings) ? settings : done(queueView(settings));
};

export const deleteQueue: UseCase<"deleteQueue"> = async (context, { params: { queue } }) => {
  const settings = await existingQueue(context, queue);
  if (isProblem(settings)) return settings;
  const { services, caller } = context;
  const removed = await new QueueConfig(services).remove({ namespace: caller.namespace, queue }, context.clock());
  return isProblem(removed) ? removed : DELETED;
};

export const queueStats: UseCase<"queueStats"> = async (context, { params }) => {
  const settings = await existingQueue(context, params.queue);
  if (isProblem(settings)) return settings;
  const stats = await statsOf(context.services, settings);
  return isProblem(stats) ? stats : done(stats);
};

export const pauseQueue: UseCase<"pauseQueue"> = (context, { params }) => setPaused(context, params.queue, true);
export const resumeQueue: UseCase<"resumeQueue"> = (context, { params }) => setPaused(context, params.queue, false);

async function setPaused(context: Context, queue: string, paused: boolean) {
  const known = await existingQueue(context, queue);
  if (isProblem(known)) return known;
  const name = { namespace: context.caller.namespace, queue };
  const settings = await new QueueConfig(context.services).setPaused(name, paused, context.clock());
  return isProblem(settings) ? settings : done(queueView(settings));
}
