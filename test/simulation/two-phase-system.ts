/**
 * Coordinators, participants and the network between them, small enough to be enumerated. Every message that was ever
 * sent can be delivered at any later time, any number of times, in any order, or never. A coordinator keeps what it
 * wrote and loses the rest when it dies; a participant's step is one transaction, so it has died before it or after.
 */

import type { Coordinator } from "../../domain/two-phase.ts";
import { type Prepared, REMEMBER_MS } from "../../domain/two-phase-participant.ts";

export const DECIDE_BY = 5_000;
const NEVER = Number.MAX_SAFE_INTEGER;
/** Three moments are all that the rules tell apart: before `decideBy`, after it, and when decisions may be forgotten. */
export const MOMENTS = [0, DECIDE_BY, DECIDE_BY + REMEMBER_MS + 1] as const;

/** `at`, and all times up to the next moment, are the same to whoever lives only at moments. */
export function momentFrom(at: number): number {
  return MOMENTS.find((moment) => moment >= at) ?? NEVER;
}

export interface Batch {
  id: string;
  /** Slot by slot, what the batch brings: an idempotency key, or nothing that another could be in the way of. */
  slots: Record<string, string | null>;
}

/** What a coordinator writes: its state, and who is asked for which slots. */
export interface Written {
  state: Coordinator;
  parts: Record<string, string[]>;
}

export interface Seat {
  stored: Written | null;
  /** In memory; null when it has died since, or has not begun. */
  live: Written | null;
  begun: boolean;
  answer: "accepted" | "refused" | null;
}

/** What a slot has of a batch. */
export type Share = "prepared" | "applied" | "applied-twice" | "released";

export interface TwoPhaseSystem {
  moment: number;
  seats: Record<string, Seat>;
  /** By participant, then batch. */
  prepared: Record<string, Record<string, Prepared>>;
  /** By slot: its owner, and what became of each batch there. */
  owner: Record<string, string>;
  shares: Record<string, Record<string, Share>>;
  /** All that was ever sent, by number, in ascending order: see `packetOf`. */
  net: number[];
}

export function newSystem(batches: readonly Batch[], participants: readonly string[]): TwoPhaseSystem {
  const slots = [...new Set(batches.flatMap((batch) => Object.keys(batch.slots)))];
  return {
    moment: 0,
    seats: Object.fromEntries(batches.map(({ id }) => [id, { stored: null, live: null, begun: false, answer: null }])),
    prepared: Object.fromEntries(participants.map((name) => [name, {}])),
    owner: Object.fromEntries(slots.map((slot, i) => [slot, participants[i % participants.length] ?? ""])),
    shares: Object.fromEntries(slots.map((slot) => [slot, {}])),
    net: [],
  };
}

/** A system of its own for one step. What steps replace and never change is shared. */
export function copyOf(system: TwoPhaseSystem): TwoPhaseSystem {
  const { moment, net } = system;
  return {
    moment,
    seats: mapped(system.seats, (seat) => ({ ...seat })),
    prepared: mapped(system.prepared, (prepared) => ({ ...prepared })),
    owner: { ...system.owner },
    shares: mapped(system.shares, (shares) => ({ ...shares })),
    net,
  };
}

function mapped<T>(of: Record<string, T>, copy: (value: T) => T): Record<string, T> {
  const all: Record<string, T> = {};
  for (const key in of) all[key] = copy(of[key] as T);
  return all;
}
