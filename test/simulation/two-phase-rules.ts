import * as coordinatorRules from "../../domain/two-phase.ts";
import { type Prepared, participate } from "../../domain/two-phase-participant.ts";
import type { Share } from "./two-phase-system.ts";

/** What a shard does beside the protocol: the keys of slots, and their moves. */
const shardRules = {
  /** Whether a key is taken by a batch of which the slot has this. */
  takesKey: (share: Share): boolean => share !== "released",
  /** Whether the participant may act on the slot. */
  mayAct: (owner: string | undefined, participant: string): boolean => owner === participant,
  /** What moves along with a slot that has something prepared. */
  movesAlong: (prepared: Prepared): Prepared | null => prepared,
  /** Whether an outcome for `txn` acts on what the slot has of `other`. */
  concerns: (txn: string, other: string): boolean => txn === other,
};

/** The rules under test; a mutant replaces some. */
export const RULES = { ...coordinatorRules, participate, ...shardRules };
export type Rules = typeof RULES;
