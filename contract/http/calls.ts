import { ADMIN_CALLS } from "./admin.ts";
import type { CallDefinition } from "./call.ts";
import { DEAD_LETTERS_CALLS } from "./dead-letters.ts";
import { JOBS_CALLS } from "./jobs.ts";
import { OPERATIONS_CALLS } from "./operations.ts";
import { ORDERING_KEYS_CALLS } from "./ordering-keys.ts";
import { PLATFORM_CALLS } from "./platform.ts";
import { PULL_CALLS } from "./pull.ts";
import { QUEUES_CALLS } from "./queues.ts";
import { SCHEDULES_CALLS } from "./schedules.ts";
import { SERVICES_CALLS } from "./services.ts";
import { SUBSCRIPTIONS_CALLS } from "./subscriptions.ts";

/** Every call of the API by its name, which is its operation's id in OpenAPI. */
export const CALLS = {
  ...JOBS_CALLS,
  ...QUEUES_CALLS,
  ...DEAD_LETTERS_CALLS,
  ...ORDERING_KEYS_CALLS,
  ...SCHEDULES_CALLS,
  ...SUBSCRIPTIONS_CALLS,
  ...SERVICES_CALLS,
  ...PULL_CALLS,
  ...OPERATIONS_CALLS,
  ...ADMIN_CALLS,
  ...PLATFORM_CALLS,
};

export type Calls = typeof CALLS;
export type CallName = keyof Calls;

/** The topics of the API, with their calls: the tags of the OpenAPI document. */
export const CALL_GROUPS: { name: string; calls: Record<string, CallDefinition> }[] = [
  { name: "Jobs", calls: JOBS_CALLS },
  { name: "Queues", calls: QUEUES_CALLS },
  { name: "Dead letters", calls: DEAD_LETTERS_CALLS },
  { name: "Ordering keys", calls: ORDERING_KEYS_CALLS },
  { name: "Schedules", calls: SCHEDULES_CALLS },
  { name: "Subscriptions", calls: SUBSCRIPTIONS_CALLS },
  { name: "Services", calls: SERVICES_CALLS },
  { name: "Pull workers", calls: PULL_CALLS },
  { name: "Operations", calls: OPERATIONS_CALLS },
  { name: "Administration", calls: ADMIN_CALLS },
  { name: "Platform", calls: PLATFORM_CALLS },
];

/** Every call with its name. */
export const CALL_LIST: (CallDefinition & { id: CallName })[] = Object.entries(CALLS).map(([id, definition]) => ({
  ...definition,
  id: id as CallName,
}));
