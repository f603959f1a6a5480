import { eventView } from "../../../contract/event.ts";
import { faultText } from "../../../domain/fault.ts";
import { withoutReserved } from "../../../domain/reserved-headers.ts";
import { type AnyEvent, idOfEvent } from "../../../domain/subscription.ts";
import { refusedTarget } from "../../../domain/target-url.ts";
import { traceparentOf } from "../../../domain/trace.ts";
import { type OpenTarget, withCredentials } from "../../crypto/open-target.ts";
import { type HttpPorts, NOT_OPEN } from "../executors/http.ts";
import { INVALID_HEADERS } from "../executors/http-request.ts";
import { retryAfterMs } from "../executors/retry-after.ts";
import { type Secrets, signWebhook } from "../executors/webhook.ts";
import type { DeliveryOutcome, SubscriptionTo } from "./delivery-ports.ts";

/** A receiver has to take an event and answer, not to work on it. */
export const POST_TIMEOUT_MS = 10_000;
/** People read it in the subscription's view. */
const MAX_MESSAGE_CHARACTERS = 500;

/** What is needed of the world: as for HTTP targets of jobs. `signal` aborts when the time is up. */
export type SubscriberPorts = HttpPorts & { timeout(ms: number): AbortSignal };

/**
 * Sends events to HTTP endpoints, signed with the namespace's secret. 2xx is delivered; 410, or `dure-retry: no`, refuses
 * the event for ever; anything else failed, and redirects are not followed. Never rejects.
 */
export function httpSubscriber(ports: SubscriberPorts) {
  return async (subscription: SubscriptionTo<"http">, event: AnyEvent): Promise<DeliveryOutcome> => {
    const { namespace, name } = subscription;
    const target = await ports.openTarget({ kind: "subscription", namespace, name }, subscription.target);
    if (target === null) return failed("secret-unavailable", NOT_OPEN);
    const refused = refusedTarget(target.url, ports.targets);
    if (refused !== null) return failed("target-refused", `the target may not be called: ${refused}`);
    const body = JSON.stringify(eventView(event, subscription));
    const sent = withCredentials(target);
    const headers = await headersOf(ports, { ...subscription, target: sent }, { event, body });
    if (!(headers instanceof Headers)) return headers;
    const signal = ports.timeout(POST_TIMEOUT_MS);
    try {
      const response = await ports.fetch(sent.url, { method: "POST", headers, body, redirect: "manual", signal });
      // An unread body would hold its connection. What it says is not shown: a target may be somebody else's inside.
      await response.body?.cancel();
      return outcomeBy(response, ports.now());
    } catch (error) {
      if (signal.aborted) return failed("timeout", `no answer within ${POST_TIMEOUT_MS / 1000} s`);
      return failed("network-error", faultText(error));
    }
  };
}

function outcomeBy(response: Response, now: number): DeliveryOutcome {
  if (response.ok) return { type: "delivered" };
  const final = response.status === 410 || response.headers.get("dure-retry")?.trim().toLowerCase() === "no";
  const outcome = failed(
    `http-${response.status}`,
    `the target answered ${response.status} ${response.statusText}`.trim(),
    retryAfterMs(response.headers.get("retry-after"), now),
  );
  return final ? { ...outcome, type: "refused" } : outcome;
}

async function headersOf(
  ports: SubscriberPorts,
  subscription: Omit<SubscriptionTo<"http">, "target"> & { target: OpenTarget },
  { event, body }: { event: AnyEvent; body: string },
): Promise<Headers | DeliveryOutcome> {
  let secrets: Secrets;
  try {
    secrets = await ports.secrets(subscription.namespace);
  } catch (error) {
    return failed("secret-unavailable", faultText(error));
  }
  try {
    // The target's own come first, so that they cannot replace any of the others.
    const headers = new Headers(withoutReserved(subscription.target.headers));
    headers.set("content-type", "application/json");
    headers.set("dure-event", event.type);
    headers.set("dure-subscription", subscription.name);
    headers.set("dure-namespace", subscription.namespace);
    headers.set("traceparent", traceOf(event, ports.spanId()));
    headers.delete("tracestate");
    signWebhook(headers, { id: idOfEvent(event), body }, { secrets, now: ports.now() });
    return headers;
  } catch {
    // What is thrown quotes the value.
    return failed("invalid-headers", INVALID_HEADERS);
  }
}

/** A schedule has no trace of its own: its events are in that of the job which there would have been. */
function traceOf(event: AnyEvent, spanId: string): string {
  const { id, traceparent = null } = "job" in event ? event.job : { id: event.schedule.id };
  return traceparentOf(id, traceparent, spanId);
}

function failed(code: string, message: string, wishMs: number | null = null) {
  return { type: "failed" as const, code, message: message.slice(0, MAX_MESSAGE_CHARACTERS), retryAfterMs: wishMs };
}
