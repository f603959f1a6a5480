/** What every call between gateway, processor and objects has in common. */
import type { SlotMap } from "../../domain/slots.ts";

/** The version of all messages between Workers and objects. It grows when a message changes its meaning. */
export const RPC_VERSION = 1;

/** What every call of a shard carries. */
export interface ShardCall {
  /** `RPC_VERSION` of the caller. */
  v: number;
  /** The epoch of the caller's slot map, 0 when it knows none. A shard with an older map gets a newer one before it answers. */
  epoch: number;
}

/** The shard does not own a slot that the call is about, and has done nothing. Take `map`, and ask the slot's owner. */
export interface Moved {
  type: "moved";
  map: SlotMap;
}

/**
 * Of one item of several: its slot is another shard's, which is `to` by the map of the shard that answers. Nothing was done
 * about the item; it is to be sent there.
 */
export interface MovedItem {
  status: "moved";
  to: string;
}

/** Of one item of several: nothing was done about it, and it is to be sent again after `retryAfterMs` milliseconds. */
export interface BusyItem {
  status: "busy";
  retryAfterMs: number;
}

/**
 * The shard has done nothing, because what the call is about is not to be touched for a moment (a queue is frozen for a
 * change, a batch is not decided). The call is to be made again after `retryAfterMs` milliseconds.
 */
export interface Busy {
  type: "busy";
  retryAfterMs: number;
}

/**
 * Work on the one job that the call is about throws, and the call has done nothing. The job is set aside: it is tried again
 * after `retryAfterMs` milliseconds, and when somebody asks for it. `fault` says what was thrown, as far as it may be told.
 */
export interface Quarantined {
  type: "quarantined";
  retryAfterMs: number;
  fault: string;
}
