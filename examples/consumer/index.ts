/**
 * A Worker that runs jobs itself, as the consumer of lane `bulk` (see `wrangler.toml` beside this file). Its queues are
 * made once, with any admin key:
 *
 *   for queue in links digests; do curl -X PUT $DURE_URL/v1/queues/$queue -H "Authorization: Bearer $DURE_KEY" \
 *     -H "Content-Type: application/json" -d '{"target": {"type": "consumer"}, "lane": "bulk"}'; done
 *
 * Jobs for them are submitted as for any queue: `{"queue": "links", "payload": {"url": "https://example.com"}}`.
 */
import type { DureBinding } from "../../client/binding.ts";
import { consumer, type Handler, NonRetryable } from "../../client/index.ts";

interface Env {
  DURE: DureBinding;
}

/** Whether a page is there. A server that is in trouble is asked again, after the backoff of the queue. */
const links: Handler = async ({ payload }, { signal }) => {
  const { url } = (payload ?? {}) as { url?: unknown };
  if (typeof url !== "string" || !URL.canParse(url)) throw new NonRetryable("the payload has no url");
  // The signal aborts when the job is cancelled or its time is up.
  const response = await fetch(url, { method: "HEAD", redirect: "manual", signal });
  if (response.status >= 500) throw new Error(`${url} answered ${response.status}`);
  return { url, alive: response.status < 400, status: response.status };
};

/** SHA-256 of a text, in hex. */
const digests: Handler = async ({ payload }) => {
  const { text } = (payload ?? {}) as { text?: unknown };
  if (typeof text !== "string") throw new NonRetryable("the payload has no text");
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return { sha256: Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("") };
};

export default consumer<Env>({
  handlers: { links, digests },
  name: "example",
  // A third of this is how soon a handler hears that its job was cancelled.
  leaseSeconds: 6,
});
