import { MAX_JSON_DEPTH } from "./limits.ts";

/** A value's JSON text, or what is wrong with the value, to be read behind its name. */
export type JsonText = { type: "text"; text: string } | { type: "fault"; detail: string };

/** How a value is refused that nests too deep. */
export const TOO_DEEP = `nests deeper than ${MAX_JSON_DEPTH} levels`;

/** The JSON text of a value that nests `maxDepth` levels at most, whatever it is: a cycle or a date that is none, too. */
export function jsonText(value: unknown, maxDepth = MAX_JSON_DEPTH): JsonText {
  try {
    // Not every value has one, whatever the types say.
    const text: string | undefined = JSON.stringify(value);
    if (text === undefined) return { type: "fault", detail: "is not JSON" };
    return deeperThan(text, maxDepth) ? { type: "fault", detail: TOO_DEEP } : { type: "text", text };
  } catch (error) {
    // The stack has run out long behind the limit.
    return { type: "fault", detail: error instanceof RangeError ? TOO_DEEP : "is not JSON" };
  }
}

/** Whether brackets outside of strings nest deeper than `max`. Works on text that is not JSON too. */
export function deeperThan(text: string, max: number): boolean {
  if (text.length <= max || countOpening(text, max) <= max) return false;
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inString) {
      if (code === BACKSLASH) i++;
      else if (code === QUOTE) inString = false;
    } else if (code === QUOTE) inString = true;
    else if (code === OPEN_BRACKET || code === OPEN_BRACE) {
      if (++depth > max) return true;
    } else if (code === CLOSE_BRACKET || code === CLOSE_BRACE) depth--;
  }
  return false;
}

/** Opening brackets in `text`, inside of strings too, counted until there are more than `enough`. */
function countOpening(text: string, enough: number): number {
  const opening = /[[{]/g;
  let count = 0;
  while (count <= enough && opening.test(text)) count++;
  return count;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** A text's value, or what is wrong with the text, to be read behind its name. */
export type ParsedJson = { type: "value"; value: unknown } | { type: "fault"; detail: string };

/** JSON text as the API takes it: within the depth, and with no number that a double cannot hold. */
export function parseJson(text: string): ParsedJson {
  if (deeperThan(text, MAX_JSON_DEPTH)) return { type: "fault", detail: TOO_DEEP };
  if (mayOverflow(text) && overflows(text)) {
    return { type: "fault", detail: "has a number larger than a double can hold" };
  }
  try {
    return { type: "value", value: JSON.parse(text) };
  } catch {
    return { type: "fault", detail: "is not JSON" };
  }
}

/** Whether a number above 1.8e308 is possible: it needs three digits of exponent, or hundreds before it. */
function mayOverflow(text: string): boolean {
  return /[eE]\+?\d{3}|\d{200}/.test(text);
}

/** Whether a number was read as infinite, which would be passed on as null. */
function overflows(text: string): boolean {
  let found = false;
  try {
    JSON.parse(text, (_, value: unknown) => {
      found ||= value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY;
      return value;
    });
  } catch {
    return false;
  }
  return found;
}

const encoder = new TextEncoder();

/** Whether the text takes more than `maxBytes` in UTF-8. Short texts are not encoded. */
export function longerThan(text: string, maxBytes: number): boolean {
  if (text.length * 3 <= maxBytes) return false;
  return text.length > maxBytes || encoder.encode(text).length > maxBytes;
}
