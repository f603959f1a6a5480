import { BACKSLASH, QUOTE } from "./scan.ts";

/** What takes bytes of a text in UTF-8. */
export interface ByteSink {
  byte(byte: number): void;
}

const SPACE = 0x20;
const LETTER_U = 0x75;
/** The control characters that have an escape of one letter, by it. */
const BY_LETTER = new Map([
  [0x62, 0x08], // b
  [0x66, 0x0c], // f
  [0x6e, 0x0a], // n
  [0x72, 0x0d], // r
  [0x74, 0x09], // t
]);
const LETTERS = new Map([...BY_LETTER].map(([letter, point]) => [point, letter]));

/** What the escape of one letter means: `"`, `\` and `/` are themselves. */
export function meantBy(letter: number): number {
  return BY_LETTER.get(letter) ?? letter;
}

/** The four hexadecimal digits at `at` as a number. */
export function hexAt(bytes: Uint8Array, at: number): number {
  let value = 0;
  // The low bits of a letter count from 1.
  for (let i = at; i < at + 4; i++) value = value * 16 + ((bytes[i] ?? 0) & 0xf) + ((bytes[i] ?? 0) >> 6) * 9;
  return value;
}

export const isHighSurrogate = (unit: number) => unit >= 0xd800 && unit < 0xdc00;
export const isLowSurrogate = (unit: number) => unit >= 0xdc00 && unit < 0xe000;

/** The code point that two surrogates are. */
export function together(high: number, low: number): number {
  return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/** A character as `JSON.stringify` writes it in a string. */
export function putInString(sink: ByteSink, point: number): void {
  const letter = point === QUOTE || point === BACKSLASH ? point : LETTERS.get(point);
  if (letter !== undefined) {
    sink.byte(BACKSLASH);
    sink.byte(letter);
  } else if (point < SPACE || isHighSurrogate(point) || isLowSurrogate(point)) {
    sink.byte(BACKSLASH);
    sink.byte(LETTER_U);
    for (let shift = 12; shift >= 0; shift -= 4) sink.byte("0123456789abcdef".charCodeAt((point >> shift) & 0xf));
  } else putUtf8(sink, point);
}

/** The character whose four bytes in UTF-8 are at `at`. */
export function fourBytesAt(bytes: Uint8Array, at: number): number {
  const [first = 0, second = 0, third = 0, fourth = 0] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
  return ((first & 0x7) << 18) | ((second & 0x3f) << 12) | ((third & 0x3f) << 6) | (fourth & 0x3f);
}

/** A character in the UTF-8 of its UTF-16 code units (CESU-8, Unicode Technical Report 26), whose order is that of these. */
export function putUnits(sink: ByteSink, point: number): void {
  if (point < 0x10000) {
    putUtf8(sink, point);
    return;
  }
  putUtf8(sink, 0xd800 + ((point - 0x10000) >> 10));
  putUtf8(sink, 0xdc00 + (point & 0x3ff));
}

/** A code point in UTF-8; half of a pair of surrogates as if it were one. */
export function putUtf8(sink: ByteSink, point: number): void {
  if (point < 0x80) {
    sink.byte(point);
    return;
  }
  if (point < 0x800) sink.byte(0xc0 | (point >> 6));
  else {
    if (point < 0x10000) sink.byte(0xe0 | (point >> 12));
    else {
      sink.byte(0xf0 | (point >> 18));
      sink.byte(0x80 | ((point >> 12) & 0x3f));
    }
    sink.byte(0x80 | ((point >> 6) & 0x3f));
  }
  sink.byte(0x80 | (point & 0x3f));
}
