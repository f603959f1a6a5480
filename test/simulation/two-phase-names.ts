import { numberOf, type Packet, packetOf } from "./two-phase-packets.ts";
import type { Seat, TwoPhaseSystem, Written } from "./two-phase-system.ts";

/** Other names for batches, participants and slots; one that is not there stays as it is. */
export type Renaming = Readonly<Record<string, string>>;

/**
 * A name for each system: two systems have one name when nothing that can happen tells them apart. Where `mirror`
 * renames a scene into itself, a system and its mirror image are one: the rules do not know names, so that whatever can
 * happen in one of them can happen in the other, renamed.
 */
export class Names {
  readonly #ways: Way[];

  /** `first` is any system of the scene: what there is in it is in all of them. */
  constructor(first: TwoPhaseSystem, mirror: Renaming | null) {
    const renamings = mirror === null ? [{}] : [{}, mirror];
    const states = new Map<string, number>();
    this.#ways = renamings.map((renaming) => new Way(first, renaming, states));
  }

  of(system: TwoPhaseSystem): string {
    let least = "";
    for (const way of this.#ways) {
      const text = way.text(system);
      if (least === "" || text < least) least = text;
    }
    return least;
  }
}

/** Writes systems down under other names, everything in the order of these. What steps share is written down once. */
class Way {
  readonly #renaming: Renaming;
  readonly #batches: string[];
  readonly #participants: string[];
  readonly #slots: string[];
  /** A number for each state under its new names, and so the same for all ways. */
  readonly #states: Map<string, number>;
  readonly #written = new WeakMap<Written, number>();
  readonly #packets = new Map<number, number>();

  constructor(first: TwoPhaseSystem, renaming: Renaming, states: Map<string, number>) {
    this.#renaming = renaming;
    this.#states = states;
    this.#batches = this.#inOrder(first.seats);
    this.#participants = this.#inOrder(first.prepared);
    this.#slots = this.#inOrder(first.owner);
  }

  text(system: TwoPhaseSystem): string {
    let text = `${system.moment}`;
    for (const txn of this.#batches) text += this.#seat(system.seats[txn]);
    for (const name of this.#participants) {
      text += ";";
      for (const txn of this.#batches) {
        const prepared = system.prepared[name]?.[txn];
        text += prepared === undefined ? "-" : `${prepared.phase[0]}${prepared.at}`;
      }
    }
    for (const slot of this.#slots) {
      text += `;${this.#name(system.owner[slot] ?? "")}`;
      for (const txn of this.#batches) text += system.shares[slot]?.[txn] ?? "-";
    }
    const net = system.net.map((number) => this.#packet(number));
    return `${text};${net.sort((a, b) => a - b).join()}`;
  }

  #seat(seat: Seat | undefined): string {
    if (seat === undefined) return ";";
    const { begun, answer, live, stored } = seat;
    return `;${begun ? "b" : "-"}${answer?.[0] ?? "-"}${this.#state(live)},${this.#state(stored)}`;
  }

  /** The order of members is part of it: they are told in it. */
  #state(written: Written | null): number {
    if (written === null) return 0;
    const known = this.#written.get(written);
    if (known !== undefined) return known;
    const { state, parts } = written;
    const members = Object.entries(state.members).map(([name, { round, answer }]) => [this.#name(name), round, answer]);
    const asked = Object.entries(parts).map(([name, slots]) => [
      this.#name(name),
      ...slots.map((slot) => this.#name(slot)),
    ]);
    const text = JSON.stringify([state.phase, members, asked.map((part) => part.join()).sort()]);
    const number = this.#states.get(text) ?? this.#states.size + 1;
    this.#states.set(text, number);
    this.#written.set(written, number);
    return number;
  }

  #packet(number: number): number {
    const known = this.#packets.get(number);
    if (known !== undefined) return known;
    const renamed = { ...packetOf(number) } as Packet;
    renamed.txn = this.#name(renamed.txn);
    if ("to" in renamed) renamed.to = this.#name(renamed.to);
    if ("from" in renamed) renamed.from = this.#name(renamed.from);
    if ("slots" in renamed) renamed.slots = renamed.slots.map((slot) => this.#name(slot));
    const other = numberOf(renamed);
    this.#packets.set(number, other);
    return other;
  }

  #inOrder(of: Record<string, unknown>): string[] {
    const key = (name: string) => this.#name(name);
    return Object.keys(of).sort((a, b) => (key(a) < key(b) ? -1 : 1));
  }

  #name(name: string): string {
    return this.#renaming[name] ?? name;
  }
}
