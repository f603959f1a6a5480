import { Hono } from "hono";
import { gate } from "./access/gate.ts";
import type { AppEnv } from "./context.ts";
import { envelope, onError, onNotFound } from "./http/envelope.ts";
import { session } from "./http/session.ts";
import { keyRoutes, namespaceRoutes, webhookRoutes } from "./routes/admin.ts";
import { batchRoutes } from "./routes/batches.ts";
import { bulkRoutes } from "./routes/bulk.ts";
import { deadLetterRoutes } from "./routes/dead-letters.ts";
import { jobRoutes } from "./routes/jobs.ts";
import { operationRoutes } from "./routes/operations.ts";
import { orderingKeyRoutes } from "./routes/ordering-keys.ts";
import { platformRoutes } from "./routes/platform.ts";
import { claimRoutes, leaseRoutes, reportRoutes } from "./routes/pull.ts";
import { queueRoutes } from "./routes/queues.ts";
import { scheduleRoutes } from "./routes/schedules.ts";
import { subscriptionRoutes } from "./routes/subscriptions.ts";

/** The API on one screen. Everything under `/v1` goes through the gate. */
export const app = new Hono<AppEnv>()
  .use(envelope)
  .use("/v1/*", gate)
  .use("/v1/*", session)
  .route("/v1/jobs", jobRoutes)
  .route("/v1/batches", batchRoutes)
  .route("/v1/queues", queueRoutes)
  .route("/v1/queues", claimRoutes)
  .route("/v1/queues", deadLetterRoutes)
  .route("/v1/queues", orderingKeyRoutes)
  .route("/v1/schedules", scheduleRoutes)
  .route("/v1/subscriptions", subscriptionRoutes)
  .route("/v1/reports", reportRoutes)
  .route("/v1/leases", leaseRoutes)
  .route("/v1/keys", keyRoutes)
  .route("/v1/namespaces", namespaceRoutes)
  .route("/v1/webhook-secret", webhookRoutes)
  .route("/v1/operations", bulkRoutes)
  .route("/v1", operationRoutes)
  .route("/", platformRoutes);

app.onError(onError);
app.notFound(onNotFound);
