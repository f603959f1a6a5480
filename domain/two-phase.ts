/**
 * Two-phase commit with presumed abort (Mohan, Lindsay, Obermarck 1986): the coordinator's half, as a state machine.
 * The caller stores every state for which `mustKeep` says so before it acts on it, sends what `messages` says is still
 * to be said until nothing is, and tells `coordinate` what comes back. Every message may be lost, late, or repeated.
 */

/**
 * How far a transaction is. `preparing` is undecided. `committing` and `aborting` are decided, and not everybody is
 * known to have heard; `committed` and `aborted` are over, and may be forgotten.
 */
export type Phase = "preparing" | "committing" | "aborting" | "committed" | "aborted";

/** How a participant stands, as far as the coordinator knows. */
export interface Member {
  /** Grows with every change of what this participant is asked for: an answer to an earlier request says nothing. */
  round: number;
  /** `yes` and `no` are votes, `done`: it has carried out the decision. */
  answer: "none" | "yes" | "no" | "done";
}

/**
 * The state of a transaction at its coordinator: plain data, with the participants by name, and never changed in place.
 */
export interface Coordinator {
  phase: Phase;
  /** Epoch ms. Whoever has not prepared by then makes the transaction abort. */
  decideBy: number;
  members: Record<string, Member>;
}

/** What a coordinator hears. `round` is that of the message that is answered. */
export type CoordinatorEvent =
  | { type: "voted"; from: string; round: number; yes: boolean }
  | { type: "done"; from: string; round: number }
  /** `from` no longer owns its part (or all of it): these do, itself perhaps among them. */
  | { type: "moved"; from: string; round: number; into: string[] }
  | { type: "tick"; now: number }
  /** A new instance goes on from the stored state. What was to be prepared died with the last one. */
  | { type: "recovered" };

/**
 * How many ms whoever sent the batch waits, once it is decided, for every participant to have carried that out. So
 * nobody is told of a commit that some participant has not heard, unless it has been prepared there for at least as
 * long.
 */
export const CARRY_OUT_MS = 2_000;

/** What the coordinator says to the participant `to`, which answers with the same `round`. */
export type Message = { to: string; round: number; type: "prepare" | "commit" | "abort" };

/**
 * A new transaction among these participants, undecided. It aborts unless all have voted yes by `decideBy` (epoch ms).
 */
export function begin(participants: readonly string[], decideBy: number): Coordinator {
  const members = Object.fromEntries(participants.map((name) => [name, { round: 1, answer: "none" as const }]));
  return { phase: "preparing", decideBy, members };
}

/**
 * The state after `event`; it is the same object when the event changes nothing. Once a transaction is decided, no
 * event makes it decided otherwise.
 */
export function coordinate(state: Coordinator, event: CoordinatorEvent): Coordinator {
  switch (event.type) {
    case "voted":
      return state.phase === "preparing" ? decided(answered(state, event, event.yes ? "yes" : "no")) : state;
    case "done":
      return isDecided(state) ? finished(answered(state, event, "done")) : state;
    case "moved":
      return moved(state, event);
    case "tick":
      return state.phase === "preparing" && event.now >= state.decideBy ? turned(state, "aborting") : state;
    case "recovered":
      // Answers that were not stored are asked for again.
      return state.phase === "preparing" ? turned(state, "aborting") : unanswered(state);
  }
}

/**
 * What is still to be said, one message to each participant that has not answered it. There is nothing once the
 * transaction is over. A message may be sent any number of times.
 */
export function messages(state: Coordinator): Message[] {
  const type = { preparing: "prepare", committing: "commit", aborting: "abort" } as const;
  if (state.phase === "committed" || state.phase === "aborted") return [];
  const say = type[state.phase];
  return Object.entries(state.members)
    .filter(([, { answer }]) => answer === "none")
    .map(([to, { round }]) => ({ to, round, type: say }));
}

/**
 * Whether `after` must be on disk before any of its messages leaves or anybody is told of it: a change of phase, above
 * all the decision, and of who takes part. Answers are not worth a write, because they are asked for again.
 */
export function mustKeep(before: Coordinator | null, after: Coordinator): boolean {
  if (before === null || before.phase !== after.phase) return true;
  return asked(before) !== asked(after);
}

function asked({ members }: Coordinator): string {
  return JSON.stringify(Object.entries(members).map(([name, { round }]) => [name, round]));
}

/** What a coordinator can say of a transaction to those that ask. */
export type Outcome = "commit" | "abort" | "undecided";

/**
 * What a participant that asks is told; `state` is null when the coordinator knows of no such transaction. One that
 * nobody knows was never decided, or has long been carried out, so that whoever still asks is to abort (presumed
 * abort).
 */
export function outcomeOf(state: Coordinator | null): Outcome {
  if (state === null) return "abort";
  if (state.phase === "preparing") return "undecided";
  return state.phase === "committing" || state.phase === "committed" ? "commit" : "abort";
}

/** Whether everybody has carried out the decision, so that the transaction may be forgotten. */
export function isOver(state: Coordinator): boolean {
  return state.phase === "committed" || state.phase === "aborted";
}

function isDecided(state: Coordinator): boolean {
  return state.phase !== "preparing";
}

function answered(
  state: Coordinator,
  { from, round }: { from: string; round: number },
  answer: Member["answer"],
): Coordinator {
  const member = state.members[from];
  if (member === undefined || member.round !== round || member.answer === answer) return state;
  // A vote stands: the second of two different ones comes from a request that was repeated.
  if (member.answer === "no") return state;
  return { ...state, members: { ...state.members, [from]: { round, answer } } };
}

/** Decides when all have voted. That takes them all: whoever has not voted may be unable to. */
function decided(state: Coordinator): Coordinator {
  const answers = Object.values(state.members).map(({ answer }) => answer);
  if (answers.includes("none")) return state;
  return turned(state, answers.every((answer) => answer === "yes") ? "committing" : "aborting");
}

/** Those who voted no are told as well: a repeated request may have found them willing meanwhile. */
function turned(state: Coordinator, phase: "committing" | "aborting"): Coordinator {
  return unanswered({ ...state, phase });
}

function unanswered(state: Coordinator): Coordinator {
  if (isOver(state)) return state;
  const members = Object.entries(state.members).map(([name, { round }]) => [name, { round, answer: "none" }]);
  return { ...state, members: Object.fromEntries(members) as Coordinator["members"] };
}

function finished(state: Coordinator): Coordinator {
  if (isOver(state) || Object.values(state.members).some(({ answer }) => answer !== "done")) return state;
  return { ...state, phase: state.phase === "committing" ? "committed" : "aborted" };
}

/** Who takes the part over is asked anew, also for what it has prepared or carried out already. */
function moved(state: Coordinator, { from, round, into }: Extract<CoordinatorEvent, { type: "moved" }>): Coordinator {
  if (state.members[from]?.round !== round || isOver(state)) return state;
  const next = Math.max(...Object.values(state.members).map((member) => member.round)) + 1;
  const { [from]: _, ...rest } = state.members;
  const taken = Object.fromEntries(into.map((name) => [name, { round: next, answer: "none" as const }]));
  return { ...state, members: { ...rest, ...taken } };
}
