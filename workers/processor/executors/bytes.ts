import { BACKSLASH, QUOTE } from "../../../domain/json/scan.ts";

const encoder = new TextEncoder();

/** The length of `text` in UTF-8. */
export function byteLength(text: string): number {
  return encoder.encode(text).length;
}

/** Whether `text` takes at most `maxBytes` in UTF-8: at most three a code unit, so most texts need not be encoded. */
export function fits(text: string, maxBytes: number): boolean {
  return text.length * 3 <= maxBytes || byteLength(text) <= maxBytes;
}

/**
 * `text` as a JSON string of at most `maxBytes` of UTF-8, quotes included, cut between code points.
 * `cut` says whether some of it is missing. No more of the text is looked at than is kept.
 */
export function jsonStringWithin(text: string, maxBytes: number): { json: string; cut: boolean } {
  let bytes = '""'.length;
  let end = 0;
  while (end < text.length) {
    const point = text.codePointAt(end) ?? 0;
    bytes += writtenBytes(point);
    if (bytes > maxBytes) break;
    end += point < 0x10000 ? 1 : 2;
  }
  return { json: JSON.stringify(text.slice(0, end)), cut: end < text.length };
}

/** Bytes in UTF-8 of a code point in a JSON string, as `JSON.stringify` writes it. */
function writtenBytes(point: number): number {
  if (point < 0x20) return SHORT_ESCAPES.has(point) ? "\\n".length : "\\u0000".length;
  if (point < 0x80) return point === QUOTE || point === BACKSLASH ? 2 : 1;
  if (point < 0x800) return 2;
  // Half of a character is escaped.
  if (point >= 0xd800 && point < 0xe000) return "\\ud800".length;
  return point < 0x10000 ? 3 : 4;
}

/** Backspace, tab, line feed, form feed and carriage return. */
const SHORT_ESCAPES: ReadonlySet<number> = new Set([0x08, 0x09, 0x0a, 0x0c, 0x0d]);
