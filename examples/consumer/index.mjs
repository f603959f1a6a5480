/**
 * A Worker that runs jobs itself, as the consumer of lane `bulk` (see `wrangler.toml` beside this file). Its queues are
 * made once, with any admin key:
 *
 *   for queue in links digests; do curl -X PUT $DURE_URL/v1/queues/$queue -H "Authorization: Bearer $DURE_KEY" \
 *     -H "Content-Type: application/json" -d '{"target": {"type": "consumer"}, "lane": "bulk"}'; done
 *
 * Jobs for them are submitted as for any queue: `{"queue": "links", "payload": {"url": "https://example.com"}}`.
 */
import { consumer, NonRetryable } from "@dure/client/consumer";

/**
 * Whether a page is there. A server that is in trouble is asked again, after the backoff of the queue.
 *
 * @type {import("@dure/client/consumer").Handler}
 */
const links = async ({ payload }, { signal }) => {
  const url = textOf(payload, "url");
  if (!URL.canParse(url)) throw new NonRetryable("the payload has no url");
  // The signal aborts when the job is cancelled or its time is up.
  const response = await fetch(url, { method: "HEAD", redirect: "manual", signal });
  if (response.status >= 500) throw new Error(`${url} answered ${response.status}`);
  return { url, alive: response.status < 400, status: response.status };
};

/**
 * SHA-256 of a text, in hex.
 *
 * @type {import("@dure/client/consumer").Handler}
 */
const digests = async ({ payload }) => {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(textOf(payload, "text")));
  return { sha256: Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("") };
};

/**
 * A field of a payload, which may be anything.
 *
 * @param {unknown} payload
 * @param {string} field
 * @returns {string}
 */
function textOf(payload, field) {
  const value = Object(payload)[field];
  if (typeof value !== "string") throw new NonRetryable(`the payload has no ${field}`);
  return value;
}

export default consumer({
  handlers: { links, digests },
  name: "example",
  // A third of this is how soon a handler hears that its job was cancelled.
  leaseSeconds: 6,
});
