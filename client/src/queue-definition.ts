import type { Validator } from "./standard-schema.ts";

/**
 * A queue with the types of its payloads and results, as `defineQueue` makes it. A validator may change what it is given: then
 * `PayloadInput` is what is submitted and `Payload` what a handler gets, `ResultInput` what a handler returns and `Result`
 * what is read.
 */
export interface QueueDefinition<Payload = unknown, Result = unknown, PayloadInput = Payload, ResultInput = Result> {
  /** The name of the queue. */
  readonly name: string;
  /** Checks a payload before it is submitted, and before a handler is given it. */
  readonly payload?: Validator<PayloadInput, Payload> | undefined;
  /** Checks a result when a handler has returned it, and when it is read. */
  readonly result?: Validator<ResultInput, Result> | undefined;
}

/**
 * Says what the jobs of a queue are: once, for those who submit and for those who run them.
 *
 * ```ts
 * const mails = defineQueue<{ to: string }, { messageId: string }>("mails");
 * ```
 *
 * With validators (any Standard Schema) the types come from them, and what is not as they say is refused where it comes up:
 *
 * ```ts
 * const mails = defineQueue("mails", { payload: z.object({ to: z.email() }), result: z.object({ messageId: z.string() }) });
 * ```
 *
 * It does not make the queue: `dure.queues.put` does.
 */
export function defineQueue<Payload = unknown, Result = unknown, PayloadInput = Payload, ResultInput = Result>(
  name: string,
  validators: {
    payload?: Validator<PayloadInput, Payload>;
    result?: Validator<ResultInput, Result>;
  } = {},
): QueueDefinition<Payload, Result, PayloadInput, ResultInput> {
  return { name, ...validators };
}
