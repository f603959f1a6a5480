import { DISPLACED, LOOK, LOOK_NOW, NO_PLACE, type WatchRequest } from "../../../contract/rpc/watch.ts";
import type { Awaited, Ending, LongPolls } from "./long-poll.ts";

/** WebSockets that one object holds at most: Cloudflare's limit for those that survive its hibernation is 32,768. */
const MOST_WATCHES = 32_000;
/** A watch that its gateway has not closed so long after its time has no gateway any more. */
const GRACE_MS = 30_000;

/** What is kept with a socket while the object is out of memory. */
interface Kept {
  request: WatchRequest;
  /** Epoch milliseconds. */
  until: number;
}

/** What watches need of the shard. */
export interface WatchPorts {
  sockets: Pick<DurableObjectState, "acceptWebSocket" | "getWebSockets">;
  polls: LongPolls;
  /** Epoch milliseconds. */
  now(): number;
  /** Whether it is worth looking for what a watch waits for. Where that cannot be told it is. */
  isThere(request: WatchRequest): boolean;
  /** What the watch is woken by. */
  awaits(request: WatchRequest): Awaited;
  /** Of one group only so many watches are held. */
  most?: number;
}

/** A watch that is held. */
interface OpenWatch {
  until: number;
  /** Takes it out of its line. Does nothing while it has been told and does not wait. */
  leave(): void;
}

/**
 * The watches of a shard (`contract/rpc/watch.ts`). They wait in the same lines as calls that are held, and outlive the object's
 * memory: an object that comes back has the sockets, and with each of them what it waits for.
 */
export class Watches {
  readonly #ports: WatchPorts;
  readonly #most: number;
  /** The longest there first. */
  readonly #all = new Map<WebSocket, OpenWatch>();

  /** Those that wait already wait on. An object that died has none: its sockets have closed, and their gateways come again. */
  constructor(ports: WatchPorts) {
    this.#ports = ports;
    this.#most = ports.most ?? MOST_WATCHES;
    const kept = ports.sockets.getWebSockets().map((socket) => ({ socket, kept: keptWith(socket) }));
    // One that was told, and has not been closed in all the time since, will not look any more: to tell it again harms nobody.
    for (const { socket, kept: own } of kept.toSorted((a, b) => a.kept.until - b.kept.until)) this.#wait(socket, own);
    this.#endOverdue();
  }

  /** How many are held. */
  get size(): number {
    return this.#all.size;
  }

  /** The answer to a request that opens a watch: its socket, or that it is worth looking at once. */
  open(request: WatchRequest): Response {
    const { sockets, now, isThere } = this.#ports;
    if (isThere(request)) return new Response(null, { status: LOOK_NOW });
    this.#endOverdue();
    if (this.size >= this.#most) return new Response(null, { status: NO_PLACE });
    const { 0: gateway, 1: socket } = new WebSocketPair();
    sockets.acceptWebSocket(socket);
    const kept: Kept = { request, until: now() + request.waitMs + GRACE_MS };
    socket.serializeAttachment(kept);
    this.#wait(socket, kept);
    return new Response(null, { status: 101, webSocket: gateway });
  }

  /** Its gateway has looked, and waits on. */
  waitOn(socket: WebSocket): void {
    const kept = keptWith(socket);
    if (this.#ports.isThere(kept.request)) this.#tell(socket);
    else this.#wait(socket, kept);
  }

  /** The socket has closed, however that came. */
  closed(socket: WebSocket): void {
    this.#all.get(socket)?.leave();
    this.#all.delete(socket);
  }

  #wait(socket: WebSocket, { request, until }: Kept): void {
    const { polls, awaits } = this.#ports;
    this.#all.get(socket)?.leave();
    const leave = polls.join(awaits(request), (how) => this.#end(socket, how));
    this.#all.set(socket, { until, leave });
  }

  #end(socket: WebSocket, how: Ending): void {
    if (how === "woken") this.#tell(socket);
    else this.#close(socket, DISPLACED);
  }

  /** What has been done is done, and is answered, also when one of those who wait for it cannot be told. */
  #tell(socket: WebSocket): void {
    try {
      socket.send(LOOK);
    } catch {
      this.closed(socket);
    }
  }

  /** Those whose gateways ended without a word do not take the places of others. As many are looked at as end, and one more. */
  #endOverdue(): void {
    const now = this.#ports.now();
    for (const [socket, { until }] of this.#all) {
      if (until >= now) return;
      this.#close(socket);
    }
  }

  #close(socket: WebSocket, code?: number): void {
    this.closed(socket);
    socket.close(code);
  }
}

function keptWith(socket: WebSocket): Kept {
  return socket.deserializeAttachment() as Kept;
}
