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

/**
 * @typedef {import("@dure/client").LifecycleEvent} LifecycleEvent
 * @typedef {{ BOARD: KVNamespace }} Env
 */

/** KV forgets a job a week after its last change. */
const KEEP_SECONDS = 7 * 86_400;

export default {
  /**
   * @param {Request} request
   * @param {Env} env
   */
  async fetch(request, env) {
    const id = /^\/jobs\/([^/]+)$/.exec(new URL(request.url).pathname)?.[1];
    const event = id === undefined ? null : await env.BOARD.get(id, "json");
    return event === null ? new Response("GET /jobs/{id}\n", { status: 404 }) : Response.json(event);
  },

  /**
   * @param {MessageBatch<LifecycleEvent>} batch
   * @param {Env} env
   */
  async queue(batch, env) {
    /** @type {Map<string, LifecycleEvent>} */
    const newest = new Map();
    for (const { body: event } of batch.messages) {
      if (isNewer(event, newest.get(event.job.id) ?? null)) newest.set(event.job.id, event);
    }
    await Promise.all([...newest.values()].map((event) => note(event, env.BOARD)));
  },
};

/**
 * An event may come twice, and a Queue does not promise the order in which it was filled: the version tells what is newer.
 *
 * @param {LifecycleEvent} event
 * @param {LifecycleEvent | null} known
 */
function isNewer(event, known) {
  return known === null || event.job.version > known.job.version;
}

/**
 * @param {LifecycleEvent} event
 * @param {KVNamespace} board
 */
async function note(event, board) {
  /** @type {LifecycleEvent | null} */
  const known = await board.get(event.job.id, "json");
  if (isNewer(event, known)) await board.put(event.job.id, JSON.stringify(event), { expirationTtl: KEEP_SECONDS });
}
