/**
 * Coordinators, participants and the network between them, small enough to be enumerated. Every message that was ever
 * sent can be delivered at any later time, any number of times, in any order, or never. A coordinator keeps what it
 * wrote and loses the rest when it dies; a participant's step is one transaction, so it has died before it or after.
 */

import type { Coordinator, Outcome } from "../../domain/two-phase.ts";
import * as coordinatorRules from "../../domain/two-phase.ts";
import { type Held, participate, REMEMBER_MS } from "../../domain/two-phase-participant.ts";

/** The rules under test; a mutant replaces some. */
export const RULES = { ...coordinatorRules, participate };
export type Rules = typeof RULES;

const DECIDE_BY = 5_000;
/** Three moments are all that the rules tell apart: before `decideBy`, after it, and when decisions may be forgotten. */
export const MOMENTS = [0, DECIDE_BY, DECIDE_BY + REMEMBER_MS + 1] as const;

export interface Batch {
  id: string;
  /** Slot by slot, what the batch brings: an idempotency key, or nothing that another could be in the way of. */
  slots: Record<string, string | null>;
}

export type Packet =
  | { type: "prepare" | "commit" | "abort"; txn: string; to: string; round: number; slots: string[] }
  | { type: "voted"; txn: string; from: string; round: number; yes: boolean }
  | { type: "done"; txn: string; from: string; round: number }
  | { type: "moved"; txn: string; from: string; round: number }
  | { type: "asked"; txn: string; from: string }
  | { type: "told"; txn: string; to: string; outcome: Outcome };

/** What a coordinator writes: its state, and who is asked for which slots. */
interface Written {
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
export type Share = "held" | "applied" | "applied-twice" | "released";

export interface World {
  moment: number;
  seats: Record<string, Seat>;
  /** By participant, then batch. */
  held: Record<string, Record<string, Held>>;
  /** By slot: its owner, and what became of each batch there. */
  owner: Record<string, string>;
  shares: Record<string, Record<string, Share>>;
  net: string[];
}

export function newWorld(batches: readonly Batch[], participants: readonly string[]): World {
  const slots = [...new Set(batches.flatMap((batch) => Object.keys(batch.slots)))];
  return {
    moment: 0,
    seats: Object.fromEntries(batches.map(({ id }) => [id, { stored: null, live: null, begun: false, answer: null }])),
    held: Object.fromEntries(participants.map((name) => [name, {}])),
    owner: Object.fromEntries(slots.map((slot, i) => [slot, participants[i % participants.length] ?? ""])),
    shares: Object.fromEntries(slots.map((slot) => [slot, {}])),
    net: [],
  };
}

/** Where in a coordinator's step it dies: before its write, or after it and so many of the messages that follow. */
export type Crash = { point: "before-write" } | { point: "after"; messages: number } | null;

/** One node's step on a world that is the caller's to change. */
export class Step {
  readonly world: World;
  readonly #batches: readonly Batch[];
  readonly #rules: Rules;

  constructor(world: World, batches: readonly Batch[], rules: Rules) {
    this.world = world;
    this.#batches = batches;
    this.#rules = rules;
  }

  passTime(): void {
    this.world.moment += 1;
  }

  begin(txn: string, crash: Crash = null): void {
    const seat = this.#seat(txn);
    seat.begun = true;
    const parts: Record<string, string[]> = {};
    for (const slot of Object.keys(this.#batch(txn).slots)) {
      const owner = this.world.owner[slot] ?? "";
      parts[owner] = [...(parts[owner] ?? []), slot];
    }
    this.#becomes(txn, { state: this.#rules.begin(Object.keys(parts), DECIDE_BY), parts }, crash);
  }

  /** A new instance reads what the last one wrote. */
  recover(txn: string, crash: Crash = null): void {
    const { stored } = this.#seat(txn);
    this.#seat(txn).live = stored;
    if (stored === null) return;
    this.#becomes(txn, { ...stored, state: this.#rules.coordinate(stored.state, { type: "recovered" }) }, crash);
  }

  tick(txn: string, crash: Crash = null): void {
    const { live } = this.#seat(txn);
    if (live === null) return;
    const state = this.#rules.coordinate(live.state, { type: "tick", now: this.#now() });
    this.#becomes(txn, { ...live, state }, crash);
  }

  forget(txn: string): void {
    const seat = this.#seat(txn);
    if (seat.live !== null && this.#rules.isOver(seat.live.state)) Object.assign(seat, { stored: null, live: null });
  }

  /** The participant's clock: it asks, or forgets. */
  wake(name: string, txn: string): void {
    const held = this.#held(name, txn);
    if (held === null) return;
    const late = held.phase === "prepared" ? held.at : this.#now();
    this.#react({ name, txn }, this.#rules.participate(held, { type: "tick", now: late }));
  }

  /** A slot moves with all it has, as far as that is prepared. */
  move(slot: string, to: string): void {
    const from = this.world.owner[slot] ?? "";
    this.world.owner[slot] = to;
    for (const [txn, share] of Object.entries(this.world.shares[slot] ?? {})) {
      const held = this.#held(from, txn);
      if (share === "held" && held !== null) this.#setHeld(to, txn, held);
    }
  }

  deliver(packet: Packet, options: { willing: boolean; crash: Crash }): void {
    if ("slots" in packet) this.#toParticipant(packet, options.willing);
    else if (packet.type === "told") this.#told(packet);
    else if (packet.type === "asked") this.#asked(packet, options.crash);
    else this.#toCoordinator(packet, options.crash);
  }

  #toParticipant(packet: Extract<Packet, { to: string; round: number }>, willing: boolean): void {
    const { txn, to, round, slots } = packet;
    if (slots.some((slot) => this.world.owner[slot] !== to)) {
      this.#send({ type: "moved", txn, from: to, round });
      return;
    }
    if (packet.type !== "prepare") {
      const event = { type: "decided", outcome: packet.type, now: this.#now() } as const;
      this.#react({ name: to, txn, round }, this.#rules.participate(this.#held(to, txn), event));
      return;
    }
    const missing = slots.filter((slot) => this.world.shares[slot]?.[txn] === undefined);
    const free = missing.every((slot) => this.#isFree(slot, txn));
    const reaction = this.#rules.participate(this.#held(to, txn), {
      type: "prepare",
      missing: missing.length > 0,
      willing: willing && free,
      expiresAt: DECIDE_BY,
      now: this.#now(),
    });
    this.#react({ name: to, txn, round, holds: missing }, reaction);
  }

  #told({ txn, to, outcome }: Extract<Packet, { type: "told" }>): void {
    const event = { type: "told", outcome, now: this.#now() } as const;
    this.#react({ name: to, txn }, this.#rules.participate(this.#held(to, txn), event));
  }

  /** `round` 0: nobody waits for an answer. */
  #react(
    { name, txn, round = 0, holds = [] }: { name: string; txn: string; round?: number; holds?: string[] },
    reaction: ReturnType<typeof participate>,
  ): void {
    this.#setHeld(name, txn, reaction.held);
    for (const action of reaction.actions) {
      if (action === "hold") for (const slot of holds) this.#share(slot)[txn] = "held";
      if (action === "apply") this.#settle(name, txn, "applied");
      if (action === "release") this.#settle(name, txn, "released");
      if (action === "ask") this.#send({ type: "asked", txn, from: name });
      // An outcome that was asked for is carried out, and answered when the coordinator says it itself.
      if (round === 0) continue;
      if (action === "vote-yes" || action === "vote-no")
        this.#send({ type: "voted", txn, from: name, round, yes: action === "vote-yes" });
      if (action === "done") this.#send({ type: "done", txn, from: name, round });
    }
  }

  #settle(name: string, txn: string, as: "applied" | "released"): void {
    const mine = Object.entries(this.world.shares).filter(([slot]) => this.world.owner[slot] === name);
    const held = mine.filter(([, shares]) => shares[txn] === "held");
    for (const [, shares] of held) shares[txn] = as;
    if (held.length > 0 || as === "released") return;
    for (const [, shares] of mine) if (shares[txn] === "applied") shares[txn] = "applied-twice";
  }

  #isFree(slot: string, txn: string): boolean {
    const key = this.#batch(txn).slots[slot] ?? null;
    if (key === null) return true;
    return !Object.entries(this.world.shares[slot] ?? {}).some(
      ([other, share]) => other !== txn && share !== "released" && this.#batch(other).slots[slot] === key,
    );
  }

  #asked({ txn, from }: { txn: string; from: string }, crash: Crash): void {
    const seat = this.#seat(txn);
    // Whoever is asked wakes up first, as an object does.
    if (seat.live === null) this.recover(txn, crash);
    if (seat.live === null && seat.stored !== null) return;
    this.#send({ type: "told", txn, to: from, outcome: this.#rules.outcomeOf(seat.live?.state ?? null) });
  }

  #toCoordinator(packet: Extract<Packet, { from: string; round: number }>, crash: Crash): void {
    const { live } = this.#seat(packet.txn);
    if (live === null) return;
    if (packet.type !== "moved") {
      const state = this.#rules.coordinate(live.state, packet);
      this.#becomes(packet.txn, { ...live, state }, crash);
      return;
    }
    const { from, round } = packet;
    if (live.state.members[from]?.round !== round) return;
    const { [from]: slots = [], ...parts } = live.parts;
    for (const slot of slots) {
      const owner = this.world.owner[slot] ?? "";
      parts[owner] = [...(parts[owner] ?? []), slot];
    }
    const into = [...new Set(slots.map((slot) => this.world.owner[slot] ?? ""))];
    const state = this.#rules.coordinate(live.state, { type: "moved", from, round, into });
    this.#becomes(packet.txn, { state, parts }, crash);
  }

  /** Stores what must be stored, and only then speaks. */
  #becomes(txn: string, next: Written, crash: Crash): void {
    const seat = this.#seat(txn);
    if (crash?.point === "before-write") {
      seat.live = null;
      return;
    }
    if (this.#rules.mustKeep(seat.live?.state ?? seat.stored?.state ?? null, next.state)) seat.stored = next;
    seat.live = next;
    const { state, parts } = next;
    const say = this.#rules.messages(state).map(({ type, to, round }) => () => {
      this.#send({ type, txn, to, round, slots: parts[to] ?? [] });
    });
    const outcome = this.#rules.outcomeOf(state);
    if (outcome !== "undecided") say.unshift(() => this.#answer(seat, outcome === "commit" ? "accepted" : "refused"));
    for (const speak of say.slice(0, crash?.point === "after" ? crash.messages : say.length)) speak();
    if (crash !== null) seat.live = null;
  }

  #answer(seat: Seat, answer: "accepted" | "refused"): void {
    if (seat.answer !== null && seat.answer !== answer) throw new Violation(`answered ${seat.answer} and ${answer}`);
    seat.answer = answer;
  }

  #send(packet: Packet): void {
    const text = JSON.stringify(packet);
    if (!this.world.net.includes(text)) this.world.net = [...this.world.net, text].sort();
  }

  #now(): number {
    return MOMENTS[this.world.moment] ?? 0;
  }

  #held(name: string, txn: string): Held | null {
    return this.world.held[name]?.[txn] ?? null;
  }

  #setHeld(name: string, txn: string, held: Held | null): void {
    const all = this.world.held[name];
    if (all === undefined) throw new Error(`no participant ${name}`);
    if (held === null) delete all[txn];
    // When it asks next does not matter here, where it may ask at any time.
    else all[txn] = held.phase === "prepared" ? { ...held, at: 0 } : held;
  }

  #share(slot: string): Record<string, Share> {
    const shares = this.world.shares[slot];
    if (shares === undefined) throw new Error(`no slot ${slot}`);
    return shares;
  }

  #seat(txn: string): Seat {
    const seat = this.world.seats[txn];
    if (seat === undefined) throw new Error(`no batch ${txn}`);
    return seat;
  }

  #batch(txn: string): Batch {
    const batch = this.#batches.find(({ id }) => id === txn);
    if (batch === undefined) throw new Error(`no batch ${txn}`);
    return batch;
  }
}

export class Violation extends Error {}

/** Throws when a promise is broken in `world`, whatever may still happen. */
export function checkSafety(world: World, batches: readonly Batch[]): void {
  for (const { id, slots } of batches) {
    const shares = Object.keys(slots).map((slot) => world.shares[slot]?.[id] ?? "none");
    const applied = shares.some((share) => share === "applied" || share === "applied-twice");
    if (shares.includes("applied-twice")) throw new Violation(`${id} was carried out twice`);
    if (applied && shares.includes("released")) throw new Violation(`${id} is partial: ${shares.join()}`);
    const { answer } = world.seats[id] ?? { answer: null };
    if (answer === "refused" && applied) throw new Violation(`${id} was refused, and is carried out`);
    if (answer === "accepted" && shares.some((share) => share === "released" || share === "none"))
      throw new Violation(`${id} was accepted, and a part of it is not there: ${shares.join()}`);
    if (applied && shares.includes("none")) throw new Violation(`${id} is partial: a part was never prepared`);
  }
  for (const [slot, shares] of Object.entries(world.shares)) {
    const keys = batches
      .filter(({ id }) => shares[id]?.startsWith("applied"))
      .map((batch) => batch.slots[slot] ?? null);
    const used = keys.filter((key) => key !== null);
    if (new Set(used).size < used.length) throw new Violation(`one key of ${slot} belongs to two batches`);
  }
}

/** Throws unless all is decided and carried out. For worlds whose faults have stopped long ago. */
export function checkEnd(world: World, batches: readonly Batch[]): void {
  checkSafety(world, batches);
  for (const { id, slots } of batches) {
    const seat = world.seats[id];
    if (seat?.stored && !coordinatorRules.isOver(seat.stored.state))
      throw new Violation(`${id} is ${seat.stored.state.phase} for ever`);
    const shares = Object.keys(slots).map((slot) => world.shares[slot]?.[id] ?? "none");
    if (shares.includes("held")) throw new Violation(`a part of ${id} is prepared for ever`);
    if (seat?.answer === "accepted" && shares.some((share) => share !== "applied"))
      throw new Violation(`${id} was accepted, and is not everywhere: ${shares.join()}`);
  }
  for (const [name, all] of Object.entries(world.held)) {
    const stuck = Object.entries(all).find(([, { phase }]) => phase === "prepared");
    if (stuck) throw new Violation(`${name} has ${stuck[0]} prepared for ever`);
  }
}
