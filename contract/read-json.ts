import {
  TOO_DEEP as DEEPER,
  endOfValue,
  NOT_JSON,
  OPEN_BRACE,
  OPEN_BRACKET,
  skipSpace,
  stringAt,
  visitItems,
  visitMembers,
} from "../domain/json/scan.ts";
import { JsonText, TOO_DEEP } from "./json-text.ts";
import { MAX_JSON_DEPTH, MAX_JSON_NAMES, MAX_JSON_VALUES } from "./limits.ts";
import { escapePointer } from "./problem.ts";
import { formatNumber } from "./sentence.ts";

/** Which members of a text are kept as texts: the value itself, or members and items below it, by name. */
export type TextMembers = "text" | { items: TextMembers | null; members: ReadonlyMap<string, TextMembers> };

/** A text's value, or what is wrong with the text: where, as a JSON Pointer, and what, to be read behind its name. */
export type ReadJson = { type: "value"; value: unknown } | { type: "fault"; pointer: string; detail: string };

/**
 * JSON text as the API takes it, in one look and in time that grows with its length alone, whatever it is. The members that
 * `texts` names are cut out as they were written, as `JsonText`; only what is left is made a value of. Refused is what is not JSON,
 * nests too deep, has two members of one name outside of those texts (which of them is meant?), or more values or names there than
 * any call has use for.
 */
export function readJson(text: string, texts: TextMembers | null): ReadJson {
  return new Reader(text).read(texts);
}

class Reader {
  readonly #text: string;
  /** What was read so far, with the number of its text in place of each that was cut out. */
  #rest = "";
  #copied = 0;
  readonly #texts: JsonText[] = [];
  #values = 0;
  /** Of members anywhere: an engine spends most of its time on names that it has not seen. */
  readonly #names = new Set<string>();
  #pointer = "";
  #fault: string | null = null;

  constructor(text: string) {
    this.#text = text;
  }

  read(texts: TextMembers | null): ReadJson {
    const end = this.#value(skipSpace(this.#text, 0), texts, MAX_JSON_DEPTH);
    if (end < 0) return { type: "fault", pointer: this.#pointer, detail: this.#fault ?? faultOf(end) };
    if (skipSpace(this.#text, end) < this.#text.length)
      return { type: "fault", pointer: "", detail: faultOf(NOT_JSON) };
    const value: unknown = JSON.parse(this.#rest + this.#text.slice(this.#copied));
    return { type: "value", value: texts === null ? value : this.#placed(value, texts) };
  }

  /** Where the value at `at` ends, below zero where it is refused. */
  #value(at: number, texts: TextMembers | null, levels: number): number {
    if (texts === "text") return this.#cutOut(at, levels);
    if (++this.#values > MAX_JSON_VALUES) return this.#refuse(TOO_MANY);
    const code = this.#text.charCodeAt(at);
    if (code !== OPEN_BRACE && code !== OPEN_BRACKET) return endOfValue(this.#text, at, 0);
    if (levels === 0) return DEEPER;
    if (code === OPEN_BRACE) return this.#members(at, texts?.members, levels - 1);
    const items = texts?.items ?? null;
    let index = 0;
    return visitItems(this.#text, at, (value) => this.#within(index++, this.#value(value, items, levels - 1)));
  }

  #members(at: number, texts: ReadonlyMap<string, TextMembers> | undefined, levels: number): number {
    const names = new Set<string>();
    return visitMembers(this.#text, at, (nameAt, valueAt) => {
      const name = stringAt(this.#text, nameAt);
      if (names.has(name)) return this.#within(name, this.#refuse(TWICE));
      names.add(name);
      if (this.#names.add(name).size > MAX_JSON_NAMES) return this.#refuse(TOO_MANY_NAMES);
      return this.#within(name, this.#value(valueAt, texts?.get(name) ?? null, levels));
    });
  }

  #cutOut(at: number, levels: number): number {
    const end = endOfValue(this.#text, at, levels);
    if (end < 0) return end;
    this.#rest += this.#text.slice(this.#copied, at) + this.#texts.length;
    this.#copied = end;
    this.#texts.push(new JsonText(this.#text.slice(at, end)));
    return end;
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

  /** The value with the texts in place of their numbers. No name comes twice, so each number stands where its text was. */
  #placed(value: unknown, texts: TextMembers): unknown {
    if (texts === "text") return this.#texts[Number(value)];
    if (typeof value !== "object" || value === null) return value;
    const { items, members } = texts;
    if (Array.isArray(value)) return items === null ? value : value.map((item) => this.#placed(item, items));
    const object = value as Record<string, unknown>;
    for (const [name, below] of members) {
      if (Object.hasOwn(object, name)) object[name] = this.#placed(object[name], below);
    }
    return object;
  }
}

const TWICE = "is named twice";
const TOO_MANY_NAMES = `has one of more than ${formatNumber(MAX_JSON_NAMES)} names of members, payloads and the like not counted`;
const TOO_MANY = `is one of more than ${formatNumber(MAX_JSON_VALUES)} values, payloads and the like not counted`;

function faultOf(end: number): string {
  return end === DEEPER ? TOO_DEEP : "is not JSON";
}
