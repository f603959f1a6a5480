import type { Handler } from "hono";
import { PROXY, PROXY_METHODS } from "../../../../contract/http/proxy.ts";
import { Key, Name, utf8Bytes } from "../../../../contract/primitives.ts";
import { http, invalid, isProblem, notFound, type Result, serviceProblem } from "../../../../contract/problems.ts";
import { formatBytes } from "../../../../contract/sentence.ts";
import { formatTimestamp, parseTimestamp } from "../../../../contract/time.ts";
import { answerHeadersThrough, requestHeadersThrough, upgradeOf } from "../../../../domain/proxy-headers.ts";
import { leadsUpwards } from "../../../../domain/service/address.ts";
import { alsoRefusing } from "../../../../domain/target-url.ts";
import type { Context } from "../../context.ts";
import { type Proxied, type ProxyCall, proxy } from "../../proxy/proxy.ts";
import { takeBody } from "../../proxy/request-body.ts";
import { whenAborted } from "../../proxy/when-aborted.ts";
import type { DoorContext, DoorEnv } from "./door.ts";
import { begun, entered, problemAnswer } from "./serve.ts";

/** The path with the name of the service, and what follows `proxy`. */
const PATH = /^\/v1\/services\/([^/]+)\/proxy(\/.*)?$/;
const METHODS = new Set<string>(PROXY_METHODS.map((method) => method.toUpperCase()));
const ALLOW = [...METHODS].join(", ");

/** The most that the head of an answer may have: servers and clients commonly take less. */
const MAX_HEAD_BYTES = 64 * 1024;

/** How proxies name themselves to each other (RFC 9110, 7.6.3). */
const VIA = "1.1 dure";

/** The route of the proxy: whoever may is passed on to an instance of the service, and hears what it answers. */
export const serveProxy: Handler<DoorEnv> = async (c) => {
  const request = begun(c, PROXY.path);
  const context = await entered(c, request, { scope: PROXY.scope, cost: 1 });
  if (isProblem(context)) return problemAnswer(c, context);
  const call = callOf(c, context);
  if (isProblem(call)) return problemAnswer(c, call);
  const ports = context.services.proxied();
  const proxied = await proxy(call, { ...ports, targets: alsoRefusing(ports.targets, context.host()) });
  return isProblem(proxied) ? problemAnswer(c, proxied) : passedOn(c, context, proxied);
};

function callOf(c: DoorContext, context: Context): Result<ProxyCall> {
  const { method } = c.req;
  if (!METHODS.has(method)) return http.method(ALLOW);
  const { pathname, search } = new URL(c.req.url);
  const named = c.req.param("service") ?? "";
  const [, service = null, rest = ""] = PATH.exec(pathname) ?? [];
  // A path that leads elsewhere once its dots are followed, or that hides the word, names nothing that could be asked.
  if (!Name.safeParse(named).success) return notFound.service(named);
  if (service !== named || leadsUpwards(c.req.url)) return serviceProblem.path();
  const key = keyIn(c.req.header("dure-ordering-key"));
  if (isProblem(key)) return key;
  const deadline = deadlineIn(c.req.header("dure-deadline"));
  if (isProblem(deadline)) return deadline;
  const headers = headersOf(c, context, service);
  if (isBodySwallowed(c.req.raw)) return serviceProblem.bodyOfGet(method);
  return {
    namespace: context.caller.namespace,
    service,
    headBytes: headBytesOf(rest + search, headers),
    deadline,
    left: context.left(),
    later: (work) => context.later(work),
    request: async (taking) => {
      const body = await takeBody(c.req.raw, taking);
      if (isProblem(body)) return body;
      const idempotencyKey = c.req.header("idempotency-key") ?? null;
      return { method, rest: rest + search, headers, body, idempotencyKey, key };
    },
  };
}

/** What the head that is sent on has in all, apart from the path of the instance's URL and what the runtime adds. */
function headBytesOf(target: string, headers: readonly [string, string][]): number {
  const separators = ": \r\n".length;
  const all = [...headers, ["dure-deadline", SOME_TIME]];
  // As the runtime sends them: a character that is not ASCII takes up to four bytes.
  return utf8Bytes(target + all.flat().join("")) + all.length * separators;
}

/** Any time has as many characters. */
const SOME_TIME = formatTimestamp(0);

/** Whether it states a body of a method with which the runtime sends none. Of one in chunks it is seen when it comes. */
function isBodySwallowed({ method, headers }: Request): boolean {
  return (method === "GET" || method === "HEAD") && Number(headers.get("content-length") ?? 0) > 0;
}

function keyIn(header: string | undefined): Result<string | null> {
  if (header === undefined) return null;
  const key = Key.safeParse(header);
  return key.success ? key.data : invalid.header("Dure-Ordering-Key", key.error.issues[0]?.message ?? "is not valid");
}

function deadlineIn(header: string | undefined): Result<number | null> {
  if (header === undefined) return null;
  return parseTimestamp(header) ?? invalid.header("Dure-Deadline", "is a time as RFC 3339 has it");
}

/** What is sent on: the caller's headers, and who passes on what for whom. */
function headersOf(c: DoorContext, { caller }: Context, service: string): [string, string][] {
  const { id, headers } = c.get("request");
  const { protocol, host } = new URL(c.req.url);
  const via = c.req.header("via");
  const address = c.req.header("cf-connecting-ip");
  // The runtime sends a request that has this header as GET, whatever its method.
  const upgrade = c.req.method === "GET" ? upgradeOf(c.req.header("upgrade") ?? null) : null;
  return [
    ...requestHeadersThrough(c.req.raw.headers, { upgrade }).filter(([name]) => name !== "via"),
    ["via", via === undefined ? VIA : `${via}, ${VIA}`],
    ["x-forwarded-proto", protocol.slice(0, -1)],
    ["x-forwarded-host", host],
    ...pair("x-forwarded-for", address),
    ["x-request-id", requestIdIn(c.req.header("x-request-id")) ?? id],
    ["dure-request-id", id],
    ["dure-namespace", caller.namespace],
    ["dure-service", service],
    ...pair("traceparent", headers.traceparent),
    ...pair("upgrade", upgrade ?? undefined),
  ];
}

function pair(name: string, value: string | undefined): [string, string][] {
  return value === undefined ? [] : [[name, value]];
}

/** The caller's own name of the request, where it fits into a log. */
function requestIdIn(header: string | undefined): string | null {
  return header !== undefined && /^[\x21-\x7e]{1,128}$/.test(header) ? header : null;
}

/** The instance's answer as it comes. It has ended when all of it was read, when the client has gone, or at the deadline. */
function passedOn(c: DoorContext, { later }: Context, { response, signal, attempts, end }: Proxied): Response {
  const { status, webSocket, body } = response;
  const headers = answerHeaders(c, response, attempts);
  const fault = faultOf(response, headers);
  if (fault !== null) {
    end();
    later(cancelled(response));
    return problemAnswer(c, serviceProblem.answer(fault));
  }
  if (webSocket !== null && webSocket !== undefined) {
    end();
    return new Response(null, { status, webSocket, headers });
  }
  if (body === null || c.req.method === "HEAD" || BODILESS.has(status)) {
    end();
    // The length of what a GET would have. That of any other answer the runtime says by itself.
    const stated = c.req.method === "HEAD" && status !== 204 ? statedLengthOf(response) : null;
    if (stated !== null) headers.set("content-length", stated);
    later(cancelled(response));
    return new Response(null, { status, headers });
  }
  whenAborted(signal, end);
  const length = lengthOf(response);
  const { readable, writable } = length === null ? new IdentityTransformStream() : new FixedLengthStream(length);
  // What breaks off here breaks off for the client too, which has no other way to hear of it.
  later(
    body
      .pipeTo(writable, { signal })
      .catch(() => undefined)
      .finally(end),
  );
  return new Response(readable, { status, headers });
}

const BODILESS = new Set([204, 205, 304]);

/** Why an answer cannot be passed on, as a clause; null where it can. */
function faultOf({ status, webSocket }: Response, headers: Headers): string | null {
  const isHandedOver = status === 101 && webSocket !== null && webSocket !== undefined;
  if (!isHandedOver && (status < 200 || status > 599)) return `its status was ${status}`;
  const bytes = utf8Bytes([...headers].flat().join(""));
  return bytes > MAX_HEAD_BYTES ? `its headers were larger than ${formatBytes(MAX_HEAD_BYTES)}` : null;
}

/** How long an answer is, that is passed on with its length; null where nobody can tell. What is compressed on the way has another. */
function lengthOf(response: Response): number | null {
  const stated = response.headers.has("content-encoding") ? null : statedLengthOf(response);
  const length = stated === null ? Number.NaN : Number(stated);
  return Number.isSafeInteger(length) ? length : null;
}

/** The length that an answer states, as it states it; null where it states none that counts. */
function statedLengthOf({ headers }: Response): string | null {
  const stated = headers.get("content-length");
  // Chunks say by themselves how long it is, whatever the length says (RFC 9112, section 6.3).
  return stated !== null && /^\d+$/.test(stated) && !headers.has("transfer-encoding") ? stated : null;
}

/** An unread body would hold its connection. */
async function cancelled({ body }: Response): Promise<void> {
  await body?.cancel().catch(() => undefined);
}

/** Those of the instance, and over them what every answer of the platform has. */
function answerHeaders(c: DoorContext, response: Response, attempts: number): Headers {
  const own = c.get("request").headers;
  const headers = new Headers();
  for (const [name, value] of Object.entries(own)) headers.set(name, value);
  if (response.headers.has("cache-control")) headers.delete("cache-control");
  for (const [name, value] of answerHeadersThrough(response.headers)) headers.append(name, value);
  headers.append("via", VIA);
  headers.set("dure-attempts", String(attempts));
  return headers;
}
