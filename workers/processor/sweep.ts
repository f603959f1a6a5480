import type { WorkLoop } from "./loop-options.ts";
import type { WorkPorts } from "./work-ports.ts";

/** What a sweep needs: `start` begins a loop for one shard of the lane, `shards` names all there are (may reject). */
export interface SweepPorts {
  start(shard: string): WorkLoop;
  shards(): Promise<string[]>;
  after: WorkPorts["after"];
  /** Whether the invocation is to take no more: loops that live go on to their end. */
  isOver(): boolean;
  /** Resolves to true as soon as the shard has work, and to false after `ms` milliseconds. May reject. Left out: shards do not say. */
  untilWork?(shard: string, ms: number): Promise<boolean>;
}

/** The longest that a shard is asked to wait until it has work. */
const WATCH_MS = 10_000;

/** How often an invocation looks at every shard: at first, and at most as seldom where it finds nothing. 0: never. */
export interface Pace {
  firstMs: number;
  mostMs: number;
}

/**
 * The pace of an invocation that a long job keeps alive. A Queue starts with one consumer and looks for more only when a batch
 * ends, so that a job of 15 minutes would hold the lane for as long: what comes to another shard waits for the next look.
 */
export const BESIDE_LONG_JOBS: Pace = { firstMs: 2_000, mostMs: 4_000 };

/**
 * Runs a loop for each of `first`, to its end. A bell that rings while a slow job is in hand may wait for that job: a local host
 * delivers one batch of a queue at a time, and Cloudflare may not have another consumer yet. The invocation therefore looks by
 * itself, as long as any of its loops lives: at each shard that says that it has work, and now and then at every shard that
 * no loop of its own is claiming from, because what a shard says can be lost.
 */
export async function sweep(ports: SweepPorts, first: Iterable<string>, pace: Pace): Promise<void> {
  const run = new Sweep(ports, pace);
  for (const shard of first) run.start(shard);
  if (pace.firstMs === 0) await run.allEnded();
  else await run.untilDone();
}

class Sweep {
  readonly #ports: SweepPorts;
  readonly #pace: Pace;
  #everyMs: number;
  readonly #latest = new Map<string, WorkLoop>();
  readonly #alive = new Set<WorkLoop>();
  readonly #watched = new Set<string>();
  /** Ends the pause between two looks at every shard. */
  #hurry: () => void = () => undefined;

  constructor(ports: SweepPorts, pace: Pace) {
    this.#ports = ports;
    this.#pace = pace;
    this.#everyMs = pace.firstMs;
  }

  start(shard: string): WorkLoop {
    const loop = this.#ports.start(shard);
    this.#latest.set(shard, loop);
    this.#alive.add(loop);
    void loop.done.then(() => {
      this.#alive.delete(loop);
      if (loop.worked?.() && this.#everyMs > this.#pace.firstMs) this.#goOn();
    });
    return loop;
  }

  /** Resolves when all loops that live now have ended. */
  async allEnded(): Promise<void> {
    await Promise.all([...this.#alive].map((loop) => loop.done));
  }

  async untilDone(): Promise<void> {
    let tried: WorkLoop[] = [];
    while (this.#alive.size > 0) {
      await this.#pause(this.#everyMs, true);
      if (this.#ports.isOver()) return this.allEnded();
      if (this.#alive.size === 0) return;
      this.#setPace(tried);
      tried = [];
      for (const shard of await this.#knownShards()) {
        if (this.#alive.size === 0) return;
        if (this.#latest.get(shard)?.claiming() !== true) tried.push(this.start(shard));
        const { untilWork } = this.#ports;
        if (untilWork !== undefined && !this.#watched.has(shard)) void this.#watch(shard, untilWork);
      }
    }
  }

  /** Something was found, where little was expected: where one job came others may. */
  #goOn(): void {
    this.#everyMs = this.#pace.firstMs;
    this.#hurry();
  }

  /** Where the last look at the shards found something the next comes as soon as the first did. */
  #setPace(tried: readonly WorkLoop[]): void {
    if (tried.some((loop) => loop.worked?.())) this.#everyMs = this.#pace.firstMs;
    else if (tried.length > 0) this.#everyMs = Math.min(this.#everyMs * 2, this.#pace.mostMs);
  }

  /** Without the map, at least the shards that have rung. */
  #knownShards(): Promise<string[]> {
    return this.#ports.shards().catch(() => [...this.#latest.keys()]);
  }

  /** Looks at the shard whenever it says that it has work. What is there and cannot be taken is not asked for at once again. */
  async #watch(shard: string, untilWork: NonNullable<SweepPorts["untilWork"]>): Promise<void> {
    this.#watched.add(shard);
    while (this.#alive.size > 0) {
      const has = await untilWork(shard, WATCH_MS).catch(() => null);
      if (this.#alive.size === 0 || this.#ports.isOver()) break;
      if (has === false) continue;
      const latest = this.#latest.get(shard);
      const loop = has && latest?.claiming() !== true ? this.start(shard) : latest;
      if (has === null || !(await loop?.look?.())) await this.#pause(this.#pace.firstMs);
    }
    this.#watched.delete(shard);
  }

  /** Until `ms` milliseconds are over, or nothing lives any more, or `#hurry` is called where `isHurried`. */
  #pause(ms: number, isHurried = false): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#ports.after(ms, resolve);
      const end = () => {
        cancel();
        resolve();
      };
      if (isHurried) this.#hurry = end;
      void this.allEnded().then(end);
    });
  }
}
