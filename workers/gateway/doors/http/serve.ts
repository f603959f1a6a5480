import type { ErrorHandler, Handler, MiddlewareHandler, NotFoundHandler } from "hono";
import { toHex } from "../../../../contract/hash.ts";
import { type CallDefinition, costOf } from "../../../../contract/http/call.ts";
import { CALL_LIST, type CallName } from "../../../../contract/http/calls.ts";
import { writeJson } from "../../../../contract/json-text.ts";
import {
  http,
  invalid,
  isProblem,
  notFound,
  type Problem,
  problemHeaders,
  problemView,
  type Result,
} from "../../../../contract/problems.ts";
import { framesOf } from "../../../../domain/fault.ts";
import { bearerToken } from "../../access/auth.ts";
import { rateHeaders } from "../../access/rate-verdict.ts";
import type { Answered, Remarks } from "../../answered.ts";
import { admit, type Entry, type Identity, refusalOf } from "../../api/admission.ts";
import { USE_CASES } from "../../api/calls.ts";
import { carriedOut } from "../../api/carried-out.ts";
import type { AnyInput } from "../../api/use-case.ts";
import type { Context, Visit } from "../../context.ts";
import { log, reasonOf } from "../../log.ts";
import { type Services, servicesOf } from "../../services.ts";
import type { DoorContext, DoorEnv, HttpRequest } from "./door.ts";
import { inputOf, NO_INPUT } from "./input.ts";
import { streamed } from "./streamed-answer.ts";
import { continuedTrace } from "./trace.ts";

/** A use case whose input fits by the definition that it was parsed by. */
type Run = (context: Context | Visit, input: AnyInput) => Promise<Result<Answered<unknown>>>;

/** What ends the host of a URL, or is none of it. */
const NO_HOST = /[\s/?#@\\]/;

/**
 * Refuses a request that names no host, before any route looks at its URL: the runtime puts the header into it as it stands, so that what is no
 * host makes a URL that cannot be parsed, or one with another path than was asked for.
 */
export const requireHost: MiddlewareHandler<DoorEnv> = (c, next) => {
  const host = c.req.header("host");
  // Who calls through a binding may send no such header, and has made a URL before.
  if ((host === undefined || !NO_HOST.test(host)) && URL.canParse(c.req.url)) return next();
  begun(c, null);
  return Promise.resolve(problemAnswer(c, invalid.header("Host", "is one host, with a port or without")));
};

/** The route of a call: who may, with what, and what came of it. */
export function serve(definition: CallDefinition & { id: CallName }): Handler<DoorEnv> {
  const run = USE_CASES[definition.id] as unknown as Run;
  return async (c) => {
    const request = begun(c, definition.path);
    const { services } = request.visit;
    if (isPublic(definition, services)) {
      return told(c, definition, refusalOf(services) ?? (await run(request.visit, publicInput(c))));
    }
    const context = await entered(c, request, { scope: definition.scope, cost: costOf(definition) });
    if (isProblem(context)) return problemAnswer(c, context);
    const input = await inputOf(c, definition);
    const result = isProblem(input) ? input : await carriedOut(definition, run, [context, input]);
    if (definition.bookmark && !isProblem(result)) context.session.touch();
    await setBookmark(c, context);
    return told(c, definition, result);
  };
}

/** Whether the call needs no key. A deployment may choose that its metrics need none. */
function isPublic({ scope }: CallDefinition, { config }: Services): boolean {
  return scope === "public" || (scope === "metrics" && config.metricsPublic);
}

function publicInput(c: DoorContext): AnyInput {
  return { ...NO_INPUT, params: c.req.param() as Record<string, string> };
}

function told(c: DoorContext, definition: CallDefinition, result: Result<Answered<unknown>>): Response {
  return isProblem(result) ? problemAnswer(c, result) : answer(c, definition, result);
}

export async function entered(
  c: DoorContext,
  { visit, headers }: HttpRequest,
  needs: Pick<Entry, "scope" | "cost">,
): Promise<Result<Context>> {
  const { rate, context } = await admit(visit, {
    identity: identityIn(c),
    namespace: c.req.header("dure-namespace"),
    bookmark: c.req.header("dure-bookmark"),
    ...needs,
  });
  if (rate !== null) Object.assign(headers, rateHeaders(rate));
  return context;
}

function identityIn(c: DoorContext): Identity {
  const header = c.req.header("authorization");
  const address = c.req.header("cf-connecting-ip") ?? "local";
  return { type: "token", token: bearerToken(header), sent: header !== undefined, address };
}

/** Every answer that read or wrote jobs carries a bookmark, problems too. */
async function setBookmark(c: DoorContext, { services, session, caller, clock }: Context): Promise<void> {
  if (!session.touched) return;
  const bookmark = await services.bookmarks.write(caller.namespace, session.vector(), clock());
  c.get("request").headers["dure-bookmark"] = bookmark;
}

/** 405 with `Allow` for a path that other methods know, else 404. Under `/v1` only whoever has a key is told which. */
export const onNotFound: NotFoundHandler<DoorEnv> = async (c) => {
  const request = begun(c, null);
  if (/^\/v1(\/|$)/.test(c.req.path)) {
    const context = await entered(c, request, { scope: null, cost: 1 });
    if (isProblem(context)) return problemAnswer(c, context);
  }
  const refusal = refusalOf(request.visit.services);
  if (refusal !== null) return problemAnswer(c, refusal);
  const allowed = allowedMethods(c.req.path);
  return problemAnswer(c, allowed.length === 0 ? notFound.path() : http.method(allowed.join(", ")));
};

const KNOWN_PATHS = CALL_LIST.map(({ method, path }) => ({
  method: method.toUpperCase(),
  pattern: new RegExp(`^${path.replaceAll(".", "\\.").replace(/\{[a-z]+\}/gi, "[^/]+")}$`),
}));

function allowedMethods(path: string): string[] {
  const methods = new Set(KNOWN_PATHS.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method));
  if (methods.has("GET")) methods.add("HEAD");
  return [...methods];
}

/** What every request finds in its context, with what its answer carries whatever becomes of it. */
export function begun(c: DoorContext, route: string | null): HttpRequest {
  const id = crypto.randomUUID();
  const headers: Record<string, string> = {
    "x-request-id": id,
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
  };
  const sent = c.req.header("traceparent");
  const trace = sent === undefined ? null : continuedTrace(sent, newSpanId);
  if (trace !== null) headers.traceparent = trace;
  const request = { id, route, visit: visitOf(c), headers };
  c.set("request", request);
  return request;
}

function visitOf(c: DoorContext): Visit {
  return {
    services: servicesOf(c.env),
    clock: now,
    host: () => new URL(c.req.url).hostname,
    left: () => c.req.raw.signal,
    later: laterIn(c.executionCtx),
  };
}

// A call that waits holds these for as long as it does, and with what stands around them all that is known there: so nothing does.
const now = () => Date.now();
const laterIn = (invocation: DoorContext["executionCtx"]) => (work: Promise<unknown>) => invocation.waitUntil(work);

function newSpanId(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(8)));
}

/**
 * What is thrown is our fault: logged under the request's id, and told without detail. The path is logged as the call's
 * definition has it, because what stands in the braces may be a lease.
 */
export const onError: ErrorHandler<DoorEnv> = (error, c) => {
  const { id, route } = c.get("request");
  log("error", "unexpected", { requestId: id, route, reason: reasonOf(error), at: framesOf(error) });
  return problemAnswer(c, http.failed(id));
};

/** Headers that were set before (rate limits, bookmarks) stand on a problem's answer too. */
export function problemAnswer(c: DoorContext, problem: Problem): Response {
  Object.assign(c.get("request").headers, problemHeaders(problem));
  return response(c, problem.status, JSON.stringify(problemView(problem)));
}

/** Made once: headers that are set on a response that is there cost many times what they cost in a record. */
function response(c: DoorContext, status: number, body: BodyInit | null = null): Response {
  return new Response(body, { status, headers: c.get("request").headers });
}

/** What a use case answered, as the call's definition says it over HTTP. */
function answer(c: DoorContext, definition: CallDefinition, answered: Answered<unknown>): Response {
  const { headers, visit } = c.get("request");
  remark(headers, answered);
  const { view, status, etag, later, over, beat } = answered;
  if (status === 204) return response(c, 204);
  if (etag !== undefined && definition.sends?.includes("If-None-Match") && matches(c, etag)) return response(c, 304);
  const { type } = definition.answers.find((known) => known.status === status) ?? {};
  headers["content-type"] = type ?? "application/json";
  if (later !== undefined)
    return response(c, 200, streamed(later, { otherwise: view, gone: visit.left(), over, beat }));
  return response(c, status, type === undefined ? writeJson(view) : String(view));
}

function remark(headers: HttpRequest["headers"], remarks: Remarks): void {
  const { replayed, deferred, freshness, etag } = remarks;
  if (replayed) headers["dure-replayed"] = "true";
  if (deferred) headers["dure-accepted"] = "deferred";
  if (freshness !== undefined) headers["dure-consistency"] = freshness.level;
  if (freshness?.level === "eventual") headers.age = String(freshness.ageSeconds);
  if (etag !== undefined) headers.etag = etag;
  Object.assign(headers, remarks.headers);
}

/** Whether `If-None-Match` names the entity tag; weak and strong compare alike for GET (RFC 9110 13.1.2). */
function matches(c: DoorContext, etag: string): boolean {
  const header = c.req.header("if-none-match");
  if (header === undefined) return false;
  return header.split(",").some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === etag);
}
