import type { Answer, Meta } from "../../../../contract/binding.ts";
import { REQUESTS } from "../../../../contract/components.ts";
import { type CallDefinition, costOf } from "../../../../contract/http/call.ts";
import { CALLS, type CallName } from "../../../../contract/http/calls.ts";
import { asValues } from "../../../../contract/json-values.ts";
import { Key } from "../../../../contract/primitives.ts";
import { invalid, isProblem, type Result } from "../../../../contract/problems.ts";
import { textMembersOf } from "../../../../contract/text-members.ts";
import { traceparentIn } from "../../../../domain/trace.ts";
import type { Answered } from "../../answered.ts";
import { admit, type Identity } from "../../api/admission.ts";
import { USE_CASES } from "../../api/calls.ts";
import { carriedOut } from "../../api/carried-out.ts";
import type { AnyInput } from "../../api/use-case.ts";
import type { Context, Visit } from "../../context.ts";
import { plainJson } from "../plain-json.ts";

/** What a method of the binding says with its call. */
export interface MethodCall {
  params?: Record<string, unknown>;
  query?: Record<string, unknown>;
  body?: unknown;
  idempotencyKey?: string | undefined;
  traceparent?: string | undefined;
  waitSeconds?: number;
  /** The version that the change is meant for, where the call takes one. */
  ifVersion?: number | undefined;
}

/** A call of the API that came over RPC: the same checks and the same use case as over HTTP. */
export async function perform<View>(
  visit: Visit,
  name: CallName,
  sent: MethodCall & { identity: Identity; bookmark: string | undefined },
): Promise<Result<Answer<View>>> {
  const definition: CallDefinition & { id: CallName } = { ...(CALLS[name] as CallDefinition), id: name };
  const { context } = await admit(visit, { ...sent, scope: definition.scope, cost: costOf(definition) });
  if (isProblem(context)) return context;
  const input = inputOf(definition, sent);
  if (isProblem(input)) return input;
  const run = USE_CASES[name] as unknown as (context: Context, input: AnyInput) => Promise<Result<Answered<object>>>;
  const answered = (await carriedOut(definition, run, [context, input])) as Result<Answered<object>>;
  if (isProblem(answered)) return answered;
  if (definition.bookmark) context.session.touch();
  // The runtime ends a call whose caller has gone, and the calls that it makes with it; nobody is told.
  const later = await answered.later?.(null).finally(answered.over);
  const view = later === undefined || isProblem(later) ? answered.view : later;
  return { ...(asValues(view) as View), meta: await metaOf(context, answered) };
}

function inputOf(definition: CallDefinition, sent: MethodCall): Result<AnyInput> {
  const { params = {}, waitSeconds = 0 } = sent;
  const idempotencyKey = sent.idempotencyKey === undefined ? null : parsed(Key.safeParse(sent.idempotencyKey));
  if (isProblem(idempotencyKey)) return idempotencyKey;
  const query = definition.query === undefined ? null : parsed(definition.query.safeParse(sent.query ?? {}));
  if (isProblem(query)) return query;
  const body = bodyOf(definition, sent.body);
  if (isProblem(body)) return body;
  return {
    // A name that is no text is no job's, queue's or lease's name, and is refused as such.
    params: Object.fromEntries(
      Object.entries(params).map(([key, value]) => [key, typeof value === "string" ? value : ""]),
    ),
    query,
    body,
    idempotencyKey,
    traceparent: traceparentIn(sent.traceparent ?? ""),
    waitMs: Math.ceil(waitSeconds) * 1000,
    ifMatch: sent.ifVersion === undefined ? null : `"${sent.ifVersion}"`,
  };
}

function bodyOf({ body, parse }: CallDefinition, sent: unknown): Result<unknown> {
  if (body === undefined) return null;
  const json = plainJson(sent ?? {}, textMembersOf(REQUESTS[body]));
  if (isProblem(json)) return json;
  return parsed(parse === undefined ? REQUESTS[body].safeParse(json) : parse(json));
}

function parsed<T>(
  result: { success: true; data: T } | { success: false; error: Parameters<typeof invalid.schema>[0] },
) {
  return result.success ? result.data : invalid.schema(result.error);
}

/** What HTTP says of an answer in headers. What does not apply is left out. */
async function metaOf({ services, session, caller, clock }: Context, answered: Answered<object>): Promise<Meta> {
  const { freshness, replayed, deferred } = answered;
  return {
    ...(session.touched
      ? { bookmark: await services.bookmarks.write(caller.namespace, session.vector(), clock()) }
      : {}),
    ...(freshness === undefined ? {} : { consistency: freshness.level }),
    ...(freshness?.level === "eventual" ? { ageSeconds: freshness.ageSeconds } : {}),
    ...(replayed ? { replayed } : {}),
    ...(deferred ? { deferred } : {}),
  };
}
