import { ADMIN_ROUTES } from "./routes/admin.ts";
import { DEAD_LETTERS_ROUTES } from "./routes/dead-letters.ts";
import { JOBS_ROUTES } from "./routes/jobs.ts";
import { OPERATIONS_ROUTES } from "./routes/operations.ts";
import { ORDERING_KEYS_ROUTES } from "./routes/ordering-keys.ts";
import { PLATFORM_ROUTES } from "./routes/platform.ts";
import { PULL_ROUTES } from "./routes/pull.ts";
import { QUEUES_ROUTES } from "./routes/queues.ts";
import type { Route } from "./routes/route.ts";
import { SCHEDULES_ROUTES } from "./routes/schedules.ts";
import { SUBSCRIPTIONS_ROUTES } from "./routes/subscriptions.ts";

/** The API as a table: what the OpenAPI document is made of. */

/** The groups are the document's tags. */
export const ROUTE_GROUPS: { name: string; routes: Route[] }[] = [
  { name: "Jobs", routes: JOBS_ROUTES },
  { name: "Queues", routes: QUEUES_ROUTES },
  { name: "Dead letters", routes: DEAD_LETTERS_ROUTES },
  { name: "Ordering keys", routes: ORDERING_KEYS_ROUTES },
  { name: "Schedules", routes: SCHEDULES_ROUTES },
  { name: "Subscriptions", routes: SUBSCRIPTIONS_ROUTES },
  { name: "Pull workers", routes: PULL_ROUTES },
  { name: "Operations", routes: OPERATIONS_ROUTES },
  { name: "Administration", routes: ADMIN_ROUTES },
  { name: "Platform", routes: PLATFORM_ROUTES },
];

export const ROUTES: Route[] = ROUTE_GROUPS.flatMap((group) => group.routes);
