import { describe, expect, test } from "vitest";
import type { Coordinator } from "../../domain/two-phase.ts";
import { participate } from "../../domain/two-phase-participant.ts";
import { Random } from "./random.ts";
import { explore, type Scene, wander } from "./two-phase-explore.ts";
import { RULES, type Rules } from "./two-phase-world.ts";

const BATCH = { id: "t1", slots: { a: "k", b: null } };
const TWO: Scene = {
  batches: [BATCH],
  participants: ["A", "B"],
  moves: [],
  unwilling: false,
  crashes: "none",
  moments: 2,
};
const THREE: Scene = {
  ...TWO,
  batches: [{ id: "t1", slots: { a: null, b: null, c: null } }],
  participants: ["A", "B", "C"],
  moments: 1,
};
const MOVING: Scene = { ...TWO, moves: [{ slot: "b", to: "A" }], moments: 1 };
/** Three batches that are in each other's way, over four participants between which two slots move. */
const CROWD: Scene = {
  batches: [
    { id: "t1", slots: { a: "k", b: "l", c: null } },
    { id: "t2", slots: { a: "k", c: "m" } },
    { id: "t3", slots: { b: "l", c: "m", d: null } },
  ],
  participants: ["A", "B", "C", "D"],
  moves: [
    { slot: "b", to: "A" },
    { slot: "c", to: "D" },
  ],
  unwilling: true,
  crashes: "messages",
  moments: 3,
};
const HISTORIES = 500;
const STEPS = 120;

const { coordinate, mustKeep, messages } = RULES;

/** The record of who takes part is lost when the coordinator dies undecided: what nobody knows is then presumed aborted. */
const UNWRITTEN: Partial<Rules> = { mustKeep: (before, after) => before !== null && mustKeep(before, after) };

describe("no batch is ever partial, twice, or stuck", () => {
  test.each<[string, Scene]>([
    ["the coordinator dies anywhere: around each write, and between any two messages", { ...TWO, crashes: "messages" }],
    ["participants refuse as they like", { ...TWO, unwilling: true }],
    ["three participants", THREE],
    ["a slot moves in the middle", MOVING],
  ])("in any world: %s", (name, scene) => {
    const walk = explore(scene, RULES);
    console.log(`two-phase: ${name}: ${walk.worlds} worlds, a history for each of ${walk.steps} steps`);
    expect(walk.broken).toBeNull();
    expect(walk.worlds).toBeGreaterThan(1_000);
  });

  test("in any world, though the first record is lost: a transaction that nobody knows is aborted", () => {
    expect(explore({ ...TWO, crashes: "writes", moments: 1 }, { ...RULES, ...UNWRITTEN }).broken).toBeNull();
  });

  test("in random histories of batches with common keys, moves, refusals and crashes", () => {
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const { broken } = wander(CROWD, RULES, { random: new Random(seed), steps: STEPS });
      expect([seed, broken]).toEqual([seed, null]);
    }
    console.log(`two-phase: ${HISTORIES} random histories of ${STEPS} steps`);
  });
});

/** Each leaves out one thing that the protocol lives by. */
const MUTANTS: Record<string, Partial<Rules>> = {
  "the decision is not written": {
    mustKeep: (before, after) => mustKeep(before, after) && (after.phase !== "committing" || before === null),
  },
  "commits before all have prepared": {
    coordinate: (state, event) => {
      const next = coordinate(state, event);
      const yes = Object.values(next.members).some(({ answer }) => answer === "yes");
      return next.phase === "preparing" && yes ? { ...unanswered(next), phase: "committing" } : next;
    },
  },
  "a transaction nobody knows is taken for committed": {
    ...UNWRITTEN,
    outcomeOf: (state) => (state === null ? "commit" : RULES.outcomeOf(state)),
  },
  "a transaction that died undecided is taken for committed": {
    coordinate: (state, event) =>
      event.type === "recovered" && state.phase === "preparing"
        ? { ...unanswered(state), phase: "committing" }
        : coordinate(state, event),
  },
  "a participant that has waited too long decides alone": {
    participate: (held, event) =>
      event.type === "tick" && held?.phase === "prepared"
        ? { held: { phase: "aborted", at: event.now }, actions: ["release"] }
        : participate(held, event),
  },
  "a commit that is repeated is carried out again": {
    participate: (held, event) => {
      const reaction = participate(held, event);
      const again = event.type === "decided" && event.outcome === "commit" && held?.phase === "committed";
      return again ? { ...reaction, actions: ["apply", ...reaction.actions] } : reaction;
    },
  },
  "a vote for an earlier request counts": {
    coordinate: (state, event) => {
      const round = "from" in event ? state.members[event.from]?.round : undefined;
      return coordinate(state, round === undefined || event.type === "moved" ? event : { ...event, ...{ round } });
    },
  },
  "a commit is not remembered": {
    participate: (held, event) => {
      const reaction = participate(held, event);
      return reaction.held?.phase === "committed" ? { ...reaction, held: null } : reaction;
    },
  },
  "the coordinator forgets who has not heard": {
    messages: (state) => (state.phase === "aborting" || state.phase === "committing" ? [] : messages(state)),
    isOver: () => true,
  },
};

function unanswered(state: Coordinator): Coordinator {
  const members = Object.entries(state.members).map(([name, { round }]) => [name, { round, answer: "none" }]);
  return { ...state, members: Object.fromEntries(members) as Coordinator["members"] };
}

describe("the search finds what it looks for", () => {
  test.each(Object.entries(MUTANTS))("%s", (_, mutant) => {
    const rules = { ...RULES, ...mutant };
    const scenes: Scene[] = [MOVING, { ...TWO, crashes: "messages" }, { ...TWO, moments: 3 }];
    const found = scenes.map((scene) => explore(scene, rules, 6_000).broken).find((broken) => broken !== null);
    expect(found).toEqual(expect.any(String));
  });
});
