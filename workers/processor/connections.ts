import type { LaneConnections } from "../../domain/connections.ts";

/**
 * The outgoing connections that the loops of one invocation share. Cloudflare lets six wait for headers at a time;
 * a seventh would wait inside the runtime with its lease running, so no loop claims what it cannot send.
 */
export class Connections {
  readonly #size: number;
  /** What the lane has in all, for the shards that share it out. */
  readonly lane: LaneConnections;
  #free: number;
  readonly #members = new Set<object>();
  /** Loops that were given none, in the order they asked, and how to wake them. */
  readonly #waiting = new Map<object, () => void>();

  /** `consumers` is how many invocations of its lane there are at once, at most. */
  constructor(size: number, consumers = 1) {
    this.#size = size;
    this.#free = size;
    this.lane = { size, consumers };
  }

  join(loop: object): void {
    this.#members.add(loop);
  }

  /** The loop wants no more. What it still holds it gives back with `give`. */
  leave(loop: object): void {
    this.#members.delete(loop);
    if (this.#waiting.delete(loop)) this.#wakeWaiting();
  }

  /** Whether `take` by this loop would be given anything. */
  available(loop: object): boolean {
    return this.#share(loop) > 0;
  }

  /**
   * Takes what `loop` may have now, perhaps none: then `wake` is called when that may have changed. One that `waits` for jobs to come may
   * hold it unused for seconds, and leaves half of what is free to those who have some.
   */
  take(loop: object, wake: () => void, { waits = false }: { waits?: boolean } = {}): number {
    const share = this.#share(loop);
    const taken = waits ? Math.min(share, Math.ceil(this.#free / 2)) : share;
    this.#waiting.delete(loop);
    if (taken === 0) this.#waiting.set(loop, wake);
    this.#free -= taken;
    return taken;
  }

  give(count: number): void {
    this.#free += count;
    if (count > 0) this.#wakeWaiting();
  }

  /** At most an even share at a time, and leaving one for each loop that has waited longer: none starves. */
  #share(loop: object): number {
    const even = Math.max(1, Math.floor(this.#size / Math.max(1, this.#members.size)));
    let ahead = 0;
    for (const other of this.#waiting.keys()) {
      if (other === loop) break;
      ahead++;
    }
    return Math.max(0, Math.min(this.#free - ahead, even));
  }

  #wakeWaiting(): void {
    for (const wake of [...this.#waiting.values()]) wake();
  }
}
