import { DISPLACED, LOOK, LOOK_NOW, openingRequest, WAIT_ON, type WatchRequest } from "../../../contract/rpc/watch.ts";

/**
 * What a watch says: it is worth looking; or that it is over, because the shard has given its place to another, or has died, or
 * cannot be reached any more.
 */
export type Heard = "look" | "displaced" | "lost";

/** A watch that is held by its shard. */
export interface Watch {
  /** The caller has looked, and waits on. */
  waitOn(): void;
  close(): void;
}

/** Opens a watch; `hear` is told of all that it says. Null: it is worth looking at once, and no watch is held. Throws when none can be had. */
export type OpenWatch = (shard: string, request: WatchRequest, hear: (heard: Heard) => void) => Promise<Watch | null>;

/** Opens a watch at the object behind `stub`. */
export async function openWatch(
  stub: Pick<Fetcher, "fetch">,
  request: WatchRequest,
  hear: (heard: Heard) => void,
): Promise<Watch | null> {
  const { status, webSocket: socket } = await stub.fetch(...openingRequest(request));
  if (status === LOOK_NOW) return null;
  if (socket === null) throw new Error(`a shard answered a watch with ${status}`);
  let over = false;
  const end = (heard: Heard | null) => {
    if (over) return;
    over = true;
    if (heard !== null) hear(heard);
  };
  socket.addEventListener("message", ({ data }) => {
    if (data === LOOK && !over) hear("look");
  });
  socket.addEventListener("close", ({ code }) => end(code === DISPLACED ? "displaced" : "lost"));
  socket.addEventListener("error", () => end("lost"));
  socket.accept();
  return {
    waitOn: () => {
      if (!over) socket.send(WAIT_ON);
    },
    close: () => {
      if (over) return;
      end(null);
      socket.close();
    },
  };
}
