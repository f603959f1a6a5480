import type { SubscriptionSettings } from "../../../domain/subscription.ts";

/**
 * Settings for a subscription whose own cannot be read, until they are sent again: it is paused and asks for nothing, and what
 * it has yet to be told waits. Whichever settings are sent are newer.
 */
export function standInFor({
  namespace,
  name,
}: Pick<SubscriptionSettings, "namespace" | "name">): SubscriptionSettings {
  const target: SubscriptionSettings["target"] = { type: "http", url: "https://unreadable.invalid/", headers: {} };
  const filter = { queue: null, tag: null };
  const at = { createdAt: 0, updatedAt: 0 };
  return { namespace, name, version: 0, deleted: false, events: [], filter, target, paused: true, ...at };
}
