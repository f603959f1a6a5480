import { describe, expect, test } from "vitest";
import { lane } from "../lane.ts";
import { Random } from "./random.ts";
import { explore, type Scene, wander } from "./two-phase-explore.ts";
import { MUTANTS, UNWRITTEN } from "./two-phase-mutants.ts";
import { Names } from "./two-phase-names.ts";
import { RULES } from "./two-phase-rules.ts";
import { CROWD, MOVED, MOVED_ON, MOVING, NEIGHBOURS, RIVALS, RIVALS_MOVED, THREE, TWO } from "./two-phase-scenes.ts";
import { newSystem } from "./two-phase-system.ts";

const HISTORIES = lane.histories.twoPhase;
const STEPS = 120;
const ONE_SHARD: Partial<Scene> = {
  batches: [
    { id: "t1", slots: { a: "k" } },
    { id: "t2", slots: { a: "k" } },
  ],
  participants: ["A"],
  mirror: { t1: "t2", t2: "t1" },
};

/** Scenes of several hundred thousand worlds: each takes as long as everything else here, and comes in campaigns. */
const LARGE: [string, Scene][] = [
  ["two batches with common keys, in opposite orders, coordinators dying anywhere", RIVALS],
  ["two slots move, and one to an old owner of the other", MOVED_ON],
  ["two batches with a common key, whose slot moves", RIVALS_MOVED],
];

describe("no batch is ever partial, twice, or stuck", () => {
  test.each<[string, Scene]>([
    ["the coordinator dies anywhere: around each write, and between any two messages", { ...TWO, crashes: "messages" }],
    ["participants refuse as they like", { ...TWO, unwilling: true }],
    ["three participants", THREE],
    ["a slot moves in the middle", MOVING],
    ["two batches with a common key, and a slot where both may have something", NEIGHBOURS],
    ["a slot moves to who knows nothing, coordinators dying anywhere, refusals", MOVED],
    ...(lane.name === "campaign" ? LARGE : []),
  ])("in any world: %s", (name, scene) => {
    const walk = explore(scene, RULES);
    console.log(`two-phase: ${name}: ${walk.systems} worlds, a history for each of ${walk.steps} steps`);
    expect(walk.broken).toBeNull();
    expect(walk.systems).toBeGreaterThan(1_000);
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

describe("the search finds what it looks for", () => {
  test.each(MUTANTS)("$name", ({ scene, broken }) => {
    expect(explore(scene, { ...RULES, ...broken }).broken).toEqual(expect.any(String));
  });
});

describe("leaving packets out that can change nothing loses no world", () => {
  test.each<[string, Scene]>([
    ["crashes anywhere", { ...TWO, crashes: "messages", moments: 1 }],
    ["time and refusals", { ...TWO, unwilling: true }],
    ["a slot moves to who takes part", MOVING],
    ["a slot moves to who does not", { ...MOVED, unwilling: false, crashes: "none", moments: 1 }],
    ["two batches", { ...RIVALS, ...ONE_SHARD, crashes: "writes", moments: 1 }],
  ])("%s", (_, scene) => {
    const names = new Names(newSystem(scene.batches, scene.participants), scene.mirror ?? null);
    const [all, reduced] = [false, true].map((leaveOutSpent) => systemsOf({ ...scene, leaveOutSpent }, names));
    expect(reduced?.size).toBeGreaterThan(10);
    expect(reduced).toEqual(all);
  });
});

/** The systems of a scene but for what is on the network. */
function systemsOf(scene: Scene, names: Names): Set<string> {
  const systems = new Set<string>();
  explore(scene, RULES, { visit: (system) => systems.add(names.of({ ...system, net: [] })) });
  return systems;
}
