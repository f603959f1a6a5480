/**
 * A Worker that runs jobs without claiming any: Dure's processor calls its method `process` for those of one queue, and puts those of
 * another into its Queue (see `wrangler.toml` beside this file). The queues are made once, with any admin key:
 *
 *   curl -X PUT $DURE_URL/v1/queues/mails -H "Authorization: Bearer $DURE_KEY" \
 *     -H "Content-Type: application/json" -d '{"target": {"type": "worker", "binding": "MAILER"}}'
 *   curl -X PUT $DURE_URL/v1/queues/orders -H "Authorization: Bearer $DURE_KEY" \
 *     -H "Content-Type: application/json" -d '{"target": {"type": "queue", "binding": "ORDERS"}}'
 *
 *   GET /mails/{id}, GET /orders/{id}   -> what came of the job of that id
 */

import { WorkerEntrypoint } from "cloudflare:workers";
import { NonRetryable } from "@dure/client";

/**
 * @typedef {import("@dure/client").TargetJob} TargetJob
 * @typedef {import("@dure/client").TargetFailure} TargetFailure
 * @typedef {import("@dure/client").QueuedJob} QueuedJob
 * @typedef {{ BOARD: KVNamespace }} Env
 */

/** What is kept here is forgotten after a day. */
const KEEP_SECONDS = 86_400;

/** @extends {WorkerEntrypoint<Env>} */
export class Mailer extends WorkerEntrypoint {
  /**
   * What it returns is the job's result; what it throws fails the attempt, and the job is tried again. A job may come more than once: its
   * id says that it is the same.
   *
   * @param {TargetJob} job
   * @returns {Promise<{ sentTo: string } | { "dure-failure": TargetFailure }>}
   */
  async process(job) {
    const to = addressIn(job.payload);
    // No attempt mends this one, so it says so in place of throwing.
    if (to === null) return failure({ code: "no-address", message: "the payload has no address", retryable: false });
    const tries = Number((await this.env.BOARD.get(`tries/${job.id}`)) ?? 0) + 1;
    await this.env.BOARD.put(`tries/${job.id}`, String(tries), { expirationTtl: KEEP_SECONDS });
    // A mail server that is busy at first, as some are: it says when to come again.
    if (to.endsWith("@busy.test") && tries === 1) {
      return failure({ code: "mail-server-busy", message: "451 try again later", retryAfter: 0.2 });
    }
    if (to.endsWith("@gone.test")) throw new NonRetryable("550 no such mailbox", { code: "no-mailbox" });
    if (to.endsWith("@broken.test")) throw new Error("the mail server hung up");
    await this.env.BOARD.put(`mails/${job.id}`, JSON.stringify({ to, job }), { expirationTtl: KEEP_SECONDS });
    return { sentTo: to };
  }
}

export default {
  /**
   * @param {Request} request
   * @param {Env} env
   */
  async fetch(request, env) {
    const key = /^\/((?:mails|orders)\/[^/]+)$/.exec(new URL(request.url).pathname)?.[1];
    const kept = key === undefined ? null : await env.BOARD.get(key);
    return new Response(kept ?? "GET /mails/{id} or /orders/{id}\n", { status: kept === null ? 404 : 200 });
  },

  /**
   * A message is the text of a job, and may come twice.
   *
   * @param {MessageBatch<string>} batch
   * @param {Env} env
   */
  async queue(batch, env) {
    await Promise.all(
      batch.messages.map((message) => {
        /** @type {QueuedJob} */
        const job = JSON.parse(message.body);
        return env.BOARD.put(`orders/${job.id}`, message.body, { expirationTtl: KEEP_SECONDS });
      }),
    );
  },
};

/**
 * @param {TargetFailure} said
 * @returns {{ "dure-failure": TargetFailure }}
 */
function failure(said) {
  return { "dure-failure": said };
}

/**
 * @param {unknown} payload
 * @returns {string | null}
 */
function addressIn(payload) {
  if (typeof payload !== "object" || payload === null || !("to" in payload)) return null;
  return typeof payload.to === "string" && payload.to.includes("@") ? payload.to : null;
}
