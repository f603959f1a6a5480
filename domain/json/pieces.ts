import { grown } from "./grown.ts";

const COMMA = 0x2c;
/** Shorter runs are copied byte by byte: a call takes as long as some twenty of them. */
const SHORT_RUN = 24;

const utf8 = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/**
 * A text that is made of another one, which is UTF-8: most of it as it stands there, some of it in another writing, and the members of
 * objects in another order. What is put in order is copied once, in the end, however many objects are around it: each member begins a
 * piece, and an order says which piece comes after which.
 */
export class Pieces {
  readonly #source: Uint8Array;
  /** The source is taken over up to here. */
  #from = 0;
  #written: Uint8Array<ArrayBuffer>;
  #length = 0;
  /** Where each piece begins and ends in what is written, and which comes after it. The last one has not ended. */
  #starts = new Int32Array(64);
  #ends = new Int32Array(64);
  #next = new Int32Array(64).fill(1, 0, 1);
  #count = 1;
  /** The piece behind the last members that were put in order: those before it are no longer one with their neighbours. */
  #kept = 0;

  constructor(source: Uint8Array) {
    this.#source = source;
    this.#written = new Uint8Array(source.length + 64);
  }

  /** What stands in the source from `start` to `end` is left out. What is put next takes its place. */
  leaveOut(start: number, end: number): void {
    const from = this.#from;
    const length = start - from;
    this.#makeRoom(length);
    copy({ bytes: this.#source, from, to: start }, this.#written, this.#length);
    this.#length += length;
    this.#from = end;
  }

  /** Puts a byte behind all that is written: what came before it in the source was taken over or left out. */
  byte(byte: number): void {
    this.#makeRoom(1);
    this.#written[this.#length++] = byte;
  }

  #makeRoom(bytes: number): void {
    while (this.#length + bytes > this.#written.length) this.#written = grown(this.#written);
  }

  /** How many pieces there are. */
  get count(): number {
    return this.#count;
  }

  /** Begins a piece with what stands at `at` in the source. Answers its number. */
  begin(at: number): number {
    const start = this.#length + at - this.#from;
    const piece = this.#count++;
    if (piece === this.#starts.length) {
      this.#starts = grown(this.#starts);
      this.#ends = grown(this.#ends);
      this.#next = grown(this.#next);
    }
    this.#ends[piece - 1] = start;
    this.#starts[piece] = start;
    this.#next[piece] = piece + 1;
    return piece;
  }

  /** What was begun behind the piece stands as it was written: it need not be told apart any more. */
  join(piece: number): void {
    this.#count = Math.max(piece, this.#kept) + 1;
  }

  /**
   * Puts members in order that stand behind the piece and before `at` in the source: `order` has for each its first and its last piece.
   * The last one of the source has no comma behind it, and another one may have to be the last.
   */
  reorder(piece: number, order: Int32Array, at: number): void {
    this.leaveOut(at, at);
    this.byte(COMMA);
    const behind = this.begin(at);
    let last = piece;
    for (let i = 0; i < order.length; i += 2) {
      this.#next[last] = order[i] ?? 0;
      last = order[i + 1] ?? 0;
    }
    this.#next[last] = behind;
    this.#ends[last] = (this.#ends[last] ?? 0) - 1;
    this.#kept = behind;
  }

  /** All that is written, of the source up to `at`. */
  joined(at: number): string {
    this.leaveOut(at, at);
    if (this.#count === 1) return utf8.decode(this.#written.subarray(0, this.#length));
    this.#ends[this.#count - 1] = this.#length;
    const joined = new Uint8Array(this.#length);
    let length = 0;
    for (let piece = 0; piece < this.#count; piece = this.#next[piece] ?? this.#count) {
      const from = this.#starts[piece] ?? 0;
      const to = this.#ends[piece] ?? 0;
      copy({ bytes: this.#written, from, to }, joined, length);
      length += to - from;
    }
    return utf8.decode(joined.subarray(0, length));
  }
}

/** Some of a row of bytes. */
interface Run {
  bytes: Uint8Array;
  from: number;
  to: number;
}

function copy({ bytes, from, to }: Run, target: Uint8Array, at: number): void {
  if (to - from > SHORT_RUN) target.set(bytes.subarray(from, to), at);
  else for (let i = 0; i < to - from; i++) target[at + i] = bytes[from + i] ?? 0;
}
