/** Walks through every world that can be reached, and from each of them to the end without faults. */
import { isOver } from "../../domain/two-phase.ts";
import type { Random } from "./random.ts";
import {
  type Batch,
  type Crash,
  checkEnd,
  checkSafety,
  MOMENTS,
  newWorld,
  type Packet,
  type Rules,
  Step,
  type World,
} from "./two-phase-world.ts";

export interface Scene {
  batches: Batch[];
  participants: string[];
  /** Slots that may move once, and where to. */
  moves: { slot: string; to: string }[];
  /** Whether participants may refuse for reasons of their own. */
  unwilling: boolean;
  /** Where coordinators may die: nowhere, before and after each write, or also between any two of their messages. */
  crashes: "none" | "writes" | "messages";
  /** How many of `MOMENTS` come. */
  moments: number;
}

export interface Walk {
  /** Worlds that were reached, each once. */
  worlds: number;
  /** Steps that were taken between them: histories end in each of these. */
  steps: number;
  broken: string | null;
}

type Act = (step: Step) => void;

export function explore(scene: Scene, rules: Rules, mostWorlds = Number.POSITIVE_INFINITY): Walk {
  const first = newWorld(scene.batches, scene.participants);
  const open = [JSON.stringify(first)];
  const seen = new Set(open);
  const ends = new Set<string>();
  let steps = 0;
  const broken = (error: unknown) => {
    // A rule that throws by itself, because it was told both ways, is as broken as a promise.
    return { worlds: seen.size, steps, broken: error instanceof Error ? error.message : String(error) };
  };
  for (let world = open.pop(); world !== undefined && seen.size < mostWorlds; world = open.pop()) {
    for (const act of acts(scene, JSON.parse(world) as World)) {
      const next = JSON.parse(world) as World;
      steps += 1;
      try {
        act(new Step(next, scene.batches, rules));
        checkSafety(next, scene.batches);
        const name = JSON.stringify(next);
        if (seen.has(name)) continue;
        seen.add(name);
        open.push(name);
        finish(scene, next, { rules, ends });
      } catch (error) {
        return broken(error);
      }
    }
  }
  return { worlds: seen.size, steps, broken: null };
}

function acts(scene: Scene, world: World): Act[] {
  const all: Act[] = [];
  if (world.moment + 1 < scene.moments) all.push((step) => step.passTime());
  for (const { slot, to } of scene.moves) if (world.owner[slot] !== to) all.push((step) => step.move(slot, to));
  for (const { id } of scene.batches) all.push(...seatActs(scene, world, id));
  for (const [name, held] of Object.entries(world.held))
    for (const [txn, { phase, at }] of Object.entries(held))
      if (phase === "prepared" || (MOMENTS[world.moment] ?? 0) >= at) all.push((step) => step.wake(name, txn));
  for (const text of world.net) all.push(...deliveries(scene, world, JSON.parse(text) as Packet));
  return all;
}

function seatActs(scene: Scene, world: World, txn: string): Act[] {
  const seat = world.seats[txn];
  if (seat === undefined) return [];
  if (!seat.begun) return crashPoints(scene).map((crash) => (step: Step) => step.begin(txn, crash));
  const all: Act[] = [];
  // What would change nothing is left out.
  if (seat.live?.state.phase === "preparing" && world.moment > 0)
    all.push(...crashPoints(scene).map((crash) => (step: Step) => step.tick(txn, crash)));
  if (seat.live === null) all.push(...crashPoints(scene).map((crash) => (step: Step) => step.recover(txn, crash)));
  else if (isOver(seat.live.state)) all.push((step) => step.forget(txn));
  return all;
}

function deliveries(scene: Scene, world: World, packet: Packet): Act[] {
  const willing = packet.type === "prepare" && scene.unwilling ? [true, false] : [true];
  const live = world.seats[packet.txn]?.live ?? null;
  const atCoordinator = packet.type === "voted" || packet.type === "done" || packet.type === "moved";
  if (atCoordinator && live === null) return [];
  const crashes = atCoordinator || packet.type === "asked" ? crashPoints(scene) : [null];
  return willing.flatMap((will) =>
    crashes.map((crash) => (step: Step) => step.deliver(packet, { willing: will, crash })),
  );
}

/** Alive, dead before the write, and dead after it and 0, 1, ... of the answer and a message to each participant. */
function crashPoints({ crashes, participants }: Scene): Crash[] {
  if (crashes === "none") return [null];
  const between =
    crashes === "writes" ? [] : participants.map((_, i) => ({ point: "after" as const, messages: i + 1 }));
  return [null, { point: "before-write" }, { point: "after", messages: 0 }, ...between];
}

/** Rounds without faults that anything may take. */
const PATIENCE = 12;

/** Faults stop: everybody is awake, every message arrives, and time passes. Then all must be over. */
function finish(scene: Scene, from: World, { rules, ends }: { rules: Rules; ends: Set<string> }): void {
  const world = JSON.parse(JSON.stringify(from)) as World;
  const step = new Step(world, scene.batches, rules);
  world.moment = Math.max(world.moment, 1);
  // What was sent before the faults stopped has been lost, or has arrived.
  world.net = [];
  const passed: string[] = [];
  for (let round = 0; round < PATIENCE; round++) {
    const name = JSON.stringify(world);
    if (ends.has(name)) break;
    passed.push(name);
    for (const { id } of scene.batches) {
      const seat = world.seats[id];
      if (seat?.live === null) step.recover(id);
      step.tick(id);
    }
    for (const [participant, held] of Object.entries(world.held))
      for (const txn of Object.keys(held)) if (held[txn]?.phase === "prepared") step.wake(participant, txn);
    const arriving = world.net;
    world.net = [];
    for (const text of arriving) step.deliver(JSON.parse(text) as Packet, { willing: true, crash: null });
    if (round === PATIENCE - 1) checkEnd(world, scene.batches);
  }
  for (const name of passed) ends.add(name);
}

/** Takes random steps through worlds too many to visit, checks each, and ends without faults. One history. */
export function wander(scene: Scene, rules: Rules, { random, steps }: { random: Random; steps: number }): Walk {
  const world = newWorld(scene.batches, scene.participants);
  try {
    for (let taken = 0; taken < steps; taken++) {
      random.pick(acts(scene, world))(new Step(world, scene.batches, rules));
      checkSafety(world, scene.batches);
    }
    finish(scene, world, { rules, ends: new Set() });
    return { worlds: 1, steps, broken: null };
  } catch (error) {
    return { worlds: 1, steps, broken: error instanceof Error ? error.message : String(error) };
  }
}
