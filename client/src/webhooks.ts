/**
 * For who receives what Dure sends over HTTP: events of subscriptions, and jobs of queues whose target is a URL. Both are
 * signed as Standard Webhooks 1.0 says (https://www.standardwebhooks.com).
 */
import type { LifecycleEvent } from "./generated/types.ts";

export type * from "./generated/types.ts";

const DEFAULT_TOLERANCE_SECONDS = 300;
const PREFIX = "whsec_";
const VERSION = "v1,";

/** A request as the Fetch API has it: in Workers, Deno, Bun, and what runs on Node in the same way. */
interface FetchRequest {
  readonly headers: { get(name: string): string | null };
  readonly bodyUsed?: boolean;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/**
 * A request as Node's `http` and what stands on it have it; how header names are written does not matter. `body` is what was
 * received, byte for byte, and not what was parsed: in Express `express.raw({ type: "application/json" })` keeps it so.
 */
interface NodeRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string | Uint8Array;
}

/** A request to verify: a `Request`, or headers and the body as it was received. */
export type WebhookRequest = FetchRequest | NodeRequest;

/** How strictly a webhook is verified. */
export interface VerifyOptions {
  /** How many seconds the request may be older, or newer, than this clock. Default 300. */
  toleranceSeconds?: number;
  /** The time, in epoch milliseconds, for tests. Left out: now. */
  now?: number;
}

/** A request that Dure did not send, or not now, or not with JSON: it is to be answered with 400 or 401, and nothing is to be done. */
export class WebhookVerificationError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "WebhookVerificationError";
  }
}

/**
 * Makes sure that a request was sent by Dure a moment ago and is unchanged, and gives its body: an event of a job, with `T` that
 * of a schedule (`ScheduleEvent`) or the payload of a job. Throws a `WebhookVerificationError` otherwise, and a `TypeError` where the caller gave no secret, or no body as it was
 * received. A `Request` is read by it.
 *
 * ```ts
 * const event = await verifyWebhook(request, process.env.DURE_WEBHOOK_SECRET);
 * ```
 *
 * `secret` is what `GET /v1/webhook-secret` answers as `current` (`whsec_…`). Several may be given, so that a receiver can be
 * told of a new one before or after it is rotated. A delivery may come twice: the header `webhook-id` is the same then.
 */
export async function verifyWebhook<T = LifecycleEvent>(
  request: WebhookRequest,
  secret: string | readonly string[],
  options: VerifyOptions = {},
): Promise<T> {
  const keys = await keysOf(secret);
  const id = headerOf(request, "webhook-id");
  const timestamp = headerOf(request, "webhook-timestamp");
  checkTime(timestamp, options);
  const signatures = headerOf(request, "webhook-signature")
    .split(" ")
    .filter((text) => text.startsWith(VERSION))
    .map((text) => bytesOf(text.slice(VERSION.length)))
    .filter((bytes) => bytes !== null);
  const body = await bodyOf(request);
  const signed = concatenated(new TextEncoder().encode(`${id}.${timestamp}.`), body);
  // Compares in constant time.
  for (const key of keys)
    for (const signature of signatures)
      if (await crypto.subtle.verify("HMAC", key, signature, signed)) return parse<T>(body);
  throw new WebhookVerificationError("no signature of the request fits the secret");
}

function headerOf({ headers }: WebhookRequest, name: string): string {
  if (typeof headers !== "object" || headers === null) throw new TypeError("the request to verify has no headers");
  const values = typeof headers.get === "function" ? [headers.get(name)] : valuesOf(headers, name);
  const [value, ...others] = values.filter((text) => typeof text === "string" && text !== "");
  if (typeof value !== "string") throw new WebhookVerificationError(`the request has no header ${name}`);
  if (others.length > 0) throw new WebhookVerificationError(`the request has more than one header ${name}`);
  return value;
}

/** Of a header in a plain object, whose names may be written in any way, and whose values may stand in lists. */
function valuesOf(headers: object, name: string): unknown[] {
  return Object.entries(headers).flatMap(([key, value]) => (key.toLowerCase() === name ? value : []));
}

function checkTime(timestamp: string, { now = Date.now(), toleranceSeconds }: VerifyOptions): void {
  const tolerance = toleranceSeconds ?? DEFAULT_TOLERANCE_SECONDS;
  if (!/^\d{1,12}$/.test(timestamp)) throw new WebhookVerificationError("webhook-timestamp is no time");
  const age = now / 1000 - Number(timestamp);
  if (Math.abs(age) > tolerance)
    throw new WebhookVerificationError(
      `the request was sent ${Math.round(Math.abs(age))} s ${age > 0 ? "ago" : "from now"}: more than ${tolerance} s`,
    );
}

async function keysOf(secret: string | readonly string[]): Promise<CryptoKey[]> {
  const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret];
  if (secrets.length === 0 || !secrets.every((one) => typeof one === "string"))
    throw new TypeError(
      `no webhook secret was given: it is a text that begins with ${PREFIX}, or a list of such texts`,
    );
  return Promise.all(secrets.map(keyOf));
}

async function keyOf(secret: string): Promise<CryptoKey> {
  const bytes = bytesOf(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret);
  if (bytes === null || bytes.length === 0) throw new TypeError(`a webhook secret is ${PREFIX} and base64`);
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
}

/** What base64 stands for; null for what is none. */
function bytesOf(base64: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}

async function bodyOf(request: WebhookRequest): Promise<Uint8Array> {
  if ("arrayBuffer" in request) {
    if (request.bodyUsed === true) throw new TypeError("the request's body was read before it could be verified");
    return new Uint8Array(await request.arrayBuffer());
  }
  const { body } = request;
  if (typeof body === "string") return new TextEncoder().encode(body);
  if (body instanceof Uint8Array) return body;
  throw new TypeError(
    "the body to verify is a text or bytes as they were received, not what a parser made of them: express.json() has to give way to express.raw()",
  );
}

function concatenated(head: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}

function parse<T>(body: Uint8Array): T {
  try {
    return JSON.parse(new TextDecoder().decode(body)) as T;
  } catch {
    throw new WebhookVerificationError("the request is rightly signed, but its body is no JSON");
  }
}
