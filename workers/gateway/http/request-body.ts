import type { z } from "zod";
import { deeperThan, TOO_DEEP } from "../../../contract/json-text.ts";
import { MAX_BODY_BYTES, MAX_JSON_DEPTH } from "../../../contract/limits.ts";
import { errorsOf } from "../../../contract/problem.ts";
import type { AppContext } from "../context.ts";
import { Refusal } from "./refusal.ts";

/** The body as JSON, within the limits; refused with 400, 413 or 415. */
export async function readJson(c: AppContext): Promise<unknown> {
  if (!isJson(c.req.header("content-type"))) {
    throw new Refusal("unsupported-media-type", "Send the body with content-type: application/json.");
  }
  return parseText(await readText(c.req.raw));
}

/** As `readJson`, for calls that need no body at all: nothing sent is `{}`, whatever the content type. */
export async function readOptionalJson(c: AppContext): Promise<unknown> {
  const text = await readText(c.req.raw);
  if (text === "") return {};
  if (!isJson(c.req.header("content-type"))) {
    throw new Refusal("unsupported-media-type", "Send the body with content-type: application/json.");
  }
  return parseText(text);
}

/** `value` as the schema has it, or 400 with a pointer to each fault. */
export function validated<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  return orRefused(schema.safeParse(value));
}

/** What a schema made of a value, or the refusal that names each fault. */
export function orRefused<T>(parsed: z.ZodSafeParseResult<T>): T {
  if (parsed.success) return parsed.data;
  throw new Refusal("invalid-request", "The request is not valid.", { errors: errorsOf(parsed.error) });
}

/** The query string as the schema has it. A name given twice is refused: which of them was meant? */
export function validatedQuery<T extends z.ZodType>(c: AppContext, schema: T): z.output<T> {
  const entries = new Map<string, string>();
  for (const [name, value] of new URL(c.req.url).searchParams) {
    if (entries.has(name)) throw new Refusal("invalid-request", `The query names ${name} twice.`);
    entries.set(name, value);
  }
  return validated(schema, Object.fromEntries(entries));
}

function isJson(contentType: string | undefined): boolean {
  const type = (contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  return type === "application/json" || /^application\/[a-z0-9.-]+\+json$/.test(type);
}

/** Stops reading at the limit, so that a body without an honest length costs no more than one with. */
async function readText(request: Request): Promise<string> {
  const length = request.headers.get("content-length");
  if (length !== null && Number(length) > MAX_BODY_BYTES) throw tooLarge();
  if (request.body === null) return "";
  // A declared length within the limit is enforced by the HTTP layer below.
  const bytes = length === null ? await readCapped(request.body) : new Uint8Array(await request.arrayBuffer());
  if (bytes.length > MAX_BODY_BYTES) throw tooLarge();
  return decode(bytes);
}

async function readCapped(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function tooLarge(): Refusal {
  return new Refusal("body-too-large", `The body may be ${MAX_BODY_BYTES} bytes at most.`);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new Refusal("invalid-request", "The body is not UTF-8.");
  }
}

function parseText(text: string): unknown {
  if (deeperThan(text, MAX_JSON_DEPTH)) throw new Refusal("invalid-request", `The body ${TOO_DEEP}.`);
  if (mayOverflow(text) && overflows(text)) {
    throw new Refusal("invalid-request", "The body has a number larger than a double can hold.");
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new Refusal("invalid-request", "The body is not JSON.");
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
