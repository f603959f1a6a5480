import { Hono } from "hono";
import { PurgeBody, RedriveBody } from "../../../contract/dead-letters.ts";
import { PageQuery } from "../../../contract/list.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { requireScope } from "../access/auth.ts";
import type { AppContext, AppEnv } from "../context.ts";
import { failuresPage } from "../dead-letters/failures.ts";
import { discardFailed, Redrive } from "../dead-letters/redrive.ts";
import { invalidField } from "../http/refusal.ts";
import { readOptionalJson, validated, validatedQuery } from "../http/request-body.ts";
import { purgeQueue } from "../operations/queue-operations.ts";
import { existingQueue, queueOf } from "../queues/named-queue.ts";
import { QueueConfig } from "../queues/queue-config.ts";

/** What operators do with the failed jobs of a queue, and with those that wait. */
export const deadLetterRoutes = new Hono<AppEnv>()
  .get("/:queue/failures", async (c) => {
    requireScope(c.var.caller, "read");
    const query = validatedQuery(c, PageQuery);
    await existingQueue(c);
    return c.json(await failuresPage(c.var.services, queueOf(c), query));
  })
  .post("/:queue/redrive", async (c) => {
    requireScope(c.var.caller, "admin");
    const body = validated(RedriveBody, await readOptionalJson(c));
    const settings = await existingQueue(c);
    const target = body.queue === undefined ? null : await otherQueue(c, body.queue);
    const { services, session } = c.var;
    const redrive = new Redrive({ services, database: c.env.DB, settings, target, body });
    return c.json(await redrive.run().finally(() => session.invalidate()));
  })
  .post("/:queue/purge", async (c) => {
    requireScope(c.var.caller, "admin");
    const body = validated(PurgeBody, await readOptionalJson(c));
    const settings = await existingQueue(c);
    const { services, session } = c.var;
    if (body.failed !== true) return c.json({ cancelled: await purgeQueue(services, queueOf(c)) });
    const discarded = discardFailed({ services, database: c.env.DB, settings }, body);
    return c.json(await discarded.finally(() => session.invalidate()));
  });

/** Another queue of the namespace, or a refusal. */
async function otherQueue(c: AppContext, queue: string): Promise<QueueSettings> {
  const { namespace, queue: here } = queueOf(c);
  if (queue === here) throw invalidField("/queue", "must be another queue");
  return new QueueConfig(c.var.services, c.env).find({ namespace, queue });
}
