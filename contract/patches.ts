import { patchOf } from "./merge-patch.ts";
import { NamespaceBody } from "./namespace.ts";
import { QueueBody } from "./queue.ts";
import { ScheduleBody } from "./schedule.ts";
import { ServiceBody } from "./service.ts";
import { SubscriptionBody } from "./subscription.ts";

/** What PATCH takes of queues, schedules, subscriptions, services and namespaces. */

export const QueuePatch = patchOf(QueueBody, "Changes of a queue's settings", {
  timeout: 30,
  retry: { maxAttempts: 3 },
});
export const SchedulePatch = patchOf(ScheduleBody, "Changes of a schedule", { cron: "0 3 * * *" });
export const SubscriptionPatch = patchOf(SubscriptionBody, "Changes of a subscription", { paused: true });
export const ServicePatch = patchOf(ServiceBody, "Changes of a service", { bulkhead: { maxInFlight: 50 } });
export const NamespacePatch = patchOf(NamespaceBody, "Changes of a namespace's limits", {
  limits: { unfinishedJobs: 500_000 },
});
