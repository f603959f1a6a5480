import { conflict } from "../../../contract/problems.ts";
import type { DeliveryError, SubscriptionState } from "../../../contract/rpc.ts";
import type { DeliveryView, SubscriptionBody, SubscriptionView } from "../../../contract/subscription.ts";
import { formatTimestamp } from "../../../contract/time.ts";
import type { SubscriptionSettings } from "../../../domain/subscription.ts";
import { refusedTarget } from "../../../domain/target-url.ts";
import { Refusal } from "../refusal.ts";

type Stamp = Pick<SubscriptionSettings, "namespace" | "name" | "version" | "createdAt" | "updatedAt">;

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

/** Refuses (422) a target that may not be called. */
export function checkTarget({ target }: SubscriptionSettings, allowPrivateTargets: boolean): void {
  const refused = target.type === "http" && !allowPrivateTargets ? refusedTarget(target.url) : null;
  if (refused === null) return;
  throw new Refusal(
    conflict.of("target-refused", `The target's URL is not allowed: ${refused}.`, [
      { pointer: "/target/url", detail: refused },
    ]),
  );
}

/** `states` is what the shards say of it, each of its own jobs' events. */
export function subscriptionView(settings: SubscriptionSettings, states: SubscriptionState[]): SubscriptionView {
  const { name, events, filter, target, paused, version, createdAt, updatedAt } = settings;
  return {
    name,
    events,
    filter,
    target,
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
