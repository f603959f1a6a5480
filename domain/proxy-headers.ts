/**
 * Which headers of a request go through the proxy to a service, and which of its answer come back. What belongs to one connection
 * never does (RFC 9110, section 7.6.1), nor does what the platform says to its own callers, or they to it.
 */

/** Of one connection, or of how a message is framed on it: RFC 9110 7.6.1 and 6.6.2, RFC 9112, RFC 9113 8.2.2. Lower case. */
const OF_CONNECTION = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-authentication-info",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "content-length",
  // Of one handshake (RFC 6455, section 11.3). The subprotocol is agreed upon by both ends, and passes where a connection is handed over.
  "sec-websocket-key",
  "sec-websocket-version",
  "sec-websocket-accept",
  "sec-websocket-extensions",
]);

/**
 * Of a request, beside those: the caller's credentials at the platform, where the request was sent to, who it was forwarded by before, which
 * a service would believe, and what is asked of this hop alone. Cookies belong to the host of the platform, which all services share.
 */
const NOT_SENT = new Set([
  "authorization",
  "cookie",
  "cookie2",
  "host",
  "expect",
  "max-forwards",
  // Servers of CGI have it as HTTP_PROXY, which HTTP clients go by.
  "proxy",
  "x-request-id",
  "traceparent",
  "forwarded",
  "x-forwarded",
  "x-real-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-original-url",
  "x-original-host",
  "x-original-forwarded-for",
  "x-rewrite-url",
  "client-ip",
  "true-client-ip",
  "fastly-client-ip",
  "x-azure-clientip",
  "x-appengine-user-ip",
  "forwarded-for",
  "cdn-loop",
]);
/** Servers of CGI and WSGI read `dure_namespace` as they read `dure-namespace`, and some any other character so: nginx drops these too. */
const PLAIN_NAME = /^[a-z0-9-]+$/;
const NOT_SENT_PREFIXES = ["dure-", "webhook-", "x-forwarded-", "x-envoy-", "x-amz-cf-", "cf-"];

/**
 * Of an answer, beside those of a connection: what would speak for the host of the platform, which all services share, and what its own
 * answers say. Which sites' scripts may read from the host (`access-control-`) is one of these.
 */
const NOT_ANSWERED = new Set([
  "set-cookie",
  "set-cookie2",
  "set-login",
  "clear-site-data",
  "strict-transport-security",
  "public-key-pins",
  "expect-ct",
  "accept-ch",
  "critical-ch",
  "timing-allow-origin",
  "origin-agent-cluster",
  "permissions-policy",
  "document-policy",
  "speculation-rules",
  "use-as-dictionary",
  "alt-svc",
  "alt-used",
  "service-worker-allowed",
  "x-request-id",
  "traceparent",
  "ratelimit",
  "ratelimit-policy",
  "nel",
  "report-to",
  "reporting-endpoints",
]);
const NOT_ANSWERED_PREFIXES = ["dure-", "cf-", "access-control-"];

/** The headers that are sent on; their names are in lower case. `upgrade`: what the connection is to be handed over to, or null. */
export function requestHeadersThrough(
  headers: Iterable<[name: string, value: string]>,
  { upgrade }: { upgrade: "websocket" | null } = { upgrade: null },
): [string, string][] {
  const prefixes = upgrade === null ? [...NOT_SENT_PREFIXES, "sec-websocket-"] : NOT_SENT_PREFIXES;
  return through(
    headers,
    (name) => !PLAIN_NAME.test(name) || NOT_SENT.has(name) || prefixes.some((prefix) => name.startsWith(prefix)),
  );
}

/** The headers that come back; their names are in lower case. */
export function answerHeadersThrough(headers: Iterable<[name: string, value: string]>): [string, string][] {
  return through(
    headers,
    (name) => NOT_ANSWERED.has(name) || NOT_ANSWERED_PREFIXES.some((prefix) => name.startsWith(prefix)),
  );
}

/** Without those of the connection, those that its `Connection` names, and those that `isDropped` says. */
function through(headers: Iterable<[string, string]>, isDropped: (name: string) => boolean): [string, string][] {
  const all = [...headers].map(([name, value]): [string, string] => [name.toLowerCase(), value]);
  const named = new Set(
    all
      .filter(([name]) => name === "connection")
      .flatMap(([, value]) => value.split(",").map((option) => option.trim().toLowerCase())),
  );
  return all.filter(([name]) => !OF_CONNECTION.has(name) && !named.has(name) && !isDropped(name));
}

/** Methods that may be sent twice without being carried out twice (RFC 9110, section 9.2.2). */
const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** Whether a request may be sent again whose outcome is not known: its method says so, or its `Idempotency-Key`. */
export function maySendTwice(method: string, idempotencyKey: string | null): boolean {
  return IDEMPOTENT.has(method) || (idempotencyKey !== null && idempotencyKey !== "");
}

/** The protocol that a request asks the connection to be handed over to; null where it asks for none, or for none that is passed on. */
export function upgradeOf(header: string | null): "websocket" | null {
  return header?.trim().toLowerCase() === "websocket" ? "websocket" : null;
}
