import type { z } from "zod";
import { REQUESTS } from "../../../../contract/components.ts";
import type { CallDefinition } from "../../../../contract/http/call.ts";
import { MAX_BODY_BYTES } from "../../../../contract/limits.ts";
import { Key } from "../../../../contract/primitives.ts";
import { http, invalid, isProblem, type Result, tooLarge } from "../../../../contract/problems.ts";
import type { TextMembers } from "../../../../contract/read-json.ts";
import { textMembersOf } from "../../../../contract/text-members.ts";
import { traceparentIn } from "../../../../domain/trace.ts";
import type { AnyInput } from "../../api/use-case.ts";
import { jsonValue } from "../json-value.ts";
import type { DoorContext } from "./door.ts";
import { preferredWait } from "./prefer.ts";

/** Of a call that is sent nothing but its path. */
export const NO_INPUT: AnyInput = {
  params: {},
  query: null,
  body: null,
  idempotencyKey: null,
  traceparent: null,
  waitMs: 0,
  ifMatch: null,
};

/** What the request sends with the call, as the call's definition has it. */
export async function inputOf(c: DoorContext, definition: CallDefinition): Promise<Result<AnyInput>> {
  const sends = definition.sends ?? [];
  const idempotencyKey = sends.includes("Idempotency-Key") ? keyIn(c.req.header("idempotency-key")) : null;
  if (isProblem(idempotencyKey)) return idempotencyKey;
  const query = definition.query === undefined ? null : queryOf(c, definition.query);
  if (isProblem(query)) return query;
  const body = definition.body === undefined ? null : await bodyOf(c, definition);
  if (isProblem(body)) return body;
  return {
    params: c.req.param() as Record<string, string>,
    query,
    body,
    idempotencyKey,
    traceparent: sends.includes("traceparent") ? traceparentIn(c.req.header("traceparent") ?? "") : null,
    waitMs: sends.includes("Prefer") ? honouredWaitMs(c) : 0,
    ifMatch: sends.includes("If-Match") ? (c.req.header("if-match") ?? null) : null,
  };
}

function keyIn(header: string | undefined): Result<string | null> {
  if (header === undefined) return null;
  const key = Key.safeParse(header);
  return key.success ? key.data : invalid.header("Idempotency-Key", key.error.issues[0]?.message ?? "is not valid");
}

/** The query string as the schema has it. A name given twice is refused: which of them was meant? */
function queryOf(c: DoorContext, schema: z.ZodObject): Result<unknown> {
  const entries = new Map<string, string>();
  for (const [name, value] of new URL(c.req.url).searchParams) {
    if (entries.has(name)) return invalid.request(`The query names ${name} twice.`);
    entries.set(name, value);
  }
  return parsed(schema.safeParse(Object.fromEntries(entries)));
}

async function bodyOf(c: DoorContext, { body, bodyOptional, parse }: CallDefinition): Promise<Result<unknown>> {
  const texts = body === undefined ? null : textMembersOf(REQUESTS[body]);
  const json = await jsonIn(c.req.raw, { optional: bodyOptional === true, texts });
  if (isProblem(json) || body === undefined) return json;
  return parsed(parse === undefined ? REQUESTS[body].safeParse(json) : parse(json));
}

/** What a schema made of a value, or the problem that names each fault. */
export function parsed<T>(result: z.ZodSafeParseResult<T>): Result<T> {
  return result.success ? result.data : invalid.schema(result.error);
}

/** Milliseconds to wait by `Prefer`, and says in the answer that it was honoured. */
function honouredWaitMs(c: DoorContext): number {
  const header = c.req.header("prefer");
  const seconds = header === undefined ? null : preferredWait(header);
  if (seconds === null) return 0;
  c.get("request").headers["preference-applied"] = `wait=${seconds}`;
  return seconds * 1000;
}

/** The body of a request as JSON, within the limits. `optional`: nothing sent is `{}`, whatever the content type. */
async function jsonIn(
  request: Request,
  { optional, texts }: { optional: boolean; texts: TextMembers | null },
): Promise<Result<unknown>> {
  const typed = isJson(request.headers.get("content-type"));
  if (!typed && !optional) return NOT_JSON;
  const text = await readText(request);
  if (isProblem(text)) return text;
  if (optional && text === "") return {};
  if (!typed) return NOT_JSON;
  return jsonValue(text, texts);
}

const NOT_JSON = http.mediaType();

function isJson(contentType: string | null): boolean {
  const type = (contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  return type === "application/json" || /^application\/[a-z0-9.-]+\+json$/.test(type);
}

/** Stops reading at the limit, so that a body without an honest length costs no more than one with. */
async function readText(request: Request): Promise<Result<string>> {
  const length = request.headers.get("content-length");
  if (length !== null && Number(length) > MAX_BODY_BYTES) return tooLarge.body(MAX_BODY_BYTES);
  if (request.body === null) return "";
  // A declared length within the limit is enforced by the HTTP layer below.
  const bytes = await (length === null ? readCapped(request.body) : readWhole(request)).catch(brokenOff);
  if (isProblem(bytes)) return bytes;
  return bytes.length > MAX_BODY_BYTES ? tooLarge.body(MAX_BODY_BYTES) : decode(bytes);
}

/** A body that cannot be read to its end is the sender's doing: it has gone, or what it sent is no HTTP. */
function brokenOff(): Result<Uint8Array> {
  return invalid.request("The body broke off.");
}

async function readWhole(request: Request): Promise<Result<Uint8Array>> {
  return new Uint8Array(await request.arrayBuffer());
}

async function readCapped(body: ReadableStream<Uint8Array>): Promise<Result<Uint8Array>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return tooLarge.body(MAX_BODY_BYTES);
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

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

function decode(bytes: Uint8Array): Result<string> {
  try {
    return utf8.decode(bytes);
  } catch {
    return invalid.body("is not UTF-8");
  }
}
