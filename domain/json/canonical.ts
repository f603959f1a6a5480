import {
  fourBytesAt,
  hexAt,
  isHighSurrogate,
  isLowSurrogate,
  meantBy,
  putInString,
  putUnits,
  together,
} from "./characters.ts";
import { Decimal, isDigit } from "./decimal.ts";
import { MemberNames } from "./member-names.ts";
import { canonicalNumber } from "./number.ts";
import { Pieces } from "./pieces.ts";
import { BACKSLASH, CLOSE_BRACE, CLOSE_BRACKET, OPEN_BRACE, OPEN_BRACKET, QUOTE } from "./scan.ts";

const SPACE = 0x20;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const SLASH = 0x2f;
const ZERO = 0x30;
/** The bit that makes a letter a small one. */
const LOWER = 0x20;
const FIRST_LETTER = 0x61;
const LETTER_E = 0x65;
const LETTER_F = 0x66;
const LETTER_U = 0x75;
/** Lead bytes from here on are those of characters that have four. */
const FOUR_BYTES = 0xf0;
/** A whole number of so many characters is one that a double holds. */
const SURELY_EXACT = 15;

const encoder = new TextEncoder();
/** Of each byte one character, so that a place among the bytes is one in the text. */
const byBytes = new TextDecoder("windows-1252");

/**
 * One text for all JSON texts that mean the same: members sorted by the code units of their names, strings in the writing
 * of `JSON.stringify`, no space, numbers as `canonicalNumber` has them. Where every number is one that a double holds, that is
 * RFC 8785; others keep each of their digits, which that RFC would round. Members of equal names are all kept, in their order: who
 * reads them disagrees on which of them counts. `text` is one JSON value and nests no deeper than the API lets it.
 *
 * It takes time that grows with the text alone. Nothing is made for a value or a member: a text may have half a million.
 */
export function canonicalText(text: string): string {
  return new Canonical(encoder.encode(text)).written();
}

class Canonical {
  readonly #bytes: Uint8Array;
  readonly #pieces: Pieces;
  readonly #names = new MemberNames();
  readonly #decimal = new Decimal();
  #at = 0;
  #text: string | null = null;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#pieces = new Pieces(bytes);
  }

  written(): string {
    this.#skipSpace();
    this.#value();
    return this.#pieces.joined(this.#at);
  }

  #byte(): number {
    return this.#bytes[this.#at] ?? 0;
  }

  #skipSpace(): void {
    const start = this.#at;
    while (this.#byte() <= SPACE && this.#at < this.#bytes.length) this.#at++;
    if (this.#at > start) this.#pieces.leaveOut(start, this.#at);
  }

  /** Passes a bracket, a comma or a colon, and the space behind it. */
  #pass(): void {
    this.#at++;
    this.#skipSpace();
  }

  #value(): void {
    const code = this.#byte();
    if (code === QUOTE) this.#string();
    else if (code === OPEN_BRACE) this.#object();
    else if (code === OPEN_BRACKET) this.#array();
    else if (code < FIRST_LETTER) this.#number();
    else this.#at += code === LETTER_F ? "false".length : "true".length;
  }

  #array(): void {
    this.#pass();
    while (this.#byte() !== CLOSE_BRACKET) {
      this.#value();
      this.#skipSpace();
      if (this.#byte() === COMMA) this.#pass();
    }
    this.#at++;
  }

  #object(): void {
    this.#pass();
    const piece = this.#pieces.count - 1;
    const names = this.#names.count;
    while (this.#byte() !== CLOSE_BRACE) {
      this.#names.begin(this.#pieces.begin(this.#at));
      this.#name();
      this.#skipSpace();
      this.#pass();
      this.#value();
      this.#skipSpace();
      if (this.#byte() === COMMA) this.#pass();
    }
    const order = this.#names.takeOrder(names, this.#pieces.count);
    if (order === null) this.#pieces.join(piece);
    else this.#pieces.reorder(piece, order, this.#at);
    this.#at++;
  }

  #string(): void {
    const bytes = this.#bytes;
    let at = this.#at + 1;
    for (let code = bytes[at]; code !== QUOTE; code = bytes[at]) {
      if (code !== BACKSLASH) at++;
      else {
        this.#at = at;
        this.#escape();
        at = this.#at;
      }
    }
    this.#at = at + 1;
  }

  /** A string that is the name of a member. */
  #name(): void {
    this.#at++;
    for (let code = this.#byte(); code !== QUOTE; code = this.#byte()) {
      if (code === BACKSLASH) putUnits(this.#names, this.#escape());
      else if (code < FOUR_BYTES) {
        this.#names.byte(code);
        this.#at++;
      } else {
        putUnits(this.#names, fourBytesAt(this.#bytes, this.#at));
        this.#at += 4;
      }
    }
    this.#at++;
  }

  /** Passes an escape, and answers the character that it is; half of one where there is no other half. */
  #escape(): number {
    const start = this.#at;
    const letter = this.#bytes[start + 1] ?? 0;
    if (letter !== LETTER_U) {
      // `\/` is the only one of them that has another writing.
      if (letter === SLASH) this.#pieces.leaveOut(start, start + 1);
      this.#at += 2;
      return meantBy(letter);
    }
    const point = this.#unit();
    this.#pieces.leaveOut(start, this.#at);
    putInString(this.#pieces, point);
    return point;
  }

  /** One or two escapes of four digits, as one character. */
  #unit(): number {
    const unit = hexAt(this.#bytes, this.#at + 2);
    this.#at += 6;
    const isEscape = this.#byte() === BACKSLASH && this.#bytes[this.#at + 1] === LETTER_U;
    const next = isHighSurrogate(unit) && isEscape ? hexAt(this.#bytes, this.#at + 2) : 0;
    if (!isLowSurrogate(next)) return unit;
    this.#at += 6;
    return together(unit, next);
  }

  #number(): void {
    const bytes = this.#bytes;
    const start = this.#at;
    let at = bytes[start] === MINUS ? start + 1 : start;
    const isNegativeZero = at > start && bytes[at] === ZERO;
    while (isDigit(bytes[at] ?? 0)) at++;
    const isWhole = !isInNumber(bytes[at] ?? 0);
    while (isInNumber(bytes[at] ?? 0)) at++;
    this.#at = at;
    if (isWhole && !isNegativeZero && at - start <= SURELY_EXACT) return;
    this.#decimal.read(bytes, start, at);
    this.#pieces.leaveOut(start, at);
    if (this.#decimal.put(this.#pieces)) return;
    this.#text ??= byBytes.decode(bytes);
    const written = canonicalNumber(this.#text.slice(start, at));
    for (let i = 0; i < written.length; i++) this.#pieces.byte(written.charCodeAt(i));
  }
}

/** Digits, signs, a point and the letter of an exponent. */
function isInNumber(byte: number): boolean {
  return isDigit(byte) || byte === POINT || (byte | LOWER) === LETTER_E || byte === MINUS || byte === PLUS;
}
