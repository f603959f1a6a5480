import type { WorkLoop } from "./work-loop.ts";
import type { WorkPorts } from "./work-ports.ts";

/** What a sweep needs: `start` begins a loop for one shard of the lane, `shards` names all there are (may reject). */
export interface SweepPorts {
  start(shard: string): WorkLoop;
  shards(): Promise<string[]>;
  after: WorkPorts["after"];
}

/**
 * Runs a loop for each of `first`, to its end. A local host delivers one batch of a queue at a time, so a bell that
 * rings while a slow job is in hand would wait for that job. With `everyMs` above 0 the invocation therefore looks by
 * itself, that often and as long as any of its loops lives, at every shard that no loop of its own is claiming from.
 */
export async function sweep(ports: SweepPorts, first: Iterable<string>, everyMs: number): Promise<void> {
  const latest = new Map<string, WorkLoop>();
  const alive = new Set<WorkLoop>();
  const start = (shard: string) => {
    const loop = ports.start(shard);
    latest.set(shard, loop);
    alive.add(loop);
    void loop.done.then(() => alive.delete(loop));
  };
  for (const shard of first) start(shard);
  while (alive.size > 0) {
    const ended = Promise.all([...alive].map((loop) => loop.done));
    if (everyMs === 0) {
      await ended;
      continue;
    }
    await earlier(ports, ended, everyMs);
    if (alive.size === 0) return;
    for (const shard of await knownShards(ports, latest)) {
      if (alive.size > 0 && latest.get(shard)?.claiming() !== true) start(shard);
    }
  }
}

/** Without the map, at least the shards that have rung. */
function knownShards(ports: SweepPorts, latest: Map<string, WorkLoop>): Promise<string[]> {
  return ports.shards().catch(() => [...latest.keys()]);
}

function earlier(ports: SweepPorts, ended: Promise<unknown>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const cancel = ports.after(ms, resolve);
    void ended.then(() => {
      cancel();
      resolve();
    });
  });
}
