import { eventView } from "../../../contract/event.ts";
import { faultText } from "../../../domain/fault.ts";
import type { AnyEvent } from "../../../domain/subscription.ts";
import { isProducer } from "../bindings.ts";
import { byteLength } from "../executors/bytes.ts";
import type { Enqueued, SubscriptionTo } from "./delivery-ports.ts";

/** Cloudflare Queues takes a hundred messages, and 256 KB in all, in one call. */
const MAX_MESSAGES = 100;
const MAX_BYTES = 200_000;

/**
 * Sends events to Queues, by the names of the processor's producer bindings. They are sent in their order, each call's
 * events before the next call's. Inside the account nothing is signed. Never rejects.
 */
export function queueSubscriber(bindings: Record<string, unknown>) {
  return async (subscription: SubscriptionTo<"queue">, events: AnyEvent[]): Promise<Enqueued> => {
    const { binding } = subscription.target;
    const queue = Object.hasOwn(bindings, binding) ? bindings[binding] : undefined;
    if (!isProducer(queue)) return failed(0, "binding-not-found", `the processor has no producer binding ${binding}`);
    let sent = 0;
    try {
      for (const batch of batches(events, subscription)) {
        await queue.sendBatch(batch);
        sent += batch.length;
      }
      return { sent, failure: null };
    } catch (error) {
      return failed(sent, "queue-error", faultText(error));
    }
  };
}

function failed(sent: number, code: string, message: string): Enqueued {
  return { sent, failure: { code, message, retryAfterMs: null } };
}

function batches(events: AnyEvent[], subscription: SubscriptionTo<"queue">): MessageSendRequest[][] {
  const made: MessageSendRequest[][] = [];
  let bytes = 0;
  for (const event of events) {
    const body = eventView(event, subscription);
    const size = byteLength(JSON.stringify(body));
    const last = made.at(-1);
    const message: MessageSendRequest = { body, contentType: "json" };
    if (last !== undefined && last.length < MAX_MESSAGES && bytes + size <= MAX_BYTES) last.push(message);
    else {
      made.push([message]);
      bytes = 0;
    }
    bytes += size;
  }
  return made;
}
