import type { Result } from "../../../contract/problems.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import type { Context } from "../context.ts";
import { queueResource } from "./queue-config.ts";

/** A queue of the caller's namespace as it was last written. A name that cannot be one is a 404 like any other unknown one. */
export function existingQueue({ services, caller }: Context, queue: string): Promise<Result<QueueSettings>> {
  return queueResource(services).find({ namespace: caller.namespace, name: queue });
}
