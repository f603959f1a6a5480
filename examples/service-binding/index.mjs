/**
 * A Worker that counts words with Dure. It is bound to Dure's entrypoint (see `wrangler.toml` beside this file), so a call
 * of `env.DURE` is a call of the HTTP API, without HTTP. The queue `texts` is made once, with any admin key:
 *
 *   curl -X PUT $DURE_URL/v1/queues/texts -H "Authorization: Bearer $DURE_KEY" \
 *     -H "Content-Type: application/json" -d '{"target": {"type": "handler", "name": "wordcount"}}'
 *
 *   POST /texts        the text as the body -> 202 and the job's id
 *   GET  /texts/{id}   -> the result; waits for it for 30 s
 */
import { bindingError } from "@dure/client/binding";

/**
 * @typedef {import("@dure/client/binding").DureBinding} DureBinding
 * @typedef {{ DURE: DureBinding }} Env
 */

const QUEUE = "texts";
const WAIT_SECONDS = 30;

export default {
  /**
   * @param {Request} request
   * @param {Env} env
   */
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    const id = /^\/texts\/([^/]+)$/.exec(pathname)?.[1];
    try {
      if (request.method === "POST" && pathname === "/texts") return await submit(request, env.DURE);
      if (request.method === "GET" && id !== undefined) return await result(id, env.DURE);
      return new Response("POST /texts or GET /texts/{id}\n", { status: 404 });
    } catch (error) {
      // What Dure refuses is refused here with the same status and code.
      const { status, code, message } = bindingError(error);
      return Response.json({ code, message }, { status: status === 0 ? 502 : status });
    }
  },
};

/**
 * @param {Request} request
 * @param {DureBinding} dure
 */
async function submit(request, dure) {
  const text = await request.text();
  // A client that sends its request again with the same key gets the same job.
  const idempotencyKey = request.headers.get("idempotency-key");
  const job = await dure.submit({
    queue: QUEUE,
    payload: { text },
    ...(idempotencyKey === null ? {} : { idempotencyKey }),
  });
  return Response.json({ id: job.id, state: job.state }, { status: 202, headers: { location: `/texts/${job.id}` } });
}

/**
 * @param {string} id
 * @param {DureBinding} dure
 */
async function result(id, dure) {
  const job = await dure.wait(id, { timeoutSeconds: WAIT_SECONDS });
  return Response.json({ id: job.id, state: job.state, result: job.result, error: job.error });
}
