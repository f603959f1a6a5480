import { conflict, isProblem, type Result } from "../../../contract/problems.ts";
import { DEFAULT_QUEUE } from "../../../contract/queue-settings.ts";
import { done } from "../answered.ts";
import type { Context } from "../context.ts";
import { log, reasonOf } from "../log.ts";
import { queueStats as statsOf } from "../operations/queue-operations.ts";
import { existingQueue } from "../queues/named-queue.ts";
import { queueResource } from "../queues/queue-config.ts";
import type { ResourceKey } from "../resources/kind.ts";
import { scheduleResource, schedulesOfQueue } from "../schedules/schedule-config.ts";
import type { UseCase } from "./use-case.ts";

export const listQueues: UseCase<"listQueues"> = ({ services, caller }, { query }) =>
  queueResource(services).list(services.signer, caller.namespace, query);

export const putQueue: UseCase<"putQueue"> = async (context, { params, body, ifMatch }) => {
  const key = keyOf(context, params);
  const answered = await queueResource(context.services, context.host()).put(key, body, {
    ifMatch,
    now: context.clock(),
  });
  return schedulesFollow(context, key, answered);
};

export const getQueue: UseCase<"getQueue"> = (context, { params }) =>
  queueResource(context.services).get(keyOf(context, params));

export const patchQueue: UseCase<"patchQueue"> = async (context, { params, body, ifMatch }) => {
  const key = keyOf(context, params);
  const answered = await queueResource(context.services, context.host()).patch(key, body, {
    ifMatch,
    now: context.clock(),
  });
  return schedulesFollow(context, key, answered);
};

/** The place of a schedule follows from its queue. The queue is written already: what fails here is healed by the cron. */
async function schedulesFollow<T>({ services }: Context, key: ResourceKey, answered: Result<T>): Promise<Result<T>> {
  if (isProblem(answered)) return answered;
  try {
    const pushed = await scheduleResource(services).pushAll(schedulesOfQueue(services, key));
    if (isProblem(pushed)) log("error", "schedules-follow", { ...key, reason: pushed.detail });
  } catch (error) {
    log("error", "schedules-follow", { ...key, reason: reasonOf(error) });
  }
  return answered;
}

export const deleteQueue: UseCase<"deleteQueue"> = async (context, { params, ifMatch }) =>
  params.queue === DEFAULT_QUEUE
    ? conflict.of("queue-protected", "The queue default cannot be deleted.")
    : queueResource(context.services).remove(keyOf(context, params), { ifMatch, now: context.clock() });

export const queueStats: UseCase<"queueStats"> = async (context, { params }) => {
  const settings = await existingQueue(context, params.queue);
  if (isProblem(settings)) return settings;
  const stats = await statsOf(context.services, settings);
  return isProblem(stats) ? stats : done(stats);
};

export const pauseQueue: UseCase<"pauseQueue"> = (context, { params }) =>
  queueResource(context.services).setPaused(keyOf(context, params), true, context.clock());

export const resumeQueue: UseCase<"resumeQueue"> = (context, { params }) =>
  queueResource(context.services).setPaused(keyOf(context, params), false, context.clock());

function keyOf({ caller }: Context, { queue }: { queue: string }): ResourceKey {
  return { namespace: caller.namespace, name: queue };
}
