/**
 * A shop that hands its orders to Dure through a Queue (see `wrangler.toml` beside this file). It answers as soon as the
 * Queue has the order, whether Dure can be reached or not; Dure makes a job of it within seconds, or a dead letter that
 * says why it could not. The queue `orders` is made once, with any admin key:
 *
 *   curl -X PUT $DURE_URL/v1/queues/orders -H "Authorization: Bearer $DURE_KEY" \
 *     -H "Content-Type: application/json" -d '{"target": {"type": "handler", "name": "noop"}}'
 *
 *   POST /orders   {"number": "2026-1", "item": "rice", "count": 2}, or an array of them
 */

/**
 * @typedef {import("@dure/client").IngestMessage} IngestMessage
 * @typedef {{ number: string, item: string, count: number }} Order
 * @typedef {{ DURE: { send(message: IngestMessage): Promise<unknown> } }} Env
 */

const QUEUE = "orders";

export default {
  /**
   * @param {Request} request
   * @param {Env} env
   */
  async fetch(request, env) {
    if (request.method !== "POST" || new URL(request.url).pathname !== "/orders") {
      return new Response("POST /orders\n", { status: 404 });
    }
    /** @type {Order | Order[]} */
    const body = await request.json();
    await env.DURE.send(
      Array.isArray(body)
        ? { type: "submitBatch", jobs: body.map(jobOf) }
        : { type: "submit", namespace: "default", job: jobOf(body) },
    );
    return Response.json({ taken: true }, { status: 202 });
  },
};

/**
 * An order that is sent twice is one job: its number is the key.
 *
 * @param {Order} order
 */
function jobOf(order) {
  return { queue: QUEUE, payload: order, idempotencyKey: order.number };
}
