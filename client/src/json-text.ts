/**
 * A JSON value as text. It may stand wherever the API takes any JSON value (a payload, a result, a checkpoint, a patch), and arrives as it is:
 * a value of JavaScript cannot hold every number that JSON can, such as ids of nineteen digits.
 */
export class JsonText {
  /** As it was given. */
  readonly text: string;

  /** Throws a SyntaxError for what is not JSON. */
  constructor(text: string) {
    JSON.parse(text);
    this.text = text.trim();
  }

  /** The value, for whoever writes it without this client. */
  toJSON(): unknown {
    written++;
    return JSON.parse(this.text);
  }
}

/** How many texts `JSON.stringify` has met: most values have none, and are written by it alone. */
let written = 0;

/** As `JSON.stringify`, with each `JsonText` as it is. Undefined for what has no JSON text. */
export function writeJson(value: unknown): string {
  const before = written;
  const text = JSON.stringify(value);
  return written === before ? text : spliced(value);
}

function spliced(value: unknown): string {
  if (value instanceof JsonText) return value.text;
  if (Array.isArray(value)) return `[${value.map((item) => spliced(item) ?? "null").join(",")}]`;
  if (!isPlain(value)) return JSON.stringify(value);
  const members = Object.entries(value).flatMap(([name, member]) => {
    const text: string | undefined = spliced(member);
    return text === undefined ? [] : [`${JSON.stringify(name)}:${text}`];
  });
  return `{${members.join(",")}}`;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || "toJSON" in value) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

const encoder = new TextEncoder();

/** What a text takes in UTF-8. */
export function byteLength(text: string): number {
  return encoder.encode(text).length;
}

/** A value as it goes over RPC, which carries no class: the text of a member `payload` as `payloadText`, and all else as its JSON says. */
export function forRpc(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(forRpc);
  if (!isPlain(value)) return value === undefined ? undefined : JSON.parse(JSON.stringify(value) ?? "null");
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) =>
      member instanceof JsonText ? [`${name}Text`, member.text] : [name, forRpc(member)],
    ),
  );
}

/** What is any JSON value in an answer, and has its text beside it. */
const TEXTS = new Set(["payload", "result", "checkpoint"]);
/** The next string, number, word or bracket of a text that is JSON. */
const TOKEN = /[\s,:]*("[^"\\]*(?:\\.[^"\\]*)*"|[^\s,:[\]{}"]+|[[\]{}])/y;

/** The value of an answer, in which what may be any JSON value has its text beside it: `payloadText` beside `payload`. */
export function readAnswer(answer: string): unknown {
  const value: unknown = JSON.parse(answer);
  TOKEN.lastIndex = 0;
  addTexts(answer, value as Json);
  return value;
}

type Json = { [name: string | number]: Json } | null | undefined;

/** Goes through the next value of the text, and beside it through what it is; undefined is not looked into. Answers its first token. */
function addTexts(answer: string, value: Json): string {
  const token = TOKEN.exec(answer)?.[1] ?? "";
  if (token === "[") for (let i = 0; addTexts(answer, value?.[i]) !== "]"; i++);
  if (token !== "{") return token;
  for (let name = TOKEN.exec(answer)?.[1] ?? "}"; name !== "}"; name = TOKEN.exec(answer)?.[1] ?? "}") {
    const key = name.includes("\\") ? String(JSON.parse(name)) : name.slice(1, -1);
    const from = TOKEN.lastIndex;
    // Null is what stands where there is none, and says no more as text.
    const isText = TEXTS.has(key) && value !== undefined && value?.[key] !== null;
    addTexts(answer, isText ? undefined : value?.[key]);
    if (isText && value)
      Object.assign(value, { [`${key}Text`]: answer.slice(from, TOKEN.lastIndex).replace(/^[\s:]+/, "") });
  }
  return token;
}
