import { SpawnLetter } from "../../contract/spawn-letter.ts";
import { faultText } from "../../domain/fault.ts";
import { recordDeadLetter } from "../db/dead-letters.ts";
import { log } from "./log.ts";

const FIRST_DELAY_SECONDS = 30;
const MAX_DELAY_SECONDS = 3600;

/**
 * Keeps a message that nobody could handle in D1, under its own id unless the letter has another, and acknowledges it. While
 * D1 is down the message is retried: from a lane it ends up in the dead-letter queue, whose retries last for days. Never
 * rejects.
 */
export async function storeDeadLetter(
  db: D1Database,
  message: Message,
  letter: { id?: string; queue: string; reason: string },
  now: number,
): Promise<void> {
  try {
    await recordDeadLetter(db, { id: message.id, receivedAt: now, body: textOf(message.body), ...letter });
    message.ack();
    log({ event: "dead-letter", reason: letter.reason, error: null }, { message: message.id });
  } catch (error) {
    const delaySeconds = Math.min(FIRST_DELAY_SECONDS * 2 ** (message.attempts - 1), MAX_DELAY_SECONDS);
    message.retry({ delaySeconds });
    log({ event: "dead-letter", reason: letter.reason, error: faultText(error) }, { message: message.id });
  }
}

/** What a message of the dead-letter queue is about: one that nobody could handle, or a spawned job that was refused. */
export function letterOf(body: unknown): { id?: string; reason: string } {
  const read = SpawnLetter.safeParse(body);
  if (!read.success) return { reason: "retries exhausted" };
  // Its own name: a shard that was not answered sends it again, as another message.
  return { id: `spawn/${read.data.id}`, reason: `spawned job refused: ${read.data.reason}` };
}

/** Not every body has a JSON text: a message may carry anything that can be cloned. */
function textOf(body: unknown): string {
  try {
    return JSON.stringify(body) ?? String(body);
  } catch {
    return String(body);
  }
}
