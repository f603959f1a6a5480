/** Walks through every system that can be reached, and from each of them to the end without faults. */
import { isOver } from "../../domain/two-phase.ts";
import type { Random } from "./random.ts";
import { checkEnd, checkSafety } from "./two-phase-checks.ts";
import { Names, type Renaming } from "./two-phase-names.ts";
import { type Packet, packetOf } from "./two-phase-packets.ts";
import type { Rules } from "./two-phase-rules.ts";
import { unspent } from "./two-phase-spent.ts";
import { type Crash, Step } from "./two-phase-step.ts";
import { type Batch, copyOf, MOMENTS, newSystem, type TwoPhaseSystem } from "./two-phase-system.ts";

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
  /** Renames the scene into itself: of two systems that are each other's mirror image one is visited. */
  mirror?: Renaming;
  /** Whether packets that can change nothing any more are taken off the network: see `unspent`. */
  leaveOutSpent?: boolean;
}

export interface Walk {
  /** Worlds that were reached, each once. */
  systems: number;
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
  mostSystems?: number;
  /** Told of every system. */
  visit?: (system: TwoPhaseSystem) => void;
}

/** A system, and how it was reached. */
interface Reached {
  system: TwoPhaseSystem;
  act: Act | null;
  from: Reached | null;
}

/** Walks through the systems nearest first, so that what it finds broken was broken by the fewest steps. */
export function explore(scene: Scene, rules: Rules, options: Options = {}): Walk {
  const { mostSystems = Number.POSITIVE_INFINITY, visit } = options;
  const first = newSystem(scene.batches, scene.participants);
  const names = new Names(first, scene.mirror ?? null);
  const open: Reached[] = [{ system: first, act: null, from: null }];
  const seen = new Set([names.of(first)]);
  const ends = new Set<string>();
  let steps = 0;
  for (let next = 0; next < open.length && seen.size < mostSystems; next++) {
    const from = open[next] as Reached;
    for (const act of acts(scene, from.system)) {
      const system = copyOf(from.system);
      const reached = { system, act, from };
      steps += 1;
      try {
        perform(new Step(system, scene.batches, rules), act);
        if (scene.leaveOutSpent) system.net = unspent(system, mayMove(scene, system));
        const name = names.of(system);
        if (seen.has(name)) continue;
        seen.add(name);
        open.push(reached);
        visit?.(system);
        checkSafety(system, scene.batches);
        finish(scene, system, { rules, ends, names });
      } catch (error) {
        return { systems: seen.size, steps, broken: `${reasonOf(error)}${history(reached)}` };
      }
    }
  }
  return { systems: seen.size, steps, broken: null };
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

function mayMove(scene: Scene, system: TwoPhaseSystem): boolean {
  return scene.moves.some(({ slot, to }) => system.owner[slot] !== to);
}

function acts(scene: Scene, system: TwoPhaseSystem): Act[] {
  const all: Act[] = [];
  if (system.moment + 1 < scene.moments) all.push({ type: "time passes" });
  for (const { slot, to } of scene.moves) if (system.owner[slot] !== to) all.push({ type: "slot moves", slot, to });
  for (const { id } of scene.batches) all.push(...seatActs(scene, system, id));
  for (const [name, prepared] of Object.entries(system.prepared))
    for (const [txn, { phase, at }] of Object.entries(prepared))
      if (phase === "prepared" || (MOMENTS[system.moment] ?? 0) >= at) all.push({ type: "wakes", name, txn });
  for (const number of system.net) all.push(...deliveries(scene, system, packetOf(number)));
  return all;
}

function seatActs(scene: Scene, system: TwoPhaseSystem, txn: string): Act[] {
  const seat = system.seats[txn];
  if (seat === undefined) return [];
  const crashing = (type: "begins" | "ticks" | "recovers") =>
    crashPoints(scene).map((crash): Act => ({ type, txn, crash }));
  if (!seat.begun) return crashing("begins");
  const all: Act[] = [];
  // Between two steps, which is also before the write of the second.
  if (seat.live !== null && scene.crashes !== "none") all.push({ type: "dies", txn });
  // What would change nothing is left out.
  if (seat.live?.state.phase === "preparing" && system.moment > 0) all.push(...crashing("ticks"));
  if (seat.live === null) all.push(...crashing("recovers"));
  else if (isOver(seat.live.state)) all.push({ type: "forgets", txn });
  return all;
}

function deliveries(scene: Scene, system: TwoPhaseSystem, packet: Packet): Act[] {
  const wills = packet.type === "prepare" && scene.unwilling ? [true, false] : [true];
  const live = system.seats[packet.txn]?.live ?? null;
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
  /** From these systems it has been gone on already. */
  ends: Set<string>;
  names: Names;
}

/** Faults stop: everybody is awake, every message arrives, and time passes. Then all must be over. */
function finish(scene: Scene, from: TwoPhaseSystem, { rules, ends, names }: Ending): void {
  const system = copyOf(from);
  const step = new Step(system, scene.batches, rules);
  system.moment = Math.max(system.moment, 1);
  // What was sent before the faults stopped has been lost, or has arrived.
  system.net = [];
  const passed: string[] = [];
  for (let round = 0; round < PATIENCE; round++) {
    const name = names.of(system);
    if (ends.has(name)) break;
    passed.push(name);
    for (const { id } of scene.batches) {
      const seat = system.seats[id];
      if (seat?.live === null) step.recover(id);
      step.tick(id);
    }
    for (const [participant, prepared] of Object.entries(system.prepared))
      for (const txn of Object.keys(prepared)) if (prepared[txn]?.phase === "prepared") step.wake(participant, txn);
    const arriving = system.net;
    system.net = [];
    for (const number of arriving) step.deliver(packetOf(number), { willing: true, crash: null });
    if (round === PATIENCE - 1) checkEnd(system, scene.batches);
  }
  for (const name of passed) ends.add(name);
}

/** Takes random steps through systems too many to visit, checks each, and ends without faults. One history. */
export function wander(scene: Scene, rules: Rules, { random, steps }: { random: Random; steps: number }): Walk {
  const system = newSystem(scene.batches, scene.participants);
  try {
    for (let taken = 0; taken < steps; taken++) {
      perform(new Step(system, scene.batches, rules), random.pick(acts(scene, system)));
      checkSafety(system, scene.batches);
    }
    finish(scene, system, { rules, ends: new Set(), names: new Names(system, null) });
    return { systems: 1, steps, broken: null };
  } catch (error) {
    return { systems: 1, steps, broken: reasonOf(error) };
  }
}
