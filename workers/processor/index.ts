import { readBells } from "./bells.ts";
import { letterOf, storeDeadLetter } from "./dead-letters.ts";
import { Invocation } from "./invocation.ts";

/** Where messages end up that could not be handled elsewhere. */
const DEAD_QUEUE = "dure-dead";

/**
 * The processor: hears doorbells. Every message is acknowledged or retried by itself and nothing is thrown, so that
 * one message never makes its batch run again. A bell is a hint: what it asked for and did not happen, rings again.
 */
export default {
  async queue(batch, env) {
    const receivedAt = Date.now();
    if (batch.queue === DEAD_QUEUE) {
      const letter = (body: unknown) => ({ queue: batch.queue, ...letterOf(body) });
      await Promise.all(
        batch.messages.map((message) => storeDeadLetter(env.DB, message, letter(message.body), receivedAt)),
      );
      return;
    }
    const bells = readBells(batch.messages);
    for (const message of bells.readable) message.ack();
    const invocation = new Invocation(env);
    await Promise.all([
      ...bells.unreadable.map(({ message, reason }) =>
        storeDeadLetter(env.DB, message, { queue: batch.queue, reason }, receivedAt),
      ),
      ...[...bells.work].map(([lane, shards]) => invocation.work(lane, shards)),
      ...[...bells.history].map((shard) => invocation.project(shard)),
      invocation.tell(bells.events),
    ]);
  },
} satisfies ExportedHandler<ProcessorEnv>;
