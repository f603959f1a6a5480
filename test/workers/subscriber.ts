import type { QueueResult } from "cloudflare:test";
import { Webhook } from "standardwebhooks";
import { vi } from "vitest";
import type { WebhookSecretView } from "../../contract/admin.ts";
import type { Doorbell } from "../../contract/doorbell.ts";
import { EventView } from "../../contract/event.ts";
import type { SubscriptionInput, SubscriptionView } from "../../contract/subscription.ts";
import { freshName, must, ROOT, shards } from "./api.ts";
import { deliver, PROCESSOR_ENV } from "./processor.ts";

/** What tests of events share: a subscriber's endpoint, a Queue of the user's own, and the processor between. */

export const ENDPOINT = "https://subscriber.test/hook";

interface Got {
  event: EventView;
  headers: Record<string, string>;
  body: string;
}

/** The endpoint, from now until the mocks are restored. `answer` is asked for each request; it may throw. */
export function endpoint(answer: (got: Got) => Response | Promise<Response> = () => new Response("ok")): Got[] {
  const seen: Got[] = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input, init);
    if (request.url !== ENDPOINT) throw new Error(`nobody listens at ${request.url}`);
    const body = await request.text();
    const got = { event: EventView.parse(JSON.parse(body)), headers: Object.fromEntries(request.headers), body };
    seen.push(got);
    return answer(got);
  });
  return seen;
}

/** Throws unless the message is signed by `secret`, now. */
export function verify({ body, headers }: Got, secret: string): void {
  new Webhook(secret).verify(body, headers);
}

export async function secrets(key = ROOT): Promise<WebhookSecretView> {
  return must("GET", "/v1/webhook-secret", { key });
}

/** A new subscription to every event, at `ENDPOINT`; `over` is laid over it. Answers its name. */
export async function subscribe(over: Partial<SubscriptionInput> = {}, key = ROOT): Promise<string> {
  const name = freshName("sub");
  await putSubscription(name, over, key);
  return name;
}

export function putSubscription(
  name: string,
  over: Partial<SubscriptionInput> = {},
  key = ROOT,
): Promise<SubscriptionView> {
  const body: SubscriptionInput = {
    events: [
      "job.accepted",
      "job.started",
      "job.retrying",
      "job.succeeded",
      "job.failed",
      "job.cancelled",
      "job.redriven",
    ],
    target: { type: "http", url: ENDPOINT },
    ...over,
  };
  return must("PUT", `/v1/subscriptions/${name}`, { body, key });
}

export function getSubscription(name: string, key = ROOT): Promise<SubscriptionView> {
  return must("GET", `/v1/subscriptions/${name}`, { key });
}

/** Rings for every shard, as their bells would, and waits until the processor is done. */
export function tell(bindings: Partial<ProcessorEnv> & Record<string, unknown> = {}): Promise<QueueResult> {
  const bells: Doorbell[] = shards().map(({ id }) => ({ v: 1, kind: "events", shard: id }));
  return deliver("dure-events", bells, { ...PROCESSOR_ENV, ...bindings });
}

/** A producer binding of a Queue, and what was sent to it. */
export function fakeQueue(fails: () => boolean = () => false) {
  const sent: EventView[] = [];
  const queue = {
    sendBatch: async (messages: Iterable<MessageSendRequest>) => {
      if (fails()) throw new Error("the queue is away");
      sent.push(...[...messages].map(({ body }) => EventView.parse(body)));
    },
  };
  return { queue, sent };
}

/** All events of one job, in the order in which they came. */
export function typesOf(events: EventView[], id: string): string[] {
  return events.filter(({ job }) => job.id === id).map(({ type }) => type);
}
