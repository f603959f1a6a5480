import type { ModelJob, ModelQueue } from "./job.ts";
import type { Model } from "./model.ts";
import { LANE_CONNECTIONS, SHARES } from "./plan.ts";

/** The host and port of each URL of `plan.ts`; null for a queue that calls none. */
function host({ settings: { target } }: ModelQueue): string | null {
  if (target.type !== "http") return null;
  return target.url.includes("8443") ? "x.test:8443" : "x.test:443";
}

/**
 * How many more jobs of a queue may have a connection, with `starting` about to have theirs: of all the lane's one namespace
 * may have so many, and one host so many. Without end for a queue that calls no host, and until an executor has come.
 */
export function connectionsLeft(model: Model, queue: ModelQueue, starting: readonly ModelJob[] = []): number {
  const { lane, namespace } = queue.settings;
  if (host(queue) === null || !model.lanes.has(lane)) return Number.POSITIVE_INFINITY;
  const all = LANE_CONNECTIONS.size * LANE_CONNECTIONS.consumers;
  const connected = [...model.jobs.filter(({ state }) => state === "running"), ...starting].filter(
    (job) => job.queue.settings.lane === lane && host(job.queue) !== null,
  );
  const ofNamespace = connected.filter((job) => job.queue.settings.namespace === namespace).length;
  const ofHost = connected.filter((job) => host(job.queue) === host(queue)).length;
  return Math.min(all * SHARES.namespace - ofNamespace, all * SHARES.host - ofHost);
}
