import type { ByteSink } from "./characters.ts";
import { grown } from "./grown.ts";

const PLUS = 0x2b;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const LETTER_E = 0x65;

/** So many digits come back from a double as they went in, where it is a normal one; no double is written with more than the second. */
const SURE_DIGITS = 15;
const MOST_DIGITS = 17;
/** Exponents of the first digit: with these the double is a normal one whatever the digits are, and beyond those there is none. */
const NORMAL = { from: -307, to: 308 };
/** Of those with the last exponent, the first digits of the largest. */
const LARGEST = "179769313486231";
const DOUBLES = { from: -325, to: 309 };
/** Digits of an exponent to which a text's length is added exactly. */
const EXPONENT_DIGITS = 12;
/** JavaScript writes so many digits before a point, and zeros behind it, without an exponent. */
const LONGEST_WHOLE = 21;
const MOST_ZEROS = 5;

export const isDigit = (byte: number) => byte >= ZERO && byte <= NINE;

/** A number as it stands in a text, taken apart: its digits without the zeros around them, and the exponent of the last of these. */
export class Decimal {
  #digits = new Uint8Array(32);
  #count = 0;
  /** Null where it has too many digits itself. */
  #exponent: number | null = 0;
  #isNegative = false;

  /** Reads the number that stands in the bytes from `start` to `end`. */
  read(bytes: Uint8Array, start: number, end: number): void {
    this.#isNegative = bytes[start] === MINUS;
    this.#count = 0;
    let places: number | null = null;
    let zeros = 0;
    let at = this.#isNegative ? start + 1 : start;
    for (; at < end && ((bytes[at] ?? 0) | 0x20) !== LETTER_E; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === POINT) {
        places = 0;
        continue;
      }
      if (places !== null) places++;
      if (byte === ZERO) {
        // Those in front of all digits are none.
        if (this.#count > 0) zeros++;
        continue;
      }
      for (; zeros > 0; zeros--) this.#digit(ZERO);
      this.#digit(byte);
    }
    const exponent = at < end ? exponentIn(bytes, at + 1, end) : 0;
    this.#exponent = exponent === null ? null : exponent + zeros - (places ?? 0);
  }

  #digit(byte: number): void {
    if (this.#count === this.#digits.length) this.#digits = grown(this.#digits);
    this.#digits[this.#count++] = byte;
  }

  /** Puts the number as `canonicalNumber` writes it. False where that cannot be told without making a double of it. */
  put(sink: ByteSink): boolean {
    const count = this.#count;
    if (count === 0) {
      sink.byte(ZERO);
      return true;
    }
    if (this.#exponent === null) return false;
    const first = count - 1 + this.#exponent;
    const isSure = count <= SURE_DIGITS && first >= NORMAL.from && first <= NORMAL.to;
    const isDouble = isSure && (first < NORMAL.to || !this.#isBeyondLargest());
    const isNone = count > MOST_DIGITS || first < DOUBLES.from || first > DOUBLES.to || isSure;
    if (!isDouble && !isNone) return false;
    if (this.#isNegative) sink.byte(MINUS);
    if (isDouble) this.#putDouble(sink, first);
    else {
      this.#putDigits(sink, 0, count);
      sink.byte(LETTER_E);
      putNumber(sink, this.#exponent);
    }
    return true;
  }

  #isBeyondLargest(): boolean {
    for (let i = 0; i < this.#count; i++) {
      const difference = (this.#digits[i] ?? ZERO) - LARGEST.charCodeAt(i);
      if (difference !== 0) return difference > 0;
    }
    return false;
  }

  /** As JavaScript writes it (ECMA-262, Number::toString). `first` is the exponent of the first digit. */
  #putDouble(sink: ByteSink, first: number): void {
    const count = this.#count;
    if (first >= LONGEST_WHOLE || first < -MOST_ZEROS - 1) {
      this.#putDigits(sink, 0, 1);
      this.#putPlaces(sink, 1);
      sink.byte(LETTER_E);
      if (first > 0) sink.byte(PLUS);
      putNumber(sink, first);
    } else if (first < 0) {
      sink.byte(ZERO);
      sink.byte(POINT);
      for (let zero = first + 1; zero < 0; zero++) sink.byte(ZERO);
      this.#putDigits(sink, 0, count);
    } else {
      this.#putDigits(sink, 0, Math.min(count, first + 1));
      for (let zero = count; zero <= first; zero++) sink.byte(ZERO);
      this.#putPlaces(sink, first + 1);
    }
  }

  /** The digits behind the point, if there are any. */
  #putPlaces(sink: ByteSink, from: number): void {
    if (from >= this.#count) return;
    sink.byte(POINT);
    this.#putDigits(sink, from, this.#count);
  }

  #putDigits(sink: ByteSink, from: number, to: number): void {
    for (let i = from; i < to; i++) sink.byte(this.#digits[i] ?? ZERO);
  }
}

function exponentIn(bytes: Uint8Array, start: number, end: number): number | null {
  const sign = bytes[start];
  let at = sign === MINUS || sign === PLUS ? start + 1 : start;
  while (bytes[at] === ZERO && at < end) at++;
  if (end - at > EXPONENT_DIGITS) return null;
  let exponent = 0;
  for (; at < end; at++) exponent = exponent * 10 + (bytes[at] ?? ZERO) - ZERO;
  return sign === MINUS ? -exponent : exponent;
}

function putNumber(sink: ByteSink, number: number): void {
  const text = String(number);
  for (let i = 0; i < text.length; i++) sink.byte(text.charCodeAt(i));
}
