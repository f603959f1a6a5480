import { numberOf, type Packet, packetOf } from "./two-phase-packets.ts";
import type { Seat, World, Written } from "./two-phase-world.ts";

/** Other names for batches, participants and slots; one that is not there stays as it is. */
export type Renaming = Readonly<Record<string, string>>;

/**
 * A name for each world: two worlds have one name when nothing that can happen tells them apart. Where `mirror` renames
 * a scene into itself, a world and its mirror image are one: the rules do not know names, so that whatever can happen
 * in one of them can happen in the other, renamed.
 */
export class Names {
  readonly #ways: Way[];

  /** `first` is any world of the scene: what there is in it is in all of them. */
  constructor(first: World, mirror: Renaming | null) {
    const renamings = mirror === null ? [{}] : [{}, mirror];
    const states = new Map<string, number>();
    this.#ways = renamings.map((renaming) => new Way(first, renaming, states));
  }

  of(world: World): string {
    let least = "";
    for (const way of this.#ways) {
      const text = way.text(world);
      if (least === "" || text < least) least = text;
    }
    return least;
  }
}

/** Writes worlds down under other names, everything in the order of these. What steps share is written down once. */
class Way {
  readonly #renaming: Renaming;
  readonly #batches: string[];
  readonly #participants: string[];
  readonly #slots: string[];
  /** A number for each state under its new names, and so the same for all ways. */
  readonly #states: Map<string, number>;
  readonly #written = new WeakMap<Written, number>();
  readonly #packets = new Map<number, number>();

  constructor(first: World, renaming: Renaming, states: Map<string, number>) {
    this.#renaming = renaming;
    this.#states = states;
    this.#batches = this.#inOrder(first.seats);
    this.#participants = this.#inOrder(first.held);
    this.#slots = this.#inOrder(first.owner);
  }

  text(world: World): string {
    let text = `${world.moment}`;
    for (const txn of this.#batches) text += this.#seat(world.seats[txn]);
    for (const name of this.#participants) {
      text += ";";
      for (const txn of this.#batches) {
        const held = world.held[name]?.[txn];
        text += held === undefined ? "-" : `${held.phase[0]}${held.at}`;
      }
    }
    for (const slot of this.#slots) {
      text += `;${this.#name(world.owner[slot] ?? "")}`;
      for (const txn of this.#batches) text += world.shares[slot]?.[txn] ?? "-";
    }
    const net = world.net.map((number) => this.#packet(number));
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
