import { invalid, isProblem } from "../../../contract/problems.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { done } from "../answered.ts";
import type { Context } from "../context.ts";
import { failuresPage } from "../dead-letters/failures.ts";
import { changeKey, type KeyChange, orderingKeysPage } from "../dead-letters/ordering-keys.ts";
import { discardFailed, Redrive } from "../dead-letters/redrive.ts";
import { purgeQueue as purge } from "../operations/queue-operations.ts";
import { existingQueue } from "../queues/named-queue.ts";
import type { UseCase } from "./use-case.ts";

/** What operators do with the failed jobs of a queue, with those that wait, and with parked ordering keys. */

export const listFailures: UseCase<"listFailures"> = async (context, { params, query }) => {
  const settings = await existingQueue(context, params.queue);
  if (isProblem(settings)) return settings;
  const page = await failuresPage(context.services, named(settings), query);
  return isProblem(page) ? page : done(page);
};

export const redriveQueue: UseCase<"redriveQueue"> = async (context, { params, body }) => {
  const { services, session } = context;
  const settings = await existingQueue(context, params.queue);
  if (isProblem(settings)) return settings;
  if (body.queue === settings.name)
    return invalid.field("/queue", "queue has to be another one than the queue whose jobs are redriven.");
  const target = body.queue === undefined ? null : await existingQueue(context, body.queue);
  if (isProblem(target)) return target;
  const redrive = new Redrive({ services, settings, target, body });
  const redriven = await redrive.run().finally(() => session.invalidate());
  return isProblem(redriven) ? redriven : done(redriven);
};

export const purgeQueue: UseCase<"purgeQueue"> = async (context, { params, body }) => {
  const { services, session } = context;
  const settings = await existingQueue(context, params.queue);
  if (isProblem(settings)) return settings;
  if (body.failed !== true) {
    const cancelled = await purge(services, named(settings));
    return isProblem(cancelled) ? cancelled : done({ cancelled });
  }
  const counts = await discardFailed(services, settings, body).finally(() => session.invalidate());
  return isProblem(counts) ? counts : done(counts);
};

export const listOrderingKeys: UseCase<"listOrderingKeys"> = async (context, { params, query }) => {
  const settings = await existingQueue(context, params.queue);
  if (isProblem(settings)) return settings;
  const page = await orderingKeysPage(context.services, named(settings), query);
  return isProblem(page) ? page : done(page);
};

export const unblockKey: UseCase<"unblockKey"> = (context, { params, body: { key, action, jobId } }) =>
  changed(context, params.queue, { key, action, job: jobId ?? null });

export const pauseKey: UseCase<"pauseKey"> = (context, { params, body: { key } }) =>
  changed(context, params.queue, { key, action: "pause", job: null });

export const resumeKey: UseCase<"resumeKey"> = (context, { params, body: { key } }) =>
  changed(context, params.queue, { key, action: "resume", job: null });

async function changed(context: Context, queue: string, change: KeyChange) {
  const settings = await existingQueue(context, queue);
  if (isProblem(settings)) return settings;
  const key = await changeKey(context.services, { settings, change });
  return isProblem(key) ? key : done(key);
}

function named({ namespace, name: queue }: QueueSettings) {
  return { namespace, queue };
}
