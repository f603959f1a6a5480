import { recordDeadLetter } from "../db/dead-letters.ts";
import { log } from "./log.ts";
import { reasonOf } from "./work-ports.ts";

const FIRST_DELAY_SECONDS = 30;
const MAX_DELAY_SECONDS = 3600;

/**
 * Keeps a message that could not be read, in D1, and acknowledges it. While D1 is down the message is retried: from a
 * lane it ends up in the dead-letter queue, whose retries last for days. Never rejects.
 */
export async function bury(
  db: D1Database,
  message: Message,
  letter: { queue: string; reason: string },
  now: number,
): Promise<void> {
  try {
    await recordDeadLetter(db, { id: message.id, receivedAt: now, body: textOf(message.body), ...letter });
    message.ack();
    log({ event: "dead-letter", reason: letter.reason, error: null }, { message: message.id });
  } catch (error) {
    const delaySeconds = Math.min(FIRST_DELAY_SECONDS * 2 ** (message.attempts - 1), MAX_DELAY_SECONDS);
    message.retry({ delaySeconds });
    log({ event: "dead-letter", reason: letter.reason, error: reasonOf(error) }, { message: message.id });
  }
}

/** Not every body has a JSON text: a message may carry anything that can be cloned. */
function textOf(body: unknown): string {
  try {
    return JSON.stringify(body) ?? String(body);
  } catch {
    return String(body);
  }
}
