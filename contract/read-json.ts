import {
  TOO_DEEP as DEEPER,
  endOfValue,
  NOT_JSON,
  OPEN_BRACE,
  OPEN_BRACKET,
  placeOf,
  QUOTE,
  skipSpace,
  stringAt,
  visitItems,
  visitMembers,
} from "../domain/json/scan.ts";
import { JsonText, TOO_DEEP } from "./json-text.ts";
import { MAX_JSON_DEPTH, MAX_JSON_NAMES, MAX_JSON_TEXTS, MAX_JSON_VALUES } from "./limits.ts";
import { escapePointer } from "./problem.ts";
import { formatNumber } from "./sentence.ts";

/** Which members of a text are kept as texts: the value itself, or members and items below it, by name. */
export type TextMembers = "text" | { items: TextMembers | null; members: ReadonlyMap<string, TextMembers> };

/** A text's value, or what is wrong with the text: where, as a JSON Pointer, and what, to be read behind its name. */
export type ReadJson = { type: "value"; value: unknown } | { type: "fault"; pointer: string; detail: string };

/**
 * JSON text as the API takes it, in one look and in time that grows with its length alone, whatever it is. The members that
 * `texts` names are cut out as they were written, as `JsonText`; only what is left is made a value of. Refused is what is not JSON,
 * nests too deep, has two members of one name outside of those texts (which of them is meant?), or more values or names there, or
 * more such texts, than any call has use for.
 */
export function readJson(text: string, texts: TextMembers | null): ReadJson {
  return new Reader(text).read(texts);
}

class Reader {
  readonly #text: string;
  /** The value that was read last. */
  #made: unknown = null;
  #values = 0;
  #texts = 0;
  /** Of members anywhere, each with a number: an engine spends most of its time on names that it has not seen. */
  readonly #names = new Map<string, number>();
  #pointer = "";
  #fault: string | null = null;

  constructor(text: string) {
    this.#text = text;
  }

  read(texts: TextMembers | null): ReadJson {
    const end = this.#value(skipSpace(this.#text, 0), texts, MAX_JSON_DEPTH);
    if (end < 0) return { type: "fault", pointer: this.#pointer, detail: this.#fault ?? faultOf(this.#text, end) };
    const behind = skipSpace(this.#text, end);
    if (behind < this.#text.length) return { type: "fault", pointer: "", detail: notJson(this.#text, behind) };
    return { type: "value", value: this.#made };
  }

  /** Makes the value at `at`. Answers where it ends, below zero where it is refused. */
  #value(at: number, texts: TextMembers | null, levels: number): number {
    if (texts === "text") return this.#cutOut(at, levels);
    if (++this.#values > MAX_JSON_VALUES) return this.#refuse(TOO_MANY);
    const code = this.#text.charCodeAt(at);
    if (code !== OPEN_BRACE && code !== OPEN_BRACKET) return this.#scalar(at, code);
    if (levels === 0) return DEEPER;
    if (code === OPEN_BRACE) return this.#object(at, texts?.members, levels - 1);
    return this.#array(at, texts?.items ?? null, levels - 1);
  }

  #cutOut(at: number, levels: number): number {
    if (++this.#texts > MAX_JSON_TEXTS) return this.#refuse(TOO_MANY_TEXTS);
    const end = endOfValue(this.#text, at, levels);
    if (end >= 0) this.#made = new JsonText(this.#text.slice(at, end));
    return end;
  }

  #scalar(at: number, code: number): number {
    const end = endOfValue(this.#text, at, 0);
    if (end >= 0) this.#made = code === QUOTE ? stringAt(this.#text, at) : JSON.parse(this.#text.slice(at, end));
    return end;
  }

  #array(at: number, texts: TextMembers | null, levels: number): number {
    const items: unknown[] = [];
    const end = visitItems(this.#text, at, (itemAt) => {
      const itemEnd = this.#value(itemAt, texts, levels);
      return this.#within(items.push(this.#made) - 1, itemEnd);
    });
    this.#made = items;
    return end;
  }

  #object(at: number, texts: ReadonlyMap<string, TextMembers> | undefined, levels: number): number {
    const object: Record<string, unknown> = {};
    const named: number[] = [];
    const end = visitMembers(this.#text, at, (nameAt, valueAt) => {
      const name = stringAt(this.#text, nameAt);
      const number = this.#numberOf(name);
      if (named.includes(number)) return this.#within(name, this.#refuse(TWICE));
      named.push(number);
      if (number >= MAX_JSON_NAMES) return this.#refuse(TOO_MANY_NAMES);
      const valueEnd = this.#value(valueAt, texts?.get(name) ?? null, levels);
      setMember(object, name, this.#made);
      return this.#within(name, valueEnd);
    });
    this.#made = object;
    return end;
  }

  /** Which of the different names this is, from 0. */
  #numberOf(name: string): number {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    this.#names.set(name, this.#names.size);
    return this.#names.size - 1;
  }

  #refuse(detail: string): number {
    this.#fault = detail;
    return NOT_JSON;
  }

  /** The same end; a refusal is pointed to on the way out. */
  #within(part: string | number, end: number): number {
    if (end < 0 && this.#fault !== null) {
      this.#pointer = `/${escapePointer(String(part))}${this.#pointer}`;
    }
    return end;
  }
}

/** As `JSON.parse` does it: a member may be called `__proto__`, and is one like any other. */
function setMember(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== "__proto__") object[name] = value;
  else Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}

const TWICE = "is named twice";
const TOO_MANY_TEXTS = `is one of more than ${formatNumber(MAX_JSON_TEXTS)} payloads and the like`;
const TOO_MANY_NAMES = `has one of more than ${formatNumber(MAX_JSON_NAMES)} names of members, payloads and the like not counted`;
const TOO_MANY = `is one of more than ${formatNumber(MAX_JSON_VALUES)} values, payloads and the like not counted`;

function faultOf(text: string, end: number): string {
  return end === DEEPER ? TOO_DEEP : notJson(text, placeOf(end) ?? 0);
}

/** Where a text is not JSON: lines, which end at a line feed, and their characters (UTF-16 code units) count from 1. */
function notJson(text: string, place: number): string {
  if (skipSpace(text, 0) === text.length) return "is empty";
  if (place === text.length) return "is not JSON: it ends too early";
  let line = 1;
  let start = 0;
  for (let i = text.indexOf("\n"); i >= 0 && i < place; i = text.indexOf("\n", i + 1)) {
    line += 1;
    start = i + 1;
  }
  return `is not JSON: line ${line}, character ${place - start + 1}`;
}
