import type { Outcome, WorkItem } from "../../../contract/rpc.ts";
import { queueMessage } from "../../../contract/target-job.ts";
import { faultText } from "../../../domain/fault.ts";
import type { QueueTarget } from "../../../domain/target.ts";
import { traceparentOf } from "../../../domain/trace.ts";
import { isMissing, type Producer } from "../bindings.ts";
import type { Control } from "../work-ports.ts";
import { byteLength } from "./bytes.ts";
import { failed, succeeded } from "./outcome.ts";
import type { BindingPorts } from "./worker.ts";

/**
 * Cloudflare Queues takes messages of 128 KB, a hundred of them and 256 KB in all in one call, where a KB is 1,000 bytes and some hundred
 * of each message are the Queue's own (developers.cloudflare.com/queues/platform/limits).
 */
const OWN_BYTES = 100;
export const MAX_MESSAGE_BYTES = 128_000 - OWN_BYTES;
const MAX_MESSAGES = 100;
const MAX_CALL_BYTES = 256_000;

/** What a Queue says that takes no more now. It has not looked at the messages. */
const THROTTLED = /too many requests/i;
const THROTTLED_RETRY_MS = 1_000;

/** Hands jobs to Queues. A job is done once the Queue has taken its message, which may come twice. Never rejects. */
export function queueExecutor({ bindings, spanId }: BindingPorts) {
  const senders = new Map<string, Sender>();
  return async (item: WorkItem, { binding }: QueueTarget, control: Control): Promise<Outcome> => {
    const queue = bindings.queue(binding);
    // The gateway has checked the name: this processor is of an older deploy, and the next attempt may find a newer.
    if (isMissing(queue)) return failed(queue.code, queue.message, { retryable: true });
    const { id, namespace, attempt, delivery = attempt, payload: payloadText } = item;
    const traceparent = traceparentOf(id, item.traceparent ?? null, spanId());
    const body = queueMessage({ id, namespace, queue: item.queue, attempt, delivery, traceparent, payloadText });
    const bytes = byteLength(body);
    if (bytes > MAX_MESSAGE_BYTES) {
      const message = `the message would have ${bytes} bytes, and a Queue takes ${MAX_MESSAGE_BYTES}`;
      return failed("message-too-large", message, { retryable: false });
    }
    const sender = senders.get(binding) ?? new Sender(queue);
    senders.set(binding, sender);
    return sender.send({ body, bytes: bytes + OWN_BYTES, control });
  };
}

interface Message {
  body: string;
  bytes: number;
  control: Control;
}

/**
 * Sends messages to one Queue. What comes in one turn of the event loop, and while a call is under way, goes together, so that a batch of
 * jobs takes one of the invocation's connections and not a hundred.
 */
class Sender {
  readonly #queue: Producer;
  #waiting: { message: Message; done: (outcome: Outcome) => void }[] = [];
  #isSending = false;

  constructor(queue: Producer) {
    this.#queue = queue;
  }

  send(message: Message): Promise<Outcome> {
    return new Promise((done) => {
      this.#waiting.push({ message, done });
      if (!this.#isSending) void this.#sendAll();
    });
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true;
    // The jobs of a claim are started one after the other.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#take();
      const outcome = await this.#deliver(batch.map(({ message: { body } }) => ({ body, contentType: "text" })));
      for (const { done } of batch) done(outcome);
    }
    this.#isSending = false;
  }

  /** As many as go into one call, without those that nobody wants sent any more. */
  #take() {
    this.#waiting = this.#waiting.filter(({ message: { control } }) => !control.signal.aborted);
    let bytes = 0;
    let count = 0;
    for (const { message } of this.#waiting) {
      bytes += message.bytes;
      if (count === MAX_MESSAGES || (count > 0 && bytes > MAX_CALL_BYTES)) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #deliver(batch: MessageSendRequest[]): Promise<Outcome> {
    if (batch.length === 0) return succeeded(null);
    try {
      await this.#queue.sendBatch(batch);
      return succeeded(null);
    } catch (error) {
      const isThrottled = error instanceof Error && THROTTLED.test(error.message);
      const options = isThrottled ? ({ retryAfterMs: THROTTLED_RETRY_MS, putBack: "deferred" } as const) : {};
      return failed("queue-error", faultText(error), { retryable: true, ...options });
    }
  }
}
