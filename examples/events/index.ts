/**
 * A Worker that follows jobs without asking Dure: it consumes a Queue of events (see `wrangler.toml` beside this file), and
 * keeps in KV the last change that it has heard of each job. The subscription is made once, with any admin key:
 *
 *   curl -X PUT $DURE_URL/v1/subscriptions/board -H "Authorization: Bearer $DURE_KEY" \
 *     -H "Content-Type: application/json" -d '{"events": ["job.accepted", "job.started", "job.retrying", "job.succeeded",
 *     "job.failed", "job.cancelled", "job.redriven"], "target": {"type": "queue", "binding": "OUT"}}'
 *
 *   GET /jobs/{id}   -> the job's last event
 */
import type { EventView } from "../../client/index.ts";

interface Env {
  BOARD: KVNamespace;
}

/** KV forgets a job a week after its last change. */
const KEEP_SECONDS = 7 * 86_400;

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const id = /^\/jobs\/([^/]+)$/.exec(new URL(request.url).pathname)?.[1];
    const event = id === undefined ? null : await env.BOARD.get<EventView>(id, "json");
    return event === null ? new Response("GET /jobs/{id}\n", { status: 404 }) : Response.json(event);
  },

  async queue(batch: MessageBatch<EventView>, env: Env): Promise<void> {
    const newest = new Map<string, EventView>();
    for (const { body: event } of batch.messages) {
      if (isNewer(event, newest.get(event.job.id) ?? null)) newest.set(event.job.id, event);
    }
    await Promise.all([...newest.values()].map((event) => note(event, env.BOARD)));
  },
};

/** An event may come twice, and a Queue does not promise the order in which it was filled: the version tells what is newer. */
function isNewer(event: EventView, known: EventView | null): boolean {
  return known === null || event.job.version > known.job.version;
}

async function note(event: EventView, board: KVNamespace): Promise<void> {
  const known = await board.get<EventView>(event.job.id, "json");
  if (isNewer(event, known)) await board.put(event.job.id, JSON.stringify(event), { expirationTtl: KEEP_SECONDS });
}
