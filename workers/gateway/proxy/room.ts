import { whenAborted } from "./when-aborted.ts";

/** Where requests of the proxy wait for room at a service, in the order in which they came. */

/** One that has not looked for so long has gone with its client: the runtime ends a request without a word. */
const GONE_MS = 500;
const LOOK_AGAIN_MS = 10;
/** Who is further back in the line looks less often, so that a long one costs little. */
const LATER_BY_MS = 2;
const LONGEST_LOOK_MS = 100;

interface Ticket {
  seenAt: number;
}

export interface RoomPorts {
  /** Epoch milliseconds. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

/** What a request asks for. */
export interface RoomWish<T> {
  /** Requests that may wait. */
  maxWaiting: number;
  /** How long this one waits at most, in milliseconds. */
  patienceMs: number;
  /** Aborted when nobody wants the place any more. */
  gone: AbortSignal;
  /** Takes a place at `now`, where there is one; asked for the first in the line alone. Null: there is none. */
  take(now: number): T | null;
}

/** The line of one service in this isolate. A request of another invocation cannot be woken, so each looks by itself. */
export class Room {
  readonly #line: Ticket[] = [];
  readonly #ports: RoomPorts;

  constructor(ports: RoomPorts) {
    this.#ports = ports;
  }

  /** Requests that wait at `now`. */
  waiting(now: number): number {
    this.#forget(now);
    return this.#line.length;
  }

  /**
   * What `take` has given, once it was this request's turn and it gave something; null where too many wait, it has waited long, or it has
   * gone: that one leaves the line at once.
   */
  async enter<T>({ maxWaiting, patienceMs, gone, take }: RoomWish<T>): Promise<T | null> {
    if (gone.aborted) return null;
    const began = this.#ports.now();
    const taken = this.waiting(began) === 0 ? take(began) : null;
    if (taken !== null || this.#line.length >= maxWaiting) return taken;
    const ticket: Ticket = { seenAt: began };
    this.#line.push(ticket);
    whenAborted(gone, () => this.#leave(ticket));
    try {
      for (;;) {
        const place = Math.max(0, this.#line.indexOf(ticket));
        await this.#ports.sleep(Math.min(LONGEST_LOOK_MS, LOOK_AGAIN_MS + place * LATER_BY_MS));
        if (gone.aborted) return null;
        const now = this.#ports.now();
        ticket.seenAt = now;
        // Who was taken to be gone, because its isolate had no time for it, is the first that came.
        if (!this.#line.includes(ticket)) this.#line.unshift(ticket);
        this.#forget(now);
        const mine = this.#line[0] === ticket ? take(now) : null;
        if (mine !== null || Math.abs(now - began) >= patienceMs) return mine;
      }
    } finally {
      this.#leave(ticket);
    }
  }

  #leave(ticket: Ticket): void {
    const at = this.#line.indexOf(ticket);
    if (at >= 0) this.#line.splice(at, 1);
  }

  #forget(now: number): void {
    for (let at = this.#line.length - 1; at >= 0; at--) {
      const { seenAt } = this.#line[at] ?? { seenAt: now };
      if (Math.abs(now - seenAt) >= GONE_MS) this.#line.splice(at, 1);
    }
  }
}
