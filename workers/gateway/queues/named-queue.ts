import { Name } from "../../../contract/primitives.ts";
import { notFound, type Result } from "../../../contract/problems.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import type { Context } from "../context.ts";
import { QueueConfig } from "./queue-config.ts";

/** A queue of the caller's namespace as it was last written. A name that cannot be one is a 404 like any other unknown one. */
export async function existingQueue({ services, caller }: Context, queue: string): Promise<Result<QueueSettings>> {
  if (!Name.safeParse(queue).success) return notFound.queue(queue);
  return new QueueConfig(services).find({ namespace: caller.namespace, queue });
}
