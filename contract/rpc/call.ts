/** What every call between gateway, processor and objects has in common. */
import type { SlotMap } from "../../domain/slots.ts";

export const RPC_VERSION = 1;

/** Every shard call: the protocol's version and the epoch of the caller's map. */
export interface ShardCall {
  v: number;
  epoch: number;
}

/** The shard does not own the slot: take `map` and ask its owner. */
export interface Moved {
  type: "moved";
  map: SlotMap;
}

/** The shard is not at work on this for a moment (a queue held for a change, a batch that is not decided): try again shortly. */
export interface Busy {
  type: "busy";
  retryAfterMs: number;
}
