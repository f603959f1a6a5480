import type { ByteSink } from "./characters.ts";
import { grown } from "./grown.ts";

/** So many members are put in order one by one. */
const FEW = 12;
/** A key of a sort has three bytes of a name, each of which may be missing, and the place of the member: what a double has room for. */
const CHUNK = 3;
const BYTES = 257;
const PLACES = 2 ** 28;

/** Names whose first `at` bytes are the same, by their places in an order. */
interface Alike {
  from: number;
  to: number;
  at: number;
}

/**
 * The names of members of all objects that are open, the innermost last, as bytes whose order is that of UTF-16 code units. To put many in
 * order takes time that grows with their bytes alone, as nothing that compares two at a time does.
 */
export class MemberNames implements ByteSink {
  #bytes = new Uint8Array(1024);
  #length = 0;
  /** Where each name begins, and which piece of the text its member begins. */
  #starts = new Int32Array(64);
  #pieces = new Int32Array(64);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The next member begins with the piece `piece`. */
  begin(piece: number): void {
    this.#note(piece);
    this.#count++;
  }

  #note(piece: number): void {
    if (this.#count === this.#starts.length) {
      this.#starts = grown(this.#starts);
      this.#pieces = grown(this.#pieces);
    }
    this.#starts[this.#count] = this.#length;
    this.#pieces[this.#count] = piece;
  }

  /** The next byte of its name, in UTF-8 of the UTF-16 code units: bytes of two surrogates in place of those of what they are together. */
  byte(byte: number): void {
    if (this.#length === this.#bytes.length) this.#bytes = grown(this.#bytes);
    this.#bytes[this.#length++] = byte;
  }

  /**
   * The first and the last piece of each member but the first `count`, in the order of their names; null where they are in order.
   * The piece `behind` is the one behind the last of them. They are forgotten.
   */
  takeOrder(count: number, behind: number): Int32Array | null {
    this.#note(behind);
    let isSorted = true;
    for (let i = count + 1; i < this.#count && isSorted; i++) isSorted = this.#compare(i - 1, i) <= 0;
    const order = isSorted ? null : this.#sorted(count);
    this.#length = this.#starts[count] ?? 0;
    this.#count = count;
    return order;
  }

  #sorted(count: number): Int32Array {
    const order = new Int32Array(this.#count - count);
    for (let i = 0; i < order.length; i++) order[i] = count + i;
    const open: Alike[] = [{ from: 0, to: order.length, at: 0 }];
    for (let alike = open.pop(); alike !== undefined; alike = open.pop()) {
      if (alike.to - alike.from <= FEW) this.#sortFew(order, alike);
      else this.#sortMany(order, alike, open);
    }
    const pieces = new Int32Array(2 * order.length);
    for (let i = 0; i < order.length; i++) {
      const member = order[i] ?? 0;
      pieces[2 * i] = this.#pieces[member] ?? 0;
      pieces[2 * i + 1] = (this.#pieces[member + 1] ?? 0) - 1;
    }
    return pieces;
  }

  /** Each goes in front of those that are behind it. */
  #sortFew(order: Int32Array, { from, to }: Alike): void {
    for (let i = from + 1; i < to; i++) {
      const member = order[i] ?? 0;
      let place = i;
      for (; place > from && this.#compare(order[place - 1] ?? 0, member) > 0; place--) {
        order[place] = order[place - 1] ?? 0;
      }
      order[place] = member;
    }
  }

  /** By their next bytes alone. Those that have the same are open. */
  #sortMany(order: Int32Array, { from, to, at }: Alike, open: Alike[]): void {
    const before = order.slice(from, to);
    const keys = new Float64Array(before.length);
    for (let i = 0; i < keys.length; i++) keys[i] = this.#chunk(before[i] ?? 0, at) * PLACES + i;
    keys.sort();
    let start = from;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] ?? 0;
      const chunk = Math.floor(key / PLACES);
      order[from + i] = before[key - chunk * PLACES] ?? 0;
      if ((keys[i + 1] ?? Number.POSITIVE_INFINITY) < (chunk + 1) * PLACES) continue;
      const end = from + i + 1;
      if (end - start > 1 && chunk % BYTES > 0) open.push({ from: start, to: end, at: at + CHUNK });
      start = end;
    }
  }

  /** The bytes of a name from `at` on as a number; what is missing comes before any that is there. */
  #chunk(member: number, at: number): number {
    const start = (this.#starts[member] ?? 0) + at;
    const end = this.#starts[member + 1] ?? 0;
    let chunk = 0;
    for (let i = start; i < start + CHUNK; i++) chunk = chunk * BYTES + (i < end ? 1 + (this.#bytes[i] ?? 0) : 0);
    return chunk;
  }

  #compare(a: number, b: number): number {
    const bytes = this.#bytes;
    const startA = this.#starts[a] ?? 0;
    const startB = this.#starts[b] ?? 0;
    const lengthA = (this.#starts[a + 1] ?? 0) - startA;
    const lengthB = (this.#starts[b + 1] ?? 0) - startB;
    for (let i = 0; i < lengthA && i < lengthB; i++) {
      const difference = (bytes[startA + i] ?? 0) - (bytes[startB + i] ?? 0);
      if (difference !== 0) return difference;
    }
    return lengthA - lengthB;
  }
}
