import * as admin from "./admin.ts";
import * as batches from "./batches.ts";
import * as deadLetters from "./dead-letters.ts";
import * as jobChanges from "./job-changes.ts";
import * as jobs from "./jobs.ts";
import * as namespaces from "./namespaces.ts";
import * as operations from "./operations.ts";
import * as platform from "./platform.ts";
import * as pull from "./pull.ts";
import * as queues from "./queues.ts";
import * as schedules from "./schedules.ts";
import * as services from "./services.ts";
import * as subscriptions from "./subscriptions.ts";
import type { UseCases } from "./use-case.ts";

/** What each call of the API does. A call that is defined and not here, or here and not defined, does not compile. */
export const USE_CASES: UseCases = {
  ...jobs,
  ...jobChanges,
  ...batches,
  ...queues,
  ...deadLetters,
  ...schedules,
  ...subscriptions,
  ...services,
  ...pull,
  ...operations,
  ...admin,
  ...namespaces,
  ...platform,
};
