/**
 * Headers that a target cannot set: Dure's own, those by which a connection is run, and those by which proxies tell who a
 * request comes from. A receiver that believes one of the last kind would believe whoever wrote the target.
 */

/** Lower case. */
const NAMES = new Set([
  // Dure's own, beside the prefixes.
  "idempotency-key",
  "traceparent",
  "tracestate",
  // How the message is framed, which depends on what Dure sends.
  "host",
  "content-type",
  "content-length",
  "content-encoding",
  "expect",
  // Of one connection (RFC 9110 section 7.6.1, RFC 9113 section 8.2.2).
  "connection",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  // Who forwards for whom (RFC 7239, RFC 9110 section 7.6.3, RFC 8586, and what is used beside them).
  "forwarded",
  "via",
  "x-forwarded",
  "x-real-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "true-client-ip",
  "forwarded-for",
  "x-original-forwarded-for",
  "x-original-url",
  "x-original-host",
  "x-rewrite-url",
  "fastly-client-ip",
  "x-azure-clientip",
  "x-appengine-user-ip",
  "cdn-loop",
]);

/** `cf-` is of Cloudflare, which says by it which Worker sends (`cf-worker`). */
const PREFIXES = ["dure-", "webhook-", "proxy-", "x-forwarded-", "x-envoy-", "x-amz-cf-", "cf-"];

/** Whether a target cannot set the header, in whatever case its name is. */
export function isReservedHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return NAMES.has(lower) || PREFIXES.some((prefix) => lower.startsWith(prefix));
}

/** A target's headers without reserved ones, which a target may still have that was stored before they were reserved. */
export function withoutReserved(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !isReservedHeader(name)));
}
