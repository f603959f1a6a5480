/** A shard with subscribers: what the processor does with their events, driven by hand. */
import type * as rpc from "../../contract/rpc.ts";
import type { AnyEvent, EventType, LifecycleEvent, SubscriptionSettings } from "../../domain/subscription.ts";
import { CALL, type Harness, START } from "./shard-harness.ts";
import { reportOf, subscriptionOf } from "./shard-words.ts";

export { reportOf, subscriptionOf } from "./shard-words.ts";

/** Pushes subscriptions as the gateway does; answers the last. */
export function subscribe(h: Harness, ...subscriptions: Partial<SubscriptionSettings>[]): SubscriptionSettings {
  const complete = (subscriptions.length === 0 ? [{}] : subscriptions).map(subscriptionOf);
  h.core.configureSubscriptions({ ...CALL, subscriptions: complete });
  return complete.at(-1) as SubscriptionSettings;
}

/** Takes the next page. */
export function takePage(
  h: Harness,
  over: Partial<rpc.DeliverRequest> = {},
): { page: rpc.EventPage | null; more: boolean } {
  return h.core.deliver({ ...CALL, worker: "w", report: null, limit: 100, ...over });
}

export const REFUSED: rpc.DeliveryFailure = { code: "http-503", message: "no", retryAfterMs: null };

/** Takes the next page and reports it undelivered. Answers it. */
export function failPage(h: Harness, failure: Partial<rpc.DeliveryFailure> = {}): rpc.EventPage | null {
  const { page } = takePage(h);
  if (page === null) return null;
  const report = reportOf(page, { delivered: [], failure: { ...REFUSED, ...failure } });
  h.core.deliver({ ...CALL, worker: "w", report, limit: 0 });
  return page;
}

/** The event as one of a job: a test that has no schedules gets no other. */
export function ofJob(event: AnyEvent): LifecycleEvent {
  if ("job" in event) return event;
  throw new Error(`${event.type} is no event of a job`);
}

/** Delivers everything that may be delivered now. Answers it, in its order. */
export function drain(h: Harness, limit = 100): LifecycleEvent[] {
  const events: LifecycleEvent[] = [];
  let report: rpc.DeliveryReport | null = null;
  for (;;) {
    const { page } = takePage(h, { report, limit });
    if (page === null) return events;
    events.push(...page.events.map(ofJob));
    report = reportOf(page);
  }
}

export function typesOf(events: LifecycleEvent[], id?: string): EventType[] {
  return events.filter(({ job }) => id === undefined || job.id === id).map(({ type }) => type);
}

export function stateOf(h: Harness, name = "all", namespace = "default"): rpc.SubscriptionState | undefined {
  return h.core.subscriptionStates({ ...CALL, namespace, names: [name] })[0];
}

/** Bells for deliverers since the last call, by when they rang. */
export function eventBells(h: Harness): number[] {
  return h.bells
    .splice(0)
    .filter(({ bell }) => bell.kind === "events")
    .map(({ at }) => at - START);
}
