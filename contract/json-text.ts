import { wholeValue } from "../domain/json/scan.ts";
import { MAX_JSON_DEPTH } from "./limits.ts";

/**
 * A JSON value as the text that its sender wrote: payloads, results, checkpoints, patches. Dure keeps it so from the edge to the
 * executor and back, and never makes a value of it: what a double cannot hold, the order of members and their writing stay.
 * `readJson` cuts these texts out of what comes in, and `writeJson` puts them into what goes out.
 */
export class JsonText {
  /** One JSON value, without space around it. */
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  get isNull(): boolean {
    return this.text === "null";
  }

  /** For `writeJson` alone: any other writer would lose the text, and is refused with what it was about to lose. */
  toJSON(): unknown {
    if (written === null) throw new TypeError("a JsonText is written by writeJson alone");
    written.push(this.text);
    // Made when it is first needed: what the client takes along of this file runs under Node 20, which does not know it.
    place ??= JSON.rawJSON(PLACE_TEXT);
    return place;
  }
}

/** The texts of the value that is being written, in their order; null while none is. */
let written: string[] | null = null;

declare global {
  interface JSON {
    /** The text, which is a JSON string, number or word, as it is (ECMAScript 2026). */
    rawJSON(text: string): object;
  }
}

/** A JSON string that no writer makes: it never escapes a slash, and a backslash in a string stands behind another backslash. */
const PLACE_TEXT = '"\\/"';
let place: object | null = null;

/** As `JSON.stringify`, with each `JsonText` as the text that it is. Undefined for a value that has no JSON text, as there. */
export function writeJson(value: unknown): string {
  const outer = written;
  const texts: string[] = [];
  written = texts;
  try {
    const whole = JSON.stringify(value);
    if (texts.length === 0) return whole;
    const [first = "", ...rest] = whole.split(PLACE_TEXT);
    return rest.reduce((all, part, index) => all + texts[index] + part, first);
  } finally {
    written = outer;
  }
}

/** A value's JSON text, or what is wrong with the value, to be read behind its name. */
export type WrittenJson = { type: "text"; text: string } | { type: "fault"; detail: string };

/** How a value is refused that nests too deep. */
export const TOO_DEEP = `nests deeper than ${MAX_JSON_DEPTH} levels`;

/** The JSON text of a value that nests `maxDepth` levels at most, whatever it is: a cycle or a date that is none, too. */
export function jsonText(value: unknown, maxDepth = MAX_JSON_DEPTH): WrittenJson {
  // What was read as text was looked at then.
  if (value instanceof JsonText) return { type: "text", text: value.text };
  try {
    // Not every value has one, whatever the types say.
    const text: string | undefined = writeJson(value);
    if (text === undefined) return { type: "fault", detail: "is not JSON" };
    return isJson(text, maxDepth) ? { type: "text", text } : { type: "fault", detail: TOO_DEEP };
  } catch (error) {
    // The stack has run out long behind the limit.
    return { type: "fault", detail: error instanceof RangeError ? TOO_DEEP : "is not JSON" };
  }
}

/** Whether the text is one JSON value that nests `maxDepth` levels at most. Makes no value of it. */
export function isJson(text: string, maxDepth = MAX_JSON_DEPTH): boolean {
  return typeof wholeValue(text, maxDepth) !== "number";
}

const encoder = new TextEncoder();

/** Whether the text takes more than `maxBytes` in UTF-8. Short texts are not encoded. */
export function longerThan(text: string, maxBytes: number): boolean {
  if (text.length * 3 <= maxBytes) return false;
  return text.length > maxBytes || encoder.encode(text).length > maxBytes;
}
