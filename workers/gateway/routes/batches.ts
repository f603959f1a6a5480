import { Hono } from "hono";
import { BatchEnvelope, type BatchView } from "../../../contract/batch.ts";
import { Key } from "../../../contract/primitives.ts";
import { requireScope } from "../access/auth.ts";
import type { AppContext, AppEnv } from "../context.ts";
import { problemHeaders, problemView } from "../http/refusal.ts";
import { readJson, validated } from "../http/request-body.ts";
import { type BatchRun, batchRefused, submitBatch } from "../submit/batch.ts";
import { batchOnce } from "../submit/batch-once.ts";
import { wantOfRoom } from "../submit/full.ts";
import { drawRandomness } from "../submit/randomness.ts";

/** Many jobs in one request, each by itself or all or nothing. */
export const batchRoutes = new Hono<AppEnv>().post("/", async (c) => {
  requireScope(c.var.caller, "submit");
  const header = c.req.header("idempotency-key");
  const key = header === undefined ? null : validated(Key, header);
  const body = validated(BatchEnvelope, await readJson(c));
  const now = Date.now();
  const { services, caller } = c.var;
  const sender = { services, database: c.env.DB, namespace: caller.namespace };
  const run = (options: BatchRun) => submitBatch(sender, body, { ...options, defers: true });
  const view =
    key === null
      ? await run({ randomness: drawRandomness(body.jobs.length), now, late: false })
      : await batchOnce(services, { namespace: caller.namespace, key, body, now }, run);
  c.var.session.touch();
  const replayed = view.items.filter((item) => "id" in item && item.replayed).length;
  if (view.accepted + replayed === 0) return nothingAccepted(c, view);
  if (view.accepted > 0) return c.json(view, 202);
  // Nothing is new: all of it was there before, or what was not is refused for good by the key's first answer.
  const whole = key !== null || replayed === view.items.length;
  if (whole) c.header("dure-replayed", "true");
  return c.json(view, whole ? 200 : 202);
});

/** A problem that has the items beside it (RFC 9457 extension members). When to wait is all they need, that is the problem. */
function nothingAccepted(c: AppContext, view: BatchView): Response {
  const problems = view.items.flatMap((item) => ("problem" in item ? [item.problem] : []));
  const refusal = wantOfRoom(problems) ?? batchRefused(problems.flatMap(({ errors = [] }) => errors));
  if (refusal.code === "unavailable") throw refusal;
  const problem = problemView(refusal);
  return c.body(JSON.stringify({ ...problem, ...view }), problem.status, problemHeaders(refusal));
}
