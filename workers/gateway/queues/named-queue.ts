import { Name } from "../../../contract/primitives.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import type { AppContext } from "../context.ts";
import { QueueConfig, type QueueName } from "./queue-config.ts";
import { queueNotFound } from "./settings-cache.ts";

/** The queue that the path names; a name that cannot be one is a 404 like any other unknown one. */
export function queueOf(c: AppContext): QueueName {
  const queue = c.req.param("queue") ?? "";
  if (!Name.safeParse(queue).success) throw queueNotFound(queue);
  return { namespace: c.var.caller.namespace, queue };
}

/** Its settings as last written, or a 404 refusal. */
export function existingQueue(c: AppContext): Promise<QueueSettings> {
  return new QueueConfig(c.var.services, c.env).find(queueOf(c));
}
