import type { Prepared, Reaction } from "../../domain/two-phase-participant.ts";
import { Violation } from "./two-phase-checks.ts";
import { numberOf, type Packet } from "./two-phase-packets.ts";
import type { Rules } from "./two-phase-rules.ts";
import {
  type Batch,
  DECIDE_BY,
  MOMENTS,
  momentFrom,
  type Seat,
  type Share,
  type TwoPhaseSystem,
  type Written,
} from "./two-phase-system.ts";

/** Where in its step a coordinator dies: after its write and so many of the messages that follow. Null: nowhere. */
export type Crash = { after: number } | null;

/** One node's step on a system that is the caller's to change. */
export class Step {
  readonly system: TwoPhaseSystem;
  readonly #batches: readonly Batch[];
  readonly #rules: Rules;

  constructor(system: TwoPhaseSystem, batches: readonly Batch[], rules: Rules) {
    this.system = system;
    this.#batches = batches;
    this.#rules = rules;
  }

  passTime(): void {
    this.system.moment += 1;
  }

  begin(txn: string, crash: Crash = null): void {
    const seat = this.#seat(txn);
    seat.begun = true;
    const parts: Record<string, string[]> = {};
    for (const slot of Object.keys(this.#batch(txn).slots)) {
      const owner = this.system.owner[slot] ?? "";
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

  die(txn: string): void {
    this.#seat(txn).live = null;
  }

  forget(txn: string): void {
    const seat = this.#seat(txn);
    if (seat.live !== null && this.#rules.isOver(seat.live.state)) Object.assign(seat, { stored: null, live: null });
  }

  /** The participant's clock: it asks, or forgets. */
  wake(name: string, txn: string): void {
    const prepared = this.#prepared(name, txn);
    if (prepared === null) return;
    const late = prepared.phase === "prepared" ? prepared.at : this.#now();
    this.#react({ name, txn }, this.#rules.participate(prepared, { type: "tick", now: late }));
  }

  /** A slot moves with all it has, as far as that is prepared. */
  move(slot: string, to: string): void {
    const from = this.system.owner[slot] ?? "";
    this.system.owner[slot] = to;
    for (const [txn, share] of Object.entries(this.system.shares[slot] ?? {})) {
      const prepared = this.#prepared(from, txn);
      if (share === "prepared" && prepared !== null) this.#setPrepared(to, txn, this.#rules.movesAlong(prepared));
    }
  }

  deliver(packet: Packet, options: { willing: boolean; crash: Crash }): void {
    if ("slots" in packet) this.#toParticipant(packet, options.willing);
    else if (packet.type === "answered") this.#answered(packet);
    else if (packet.type === "asked") this.#asked(packet, options.crash);
    else this.#toCoordinator(packet, options.crash);
  }

  #toParticipant(packet: Extract<Packet, { to: string; round: number }>, willing: boolean): void {
    const { txn, to, round, slots } = packet;
    if (!slots.every((slot) => this.#rules.mayAct(this.system.owner[slot], to))) {
      this.#send({ type: "moved", txn, from: to, round });
      return;
    }
    if (packet.type !== "prepare") {
      const event = { type: "decided", outcome: packet.type, now: this.#now() } as const;
      this.#react({ name: to, txn, round }, this.#rules.participate(this.#prepared(to, txn), event));
      return;
    }
    const missing = slots.filter((slot) => this.system.shares[slot]?.[txn] === undefined);
    const free = missing.every((slot) => this.#isFree(slot, txn));
    const reaction = this.#rules.participate(this.#prepared(to, txn), {
      type: "prepare",
      missing: missing.length > 0,
      willing: willing && free,
      expiresAt: DECIDE_BY,
      now: this.#now(),
    });
    this.#react({ name: to, txn, round, holds: missing }, reaction);
  }

  #answered({ txn, to, outcome }: Extract<Packet, { type: "answered" }>): void {
    const event = { type: "answered", outcome, now: this.#now() } as const;
    this.#react({ name: to, txn }, this.#rules.participate(this.#prepared(to, txn), event));
  }

  /** `round` 0: nobody waits for an answer. */
  #react(
    { name, txn, round = 0, holds = [] }: { name: string; txn: string; round?: number; holds?: string[] },
    reaction: Reaction,
  ): void {
    const again = this.#prepared(name, txn)?.phase === "committed";
    this.#setPrepared(name, txn, reaction.prepared);
    for (const action of reaction.actions) {
      if (action === "hold") for (const slot of holds) this.#share(slot)[txn] = "prepared";
      if (action === "apply") this.#carryOutShares(name, txn, again ? "applied-twice" : "applied");
      if (action === "release") this.#carryOutShares(name, txn, "released");
      if (action === "ask") this.#send({ type: "asked", txn, from: name });
      // An outcome that was asked for is carried out, and answered when the coordinator says it itself.
      if (round === 0) continue;
      if (action === "vote-yes" || action === "vote-no")
        this.#send({ type: "voted", txn, from: name, round, yes: action === "vote-yes" });
      if (action === "done") this.#send({ type: "done", txn, from: name, round });
    }
  }

  /** What a participant had prepared may have moved away meanwhile: then it carries out nothing. */
  #carryOutShares(name: string, txn: string, as: Exclude<Share, "prepared">): void {
    const mine = Object.entries(this.system.shares).filter(([slot]) => this.system.owner[slot] === name);
    for (const [, shares] of mine)
      for (const other of Object.keys(shares)) {
        if (shares[other] === "prepared" && this.#rules.concerns(txn, other)) shares[other] = as;
        else if (as === "applied-twice" && other === txn) shares[other] = as;
      }
  }

  #isFree(slot: string, txn: string): boolean {
    const key = this.#batch(txn).slots[slot] ?? null;
    if (key === null) return true;
    return !Object.entries(this.system.shares[slot] ?? {}).some(
      ([other, share]) => other !== txn && this.#rules.takesKey(share) && this.#batch(other).slots[slot] === key,
    );
  }

  #asked({ txn, from }: { txn: string; from: string }, crash: Crash): void {
    const seat = this.#seat(txn);
    // Whoever is asked wakes up first, as an object does.
    if (seat.live === null) this.recover(txn, crash);
    if (seat.live === null && seat.stored !== null) return;
    this.#send({ type: "answered", txn, to: from, outcome: this.#rules.outcomeOf(seat.live?.state ?? null) });
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
    if (live.state.members[from]?.round !== round || this.#rules.isOver(live.state)) return;
    const { [from]: slots = [], ...parts } = live.parts;
    for (const slot of slots) {
      const owner = this.system.owner[slot] ?? "";
      parts[owner] = [...(parts[owner] ?? []), slot];
    }
    const into = [...new Set(slots.map((slot) => this.system.owner[slot] ?? ""))];
    const state = this.#rules.coordinate(live.state, { type: "moved", from, round, into });
    this.#becomes(packet.txn, { state, parts }, crash);
  }

  /** Stores what must be stored, and only then speaks. */
  #becomes(txn: string, next: Written, crash: Crash): void {
    const seat = this.#seat(txn);
    if (this.#rules.mustKeep(seat.live?.state ?? seat.stored?.state ?? null, next.state)) seat.stored = next;
    seat.live = next;
    const { state, parts } = next;
    const say = this.#rules.messages(state).map(({ type, to, round }) => () => {
      this.#send({ type, txn, to, round, slots: parts[to] ?? [] });
    });
    const outcome = this.#rules.outcomeOf(state);
    if (outcome !== "undecided") say.unshift(() => this.#answer(seat, outcome === "commit" ? "accepted" : "refused"));
    for (const speak of say.slice(0, crash?.after ?? say.length)) speak();
    if (crash !== null) seat.live = null;
  }

  #answer(seat: Seat, answer: "accepted" | "refused"): void {
    if (seat.answer !== null && seat.answer !== answer) throw new Violation(`answered ${seat.answer} and ${answer}`);
    seat.answer = answer;
  }

  #send(packet: Packet): void {
    const number = numberOf(packet);
    if (!this.system.net.includes(number)) this.system.net = [...this.system.net, number].sort((a, b) => a - b);
  }

  #now(): number {
    return MOMENTS[this.system.moment] ?? 0;
  }

  #prepared(name: string, txn: string): Prepared | null {
    return this.system.prepared[name]?.[txn] ?? null;
  }

  #setPrepared(name: string, txn: string, prepared: Prepared | null): void {
    const all = this.system.prepared[name];
    if (all === undefined) throw new Error(`no participant ${name}`);
    if (prepared === null) delete all[txn];
    // When it asks next does not matter here, where it may ask at any time; when it forgets, by the moments that there are.
    else all[txn] = { phase: prepared.phase, at: prepared.phase === "prepared" ? 0 : momentFrom(prepared.at) };
  }

  #share(slot: string): Record<string, Share> {
    const shares = this.system.shares[slot];
    if (shares === undefined) throw new Error(`no slot ${slot}`);
    return shares;
  }

  #seat(txn: string): Seat {
    const seat = this.system.seats[txn];
    if (seat === undefined) throw new Error(`no batch ${txn}`);
    return seat;
  }

  #batch(txn: string): Batch {
    const batch = this.#batches.find(({ id }) => id === txn);
    if (batch === undefined) throw new Error(`no batch ${txn}`);
    return batch;
  }
}
