/**
 * Two-phase commit: a participant's half (the coordinator's is in `two-phase.ts`). What it holds of one transaction, and
 * what it does about each message. It never decides alone: whoever has prepared waits, and asks.
 */
import type { Outcome } from "./two-phase.ts";

/**
 * How many ms a participant that has prepared waits until it asks the coordinator what was decided, and between two
 * times it asks.
 */
export const ASK_EVERY_MS = 2_000;
/**
 * For how many ms a participant remembers what was decided, so that a request to prepare that comes late finds it.
 * Requests end with the coordinator's `decideBy`, seconds after they were sent; the rest is for clocks that differ.
 */
export const REMEMBER_MS = 10 * 60_000;

/**
 * What a participant holds of one transaction. `at`, in epoch ms, is when it asks the coordinator if it has prepared,
 * and when it forgets if it has heard.
 */
export interface Prepared {
  phase: "prepared" | "committed" | "aborted";
  at: number;
}

/** What a participant hears of one transaction. `now` and `expiresAt` are epoch ms. */
export type ParticipantEvent =
  /**
   * `missing`: something is asked for that is not prepared yet; `willing`: that can be prepared. After `expiresAt` nobody
   * waits for the vote.
   */
  | { type: "prepare"; missing: boolean; willing: boolean; expiresAt: number; now: number }
  /** The coordinator says so, and waits for `done`. */
  | { type: "decided"; outcome: "commit" | "abort"; now: number }
  /** What the coordinator answered when it was asked. It may have been asked long ago, and have forgotten meanwhile. */
  | { type: "answered"; outcome: Outcome; now: number }
  | { type: "tick"; now: number };

/**
 * What a participant does about a message.
 *
 * - `hold`: keep what the transaction asks for, so that it can be carried out after any crash.
 * - `apply`: carry it out.
 * - `release`: let it go.
 * - `ask`: ask the coordinator what was decided.
 * - `vote-yes`, `vote-no`: answer a request to prepare.
 * - `done`: answer that the decision was carried out.
 */
export type Action = "hold" | "apply" | "release" | "ask" | "vote-yes" | "vote-no" | "done";

/**
 * What a participant does about an event: it stores `prepared` (null: nothing) and does to its jobs what `actions` say
 * in one step, and once that is on disk sends the answers among them.
 */
export interface Reaction {
  prepared: Prepared | null;
  actions: Action[];
}

/**
 * What a participant that has `prepared` of a transaction (null: nothing) does about `event`. Throws when it is told to
 * abort what it was told to commit, or the other way about.
 */
export function participate(prepared: Prepared | null, event: ParticipantEvent): Reaction {
  switch (event.type) {
    case "prepare":
      return prepare(prepared, event);
    case "decided":
      return decided(prepared, event.outcome, event.now);
    case "answered":
      if (event.outcome === "undecided" || prepared?.phase !== "prepared") return { prepared, actions: [] };
      return decided(prepared, event.outcome, event.now);
    case "tick":
      return tick(prepared, event.now);
  }
}

function prepare(prepared: Prepared | null, event: Extract<ParticipantEvent, { type: "prepare" }>): Reaction {
  const { missing, willing, expiresAt, now } = event;
  if (prepared !== null && prepared.phase !== "prepared") {
    return { prepared, actions: [prepared.phase === "committed" ? "vote-yes" : "vote-no"] };
  }
  if (prepared !== null && !missing) return { prepared, actions: ["vote-yes"] };
  if (!willing || now >= expiresAt) return { prepared, actions: ["vote-no"] };
  return { prepared: { phase: "prepared", at: now + ASK_EVERY_MS }, actions: ["hold", "vote-yes"] };
}

function decided(prepared: Prepared | null, outcome: "commit" | "abort", now: number): Reaction {
  const at = now + REMEMBER_MS;
  // Nothing is prepared: the commit was carried out and forgotten. An abort is noted for a request that may still be on
  // its way.
  if (prepared === null) return { prepared: outcome === "abort" ? { phase: "aborted", at } : null, actions: ["done"] };
  if (prepared.phase === "prepared") {
    return outcome === "commit"
      ? { prepared: { phase: "committed", at }, actions: ["apply", "done"] }
      : { prepared: { phase: "aborted", at }, actions: ["release", "done"] };
  }
  const before = prepared.phase === "committed" ? "commit" : "abort";
  if (before !== outcome) throw new Error(`a transaction that was told to ${before} is told to ${outcome}`);
  return { prepared, actions: ["done"] };
}

function tick(prepared: Prepared | null, now: number): Reaction {
  if (prepared === null || now < prepared.at) return { prepared, actions: [] };
  if (prepared.phase !== "prepared") return { prepared: null, actions: [] };
  return { prepared: { phase: "prepared", at: now + ASK_EVERY_MS }, actions: ["ask"] };
}
