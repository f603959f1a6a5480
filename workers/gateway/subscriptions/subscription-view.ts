import { conflict, type Problem } from "../../../contract/problems.ts";
import type { DeliveryError, SubscriptionState } from "../../../contract/rpc.ts";
import type { DeliveryView, SubscriptionBody, SubscriptionView } from "../../../contract/subscription.ts";
import { formatTimestamp } from "../../../contract/time.ts";
import type { SubscriptionSettings, SubscriptionTarget } from "../../../domain/subscription.ts";
import { refusedTarget, type TargetRules } from "../../../domain/target-url.ts";
import { shownTarget, withoutSecrets } from "../access/target-secrets.ts";
import type { Stamp } from "../resources/kind.ts";

/** The settings of a subscription put as `body`, complete. */
export function subscriptionFrom(body: SubscriptionBody, stamp: Stamp): SubscriptionSettings {
  return {
    ...stamp,
    deleted: false,
    events: body.events,
    filter: { queue: body.filter?.queue ?? null, tag: body.filter?.tag ?? null },
    target: body.target,
    paused: body.paused ?? false,
  };
}

/** What a PUT has to say to get these settings: what is absent is left out. */
export function subscriptionBodyOf({ events, filter, target, paused }: SubscriptionSettings): unknown {
  const named = Object.entries(filter).filter(([, value]) => value !== null);
  return { events, filter: Object.fromEntries(named), target: targetView(target), paused };
}

function targetView(target: SubscriptionTarget): SubscriptionView["target"] {
  return target.type === "http" ? shownTarget(target) : target;
}

/** Why the target may not be called (422), or null. */
export function checkTarget({ target }: SubscriptionSettings, targets: TargetRules): Problem | null {
  const refused = target.type === "http" ? refusedTarget(target.url, targets) : null;
  if (refused === null) return null;
  return conflict.of("target-refused", `The target's URL is not allowed: ${refused}.`, [
    { pointer: "/target/url", detail: `url is not allowed: ${refused}.` },
  ]);
}

/** What is left of a deleted subscription: nothing of its target, which may be secret. */
export function forgotten(settings: SubscriptionSettings): SubscriptionSettings {
  const target = withoutSecrets({ type: "http", url: "", headers: {} });
  return { ...settings, events: [], filter: { queue: null, tag: null }, target };
}

/** `states` is what the shards say of it, each of its own jobs' events. */
export function subscriptionView(settings: SubscriptionSettings, states: SubscriptionState[]): SubscriptionView {
  const { name, events, filter, target, paused, version, createdAt, updatedAt } = settings;
  return {
    name,
    events,
    filter,
    target: targetView(target),
    paused,
    version,
    createdAt: formatTimestamp(createdAt),
    updatedAt: formatTimestamp(updatedAt),
    delivery: deliveryView(states),
  };
}

function deliveryView(states: SubscriptionState[]): DeliveryView {
  const sum = (pick: (state: SubscriptionState) => number) => states.reduce((total, state) => total + pick(state), 0);
  const oldest = states.flatMap(({ oldestPendingAt }) => oldestPendingAt ?? []);
  const delivered = states.flatMap(({ lastDeliveredAt }) => lastDeliveredAt ?? []);
  const [lastError = null] = states.flatMap(({ lastError }) => lastError ?? []).sort((a, b) => b.at - a.at);
  return {
    delivered: sum((state) => state.delivered),
    dropped: sum((state) => state.dropped),
    pending: sum((state) => state.pending),
    oldestPendingAt: oldest.length === 0 ? null : formatTimestamp(Math.min(...oldest)),
    failures: sum((state) => state.failures),
    lastError: lastError === null ? null : errorView(lastError),
    lastDeliveredAt: delivered.length === 0 ? null : formatTimestamp(Math.max(...delivered)),
  };
}

function errorView({ code, message, at }: DeliveryError) {
  return { code, message, at: formatTimestamp(at) };
}
