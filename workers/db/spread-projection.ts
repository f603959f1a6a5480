import { parseJobId } from "../../domain/job-id.ts";
import { type Databases, homeOf } from "./databases.ts";
import { CLOCK_MARGIN_MS } from "./history-filter.ts";
import {
  eraseEarlier,
  type Finished,
  namedIn,
  type ProjectionPorts,
  type ProjectionStore,
  projectionStore,
  type Versioned,
} from "./projection.ts";
import { once } from "./retry.ts";
import { standingIn } from "./shard-moves.ts";

/** The projection in as many databases as there are: the jobs of a shard go to one of them, with the position of the shard. */
export function spreadProjection(databases: Databases, ports: ProjectionPorts): ProjectionStore {
  const [first, ...further] = databases;
  if (further.length === 0) return projectionStore(first.database, ports);
  const { retryD1 = once, now } = ports;
  /** Of each shard: since when its jobs have come to the database that they come to now. */
  const since = new Map<string, number>();
  return {
    async position(shard) {
      const standing = await retryD1(() => standingIn(databases, shard, now));
      since.set(shard, standing.since);
      return { cursor: standing.cursor, skip: standing.skip };
    },

    async write(shard, finished) {
      const home = homeOf(shard, databases);
      const earlier = mayBeCopied(finished, since.get(shard) ?? Number.POSITIVE_INFINITY);
      if (earlier.length > 0) {
        // Before they are written: of a job that is nowhere for a moment the shard still knows.
        const others = databases.filter(({ name }) => name !== home.name);
        await Promise.all(others.map(({ database }) => retryD1(() => eraseEarlier(database, earlier, ports.codec))));
      }
      return projectionStore(home.database, ports).write(shard, finished);
    },
  };
}

/** Jobs of which another database may have a copy: they were made before the shard's jobs came to this one. */
function mayBeCopied(finished: Finished, since: number): Versioned[] {
  if (since === 0 && !finished.isRebuild) return [];
  const before = finished.isRebuild ? Number.POSITIVE_INFINITY : since + CLOCK_MARGIN_MS;
  return namedIn(finished).filter(({ id }) => (parseJobId(id)?.at ?? 0) < before);
}
