import type { Coordinator } from "../../domain/two-phase.ts";
import type { Scene } from "./two-phase-explore.ts";
import { RULES, type Rules } from "./two-phase-rules.ts";
import { MOVED, MOVING, NEIGHBOURS, RIVALS, TWO } from "./two-phase-scenes.ts";

const { coordinate, mustKeep, messages, participate } = RULES;

/** The record of who takes part is lost when the coordinator dies undecided: what nobody knows is then presumed aborted. */
export const UNWRITTEN: Partial<Rules> = { mustKeep: (before, after) => before !== null && mustKeep(before, after) };

const CRASHING: Scene = { ...TWO, crashes: "messages" };
const FORGETTING: Scene = { ...TWO, moments: 3 };
const MEETING: Scene = { ...RIVALS, crashes: "none", moments: 1 };

/** Each leaves out one thing that the protocol lives by, and is found in its scene. */
export const MUTANTS: { name: string; scene: Scene; broken: Partial<Rules> }[] = [
  {
    name: "the decision is not written",
    scene: CRASHING,
    broken: {
      mustKeep: (before, after) => mustKeep(before, after) && (after.phase !== "committing" || before === null),
    },
  },
  {
    name: "commits before all have prepared",
    scene: MOVING,
    broken: {
      coordinate: (state, event) => {
        const next = coordinate(state, event);
        const yes = Object.values(next.members).some(({ answer }) => answer === "yes");
        return next.phase === "preparing" && yes ? { ...unanswered(next), phase: "committing" } : next;
      },
    },
  },
  {
    name: "a transaction nobody knows is taken for committed",
    scene: CRASHING,
    broken: {
      ...UNWRITTEN,
      outcomeOf: (state) => (state === null ? "commit" : RULES.outcomeOf(state)),
    },
  },
  {
    name: "a transaction that died undecided is taken for committed",
    scene: CRASHING,
    broken: {
      coordinate: (state, event) =>
        event.type === "recovered" && state.phase === "preparing"
          ? { ...unanswered(state), phase: "committing" }
          : coordinate(state, event),
    },
  },
  {
    name: "a participant that has waited too long decides alone",
    scene: MOVING,
    broken: {
      participate: (prepared, event) =>
        event.type === "tick" && prepared?.phase === "prepared"
          ? { prepared: { phase: "aborted", at: event.now }, actions: ["release"] }
          : participate(prepared, event),
    },
  },
  {
    name: "a commit that is repeated is carried out again",
    scene: MOVING,
    broken: {
      participate: (prepared, event) => {
        const reaction = participate(prepared, event);
        const again = event.type === "decided" && event.outcome === "commit" && prepared?.phase === "committed";
        return again ? { ...reaction, actions: ["apply", ...reaction.actions] } : reaction;
      },
    },
  },
  {
    name: "a vote for an earlier request counts",
    scene: MOVING,
    broken: {
      coordinate: (state, event) => {
        const round = "from" in event ? state.members[event.from]?.round : undefined;
        return coordinate(state, round === undefined || event.type === "moved" ? event : { ...event, ...{ round } });
      },
    },
  },
  {
    name: "a commit is not remembered",
    scene: FORGETTING,
    broken: {
      participate: (prepared, event) => {
        const reaction = participate(prepared, event);
        return reaction.prepared?.phase === "committed" ? { ...reaction, prepared: null } : reaction;
      },
    },
  },
  {
    name: "a key that is reserved is given to a second batch",
    scene: MEETING,
    broken: { takesKey: (share) => share.startsWith("applied") },
  },
  {
    name: "the abort of one batch drops what the slot has of another",
    scene: NEIGHBOURS,
    broken: { concerns: () => true },
  },
  { name: "what is prepared stays behind when its slot moves", scene: MOVED, broken: { movesAlong: () => null } },
  { name: "a participant answers for a slot that has moved away", scene: MOVED, broken: { mayAct: () => true } },
  {
    name: "a slot that has moved is taken for prepared where it is now",
    scene: MOVED,
    broken: {
      coordinate: (state, event) =>
        event.type === "moved" && state.phase === "preparing"
          ? answeredBy(coordinate(state, event), event.into, "yes")
          : coordinate(state, event),
    },
  },
  {
    name: "a slot that has moved is taken for carried out where it is now",
    scene: MOVED,
    broken: {
      coordinate: (state, event) =>
        event.type === "moved" && state.phase !== "preparing"
          ? answeredBy(coordinate(state, event), event.into, "done")
          : coordinate(state, event),
    },
  },
  {
    name: "a participant takes an outcome that is unknown for a commit",
    scene: TWO,
    broken: {
      participate: (prepared, event) =>
        event.type === "answered" && event.outcome === "undecided"
          ? participate(prepared, { ...event, outcome: "commit" })
          : participate(prepared, event),
    },
  },
  {
    name: "a participant that knows nothing of a batch votes for it",
    scene: MOVED,
    broken: {
      participate: (prepared, event) =>
        prepared === null && event.type === "prepare"
          ? { prepared, actions: ["vote-yes"] }
          : participate(prepared, event),
    },
  },
  {
    name: "the coordinator forgets who has not heard",
    scene: MOVING,
    broken: {
      messages: (state) => (state.phase === "aborting" || state.phase === "committing" ? [] : messages(state)),
      isOver: () => true,
    },
  },
];

function unanswered(state: Coordinator): Coordinator {
  const members = Object.entries(state.members).map(([name, { round }]) => [name, { round, answer: "none" }]);
  return { ...state, members: Object.fromEntries(members) as Coordinator["members"] };
}

function answeredBy(state: Coordinator, names: string[], answer: "yes" | "done"): Coordinator {
  const taken = names.map((name) => [name, { round: state.members[name]?.round ?? 0, answer }]);
  return { ...state, members: { ...state.members, ...(Object.fromEntries(taken) as Coordinator["members"]) } };
}
