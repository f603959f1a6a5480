/**
 * A watch: the WebSocket on which a request of the gateway waits at a shard. The object hibernates meanwhile, and nobody pays for it
 * (`docs/adr/0041`). It carries no job and no answer, only that it is worth looking: whoever is told makes the ordinary call.
 */
import type { ShardCall } from "./call.ts";

/** What is waited for: jobs of a queue that a claim could start, or the end of a job. */
export type Watched = { for: "work"; namespace: string; queue: string } | { for: "end"; namespace: string; id: string };

export interface WatchRequest extends ShardCall {
  watched: Watched;
  /** The gateway closes the watch no later than so many milliseconds from now. */
  waitMs: number;
}

/** The shard says: what is waited for may be there. It says so once, until it is asked to go on. */
export const LOOK = "look";
/** The gateway says: I have looked, nothing was there for me, and I wait on. */
export const WAIT_ON = "wait on";

/** The shard closes a watch whose place others of its namespace have now. */
export const DISPLACED = 4001;
/** The shard answers in place of a socket: it is worth looking now. */
export const LOOK_NOW = 204;
/** The shard answers in place of a socket: it holds as many as it can. */
export const NO_PLACE = 503;

const HEADER = "dure-watch";

/** The request that opens a watch, to be fetched from the stub of a shard. */
export function openingRequest(request: WatchRequest): [url: string, init: RequestInit] {
  // Names are in it, and a URL may be logged.
  const headers = { upgrade: "websocket", [HEADER]: encodeURIComponent(JSON.stringify(request)) };
  return ["https://shard/watch", { headers }];
}

/** The watch that a request opens; null when it is another request. */
export function watchOf(opening: Request): WatchRequest | null {
  const text = opening.headers.get(HEADER);
  return text === null ? null : (JSON.parse(decodeURIComponent(text)) as WatchRequest);
}
