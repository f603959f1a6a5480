import { z } from "zod";
import { MAX_HEADER_NAME_BYTES, MAX_HEADER_VALUE_BYTES, MAX_TARGET_HEADERS, MAX_URL_BYTES } from "./limits.ts";
import { Name } from "./primitives.ts";

/** Where the jobs of a queue run. */

/** Headers that Dure or the connection sets itself; a target may not replace them. Lower case. */
const RESERVED_HEADERS = new Set([
  "idempotency-key",
  "traceparent",
  "tracestate",
  "content-type",
  "content-length",
  "content-encoding",
  "host",
  "connection",
  "keep-alive",
  "transfer-encoding",
  "te",
  "trailer",
  "upgrade",
  "expect",
]);
const RESERVED_PREFIXES = ["dure-", "webhook-", "proxy-", "cf-"];

/** RFC 9110 `token`. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** RFC 9110 field content: no control characters but tab, and nothing that is not one byte. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

function isReserved(name: string): boolean {
  const lower = name.toLowerCase();
  return RESERVED_HEADERS.has(lower) || RESERVED_PREFIXES.some((prefix) => lower.startsWith(prefix));
}

/** What is wrong with `value` as a header map, or null. */
function headersFault(value: unknown): string | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "must be an object of strings";
  const entries = Object.entries(value);
  if (entries.length > MAX_TARGET_HEADERS) return `must have at most ${MAX_TARGET_HEADERS} headers`;
  const seen = new Set<string>();
  for (const [name, content] of entries) {
    if (name.length > MAX_HEADER_NAME_BYTES || !TOKEN.test(name) || name === "__proto__")
      return "has a name that is not an HTTP token";
    if (isReserved(name)) return `may not set ${name}`;
    if (seen.has(name.toLowerCase())) return `has ${name} twice`;
    seen.add(name.toLowerCase());
    if (typeof content !== "string") return `must have a string for ${name}`;
    if (content.length > MAX_HEADER_VALUE_BYTES || !FIELD_VALUE.test(content))
      return `has a value for ${name} that cannot be sent`;
  }
  return null;
}

/** Not `z.record`, which drops a `__proto__` key in silence where it has to be refused. */
const TargetHeaders = z
  .custom<Record<string, string>>((value) => headersFault(value) === null, {
    error: (issue) => headersFault(issue.input) ?? "not valid",
  })
  .meta({ type: "object", additionalProperties: { type: "string" }, maxProperties: MAX_TARGET_HEADERS });

const HttpUrl = z
  .string()
  .max(MAX_URL_BYTES)
  .refine((text) => /^https?:\/\//i.test(text) && URL.canParse(text), { error: "must be an http or https URL" })
  .meta({ format: "uri" });

/** Whether the destination is allowed is for the gateway, and again for the processor at each send. */
export const HttpTargetBody = z.strictObject({
  type: z.literal("http"),
  url: HttpUrl,
  headers: TargetHeaders.default({}),
});

export const TargetBody = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("pull") }),
  /** A Worker of the user's own, which consumes the Queue of the queue's lane. */
  z.strictObject({ type: z.literal("consumer") }),
  /** Any name is well-formed; whether the handler exists is for the gateway. */
  z.strictObject({ type: z.literal("handler"), name: Name }),
  HttpTargetBody,
]);
/** As parsed: `headers` is filled in. Assignable to `Target` of `domain/queue.ts`. */
export type TargetBody = z.output<typeof TargetBody>;

export const HttpTargetView = z.strictObject({
  type: z.literal("http"),
  url: z.string(),
  headers: z.record(z.string(), z.string()),
});

export const TargetView = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("pull") }),
  z.strictObject({ type: z.literal("consumer") }),
  z.strictObject({ type: z.literal("handler"), name: z.string() }),
  HttpTargetView,
]);
export type TargetView = z.infer<typeof TargetView>;
