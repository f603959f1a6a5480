import type { z } from "zod";
import { REQUESTS } from "../../../../contract/components.ts";
import type { CallDefinition } from "../../../../contract/http/call.ts";
import { Key } from "../../../../contract/primitives.ts";
import { invalid, isProblem, type Result } from "../../../../contract/problems.ts";
import type { AnyInput } from "../../api/use-case.ts";
import type { DoorContext } from "./door.ts";
import { preferredWait } from "./prefer.ts";
import { readJson } from "./request-body.ts";

/** Of a call that is sent nothing but its path. */
export const NO_INPUT: AnyInput = {
  params: {},
  query: null,
  body: null,
  idempotencyKey: null,
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
    waitMs: sends.includes("Prefer") ? honouredWaitMs(c) : 0,
    ifMatch: sends.includes("If-Match") ? (c.req.header("if-match") ?? null) : null,
  };
}

function keyIn(header: string | undefined): Result<string | null> {
  return header === undefined ? null : parsed(Key.safeParse(header));
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
  const json = await readJson(c.req.raw, { optional: bodyOptional === true });
  if (isProblem(json) || body === undefined) return json;
  return parsed(parse === undefined ? REQUESTS[body].safeParse(json) : parse(json));
}

/** What a schema made of a value, or the problem that names each fault. */
export function parsed<T>(result: z.ZodSafeParseResult<T>): Result<T> {
  return result.success ? result.data : invalid.schema(result.error);
}

/** Milliseconds to wait by `Prefer`, and says in the answer that it was honoured. */
function honouredWaitMs(c: DoorContext): number {
  const seconds = preferredWait(c.req.header("prefer"));
  if (seconds === null) return 0;
  c.header("preference-applied", `wait=${seconds}`);
  return seconds * 1000;
}
