import { NonRetryable } from "./error.ts";
import type { QueueDefinition } from "./queue-definition.ts";
import type { Handler } from "./running-job.ts";
import { ValidationError, validated } from "./standard-schema.ts";

/**
 * A handler of anything, made of one of known types: what the queue's validators refuse fails the job for good, because another
 * attempt would find the same payload (`invalid-payload`), or make the same result (`invalid-result`).
 */
export function typedHandler<Payload, Result, PayloadInput, ResultInput>(
  definition: QueueDefinition<Payload, Result, PayloadInput, ResultInput>,
  handler: Handler<Payload, ResultInput>,
): Handler {
  const { name, payload, result } = definition;
  return async (job, context) => {
    const given = await checked("invalid-payload", () =>
      validated(payload, job.payload, `the payload does not fit the queue ${name}`),
    );
    const returned = await handler({ ...job, payload: given }, context);
    await checked("invalid-result", () => validated(result, returned, `the result does not fit the queue ${name}`));
    return returned;
  };
}

async function checked<T>(code: string, check: () => Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (cause) {
    if (cause instanceof ValidationError) throw new NonRetryable(cause.message, { code, cause });
    throw cause;
  }
}
