/** Walks through every world that can be reached, and from each of them to the end without faults. */
import { isOver } from "../../domain/two-phase.ts";
import type { Random } from "./random.ts";
import { checkEnd, checkSafety } from "./two-phase-checks.ts";
import { Names, type Renaming } from "./two-phase-names.ts";
import { type Packet, packetOf } from "./two-phase-packets.ts";
import type { Rules } from "./two-phase-rules.ts";
import { unspent } from "./two-phase-spent.ts";
import { type Crash, Step } from "./two-phase-step.ts";
import { type Batch, copyOf, MOMENTS, newWorld, type World } from "./two-phase-world.ts";

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
  /** Renames the scene into itself: of two worlds that are each other's mirror image one is visited. */
  mirror?: Renaming;
  /** Whether packets that can change nothing any more are taken off the network: see `unspent`. */
  leaveOutSpent?: boolean;
}

export interface Walk {
  /** Worlds that were reached, each once. */
  worlds: number;
  /** Steps that were taken between them: histories end in each of these. */
  steps: number;
  broken: string | null;
}

/** What may happen next, as data: a broken promise is told with all that led to it. */
type Act =
  | { type: "time passes" }
  | { type: "slot moves"; slot: string; to: string }
  | { type: "begins" | "ticks" | "recovers"; txn: string; crash: Crash }
  | { type: "dies" | "forgets"; txn: string }
  | { type: "wakes"; name: string; txn: string }
  | { type: "delivered"; packet: Packet; willing: boolean; crash: Crash };

export interface Options {
  /** Ends the search. */
  mostWorlds?: number;
  /** Told of every world. */
  visit?: (world: World) => void;
}

/** A world, and how it was reached. */
interface Reached {
  world: World;
  act: Act | null;
  from: Reached | null;
}

/** Walks through the worlds nearest first, so that what it finds broken was broken by the fewest steps. */
export function explore(scene: Scene, rules: Rules, options: Options = {}): Walk {
  const { mostWorlds = Number.POSITIVE_INFINITY, visit } = options;
  const first = newWorld(scene.batches, scene.participants);
  const names = new Names(first, scene.mirror ?? null);
  const open: Reached[] = [{ world: first, act: null, from: null }];
  const seen = new Set([names.of(first)]);
  const ends = new Set<string>();
  let steps = 0;
  for (let next = 0; next < open.length && seen.size < mostWorlds; next++) {
    const from = open[next] as Reached;
    for (const act of acts(scene, from.world)) {
      const world = copyOf(from.world);
      const reached = { world, act, from };
      steps += 1;
      try {
        perform(new Step(world, scene.batches, rules), act);
        if (scene.leaveOutSpent) world.net = unspent(world, mayMove(scene, world));
        const name = names.of(world);
        if (seen.has(name)) continue;
        seen.add(name);
        open.push(reached);
        visit?.(world);
        checkSafety(world, scene.batches);
        finish(scene, world, { rules, ends, names });
      } catch (error) {
        return { worlds: seen.size, steps, broken: `${reasonOf(error)}${history(reached)}` };
      }
    }
  }
  return { worlds: seen.size, steps, broken: null };
}

/** A rule that throws by itself, because it was told both ways, is as broken as a promise. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function history(reached: Reached): string {
  const told: string[] = [];
  for (let at: Reached | null = reached; at?.act; at = at.from) told.unshift(`\n  ${JSON.stringify(at.act)}`);
  return told.join("");
}

function mayMove(scene: Scene, world: World): boolean {
  return scene.moves.some(({ slot, to }) => world.owner[slot] !== to);
}

function acts(scene: Scene, world: World): Act[] {
  const all: Act[] = [];
  if (world.moment + 1 < scene.moments) all.push({ type: "time passes" });
  for (const { slot, to } of scene.moves) if (world.owner[slot] !== to) all.push({ type: "slot moves", slot, to });
  for (const { id } of scene.batches) all.push(...seatActs(scene, world, id));
  for (const [name, held] of Object.entries(world.held))
    for (const [txn, { phase, at }] of Object.entries(held))
      if (phase === "prepared" || (MOMENTS[world.moment] ?? 0) >= at) all.push({ type: "wakes", name, txn });
  for (const number of world.net) all.push(...deliveries(scene, world, packetOf(number)));
  return all;
}

function seatActs(scene: Scene, world: World, txn: string): Act[] {
  const seat = world.seats[txn];
  if (seat === undefined) return [];
  const crashing = (type: "begins" | "ticks" | "recovers") =>
    crashPoints(scene).map((crash): Act => ({ type, txn, crash }));
  if (!seat.begun) return crashing("begins");
  const all: Act[] = [];
  // Between two steps, which is also before the write of the second.
  if (seat.live !== null && scene.crashes !== "none") all.push({ type: "dies", txn });
  // What would change nothing is left out.
  if (seat.live?.state.phase === "preparing" && world.moment > 0) all.push(...crashing("ticks"));
  if (seat.live === null) all.push(...crashing("recovers"));
  else if (isOver(seat.live.state)) all.push({ type: "forgets", txn });
  return all;
}

function deliveries(scene: Scene, world: World, packet: Packet): Act[] {
  const wills = packet.type === "prepare" && scene.unwilling ? [true, false] : [true];
  const live = world.seats[packet.txn]?.live ?? null;
  const atCoordinator = packet.type === "voted" || packet.type === "done" || packet.type === "moved";
  if (atCoordinator && live === null) return [];
  const crashes = atCoordinator || packet.type === "asked" ? crashPoints(scene) : [null];
  return wills.flatMap((willing) => crashes.map((crash): Act => ({ type: "delivered", packet, willing, crash })));
}

function perform(step: Step, act: Act): void {
  switch (act.type) {
    case "time passes":
      step.passTime();
      break;
    case "slot moves":
      step.move(act.slot, act.to);
      break;
    case "begins":
      step.begin(act.txn, act.crash);
      break;
    case "ticks":
      step.tick(act.txn, act.crash);
      break;
    case "recovers":
      step.recover(act.txn, act.crash);
      break;
    case "dies":
      step.die(act.txn);
      break;
    case "forgets":
      step.forget(act.txn);
      break;
    case "wakes":
      step.wake(act.name, act.txn);
      break;
    case "delivered":
      step.deliver(act.packet, act);
  }
}

/** Alive, and dead after the write and 0, 1, ... of the answer and a message to each participant. */
function crashPoints({ crashes, participants }: Scene): Crash[] {
  if (crashes === "none") return [null];
  const between = crashes === "writes" ? [] : participants.map((_, i) => ({ after: i + 1 }));
  return [null, { after: 0 }, ...between];
}

/** Rounds without faults that anything may take. */
const PATIENCE = 12;

interface Ending {
  rules: Rules;
  /** From these worlds it has been gone on already. */
  ends: Set<string>;
  names: Names;
}

/** Faults stop: everybody is awake, every message arrives, and time passes. Then all must be over. */
function finish(scene: Scene, from: World, { rules, ends, names }: Ending): void {
  const world = copyOf(from);
  const step = new Step(world, scene.batches, rules);
  world.moment = Math.max(world.moment, 1);
  // What was sent before the faults stopped has been lost, or has arrived.
  world.net = [];
  const passed: string[] = [];
  for (let round = 0; round < PATIENCE; round++) {
    const name = names.of(world);
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
    for (const number of arriving) step.deliver(packetOf(number), { willing: true, crash: null });
    if (round === PATIENCE - 1) checkEnd(world, scene.batches);
  }
  for (const name of passed) ends.add(name);
}

/** Takes random steps through worlds too many to visit, checks each, and ends without faults. One history. */
export function wander(scene: Scene, rules: Rules, { random, steps }: { random: Random; steps: number }): Walk {
  const world = newWorld(scene.batches, scene.participants);
  try {
    for (let taken = 0; taken < steps; taken++) {
      perform(new Step(world, scene.batches, rules), random.pick(acts(scene, world)));
      checkSafety(world, scene.batches);
    }
    finish(scene, world, { rules, ends: new Set(), names: new Names(world, null) });
    return { worlds: 1, steps, broken: null };
  } catch (error) {
    return { worlds: 1, steps, broken: reasonOf(error) };
  }
}
