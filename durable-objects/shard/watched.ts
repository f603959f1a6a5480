import type { Watched, WatchRequest } from "../../contract/rpc/watch.ts";
import { workAwaited, workIsThere } from "./doorbells/visits.ts";
import type { Engine } from "./kernel/engine.ts";
import type { Awaited } from "./kernel/long-poll.ts";
import { endAwaited, hasEnded } from "./lifecycle/one-job.ts";

/** Something that a watch may wait for. */
interface Kind<What> {
  isThere(shard: Engine, what: What): boolean;
  awaited(shard: Engine, what: What): Awaited;
}

/** Everything that a watch may wait for. */
const KINDS: { [For in Watched["for"]]: Kind<Extract<Watched, { for: For }>> } = {
  work: { isThere: workIsThere, awaited: workAwaited },
  end: { isThere: hasEnded, awaited: (_, job) => endAwaited(job) },
};

/** Whether it is worth looking. So it is where the shard cannot tell: then the call that looks says why. */
export function isThere(shard: Engine, { watched }: WatchRequest): boolean {
  const kind = KINDS[watched.for] as Kind<Watched>;
  try {
    return kind.isThere(shard, watched);
  } catch {
    return true;
  }
}

/** What a watch is woken by. */
export function awaited(shard: Engine, { watched }: WatchRequest): Awaited {
  const kind = KINDS[watched.for] as Kind<Watched>;
  return kind.awaited(shard, watched);
}
