import { writeJson } from "../../../../contract/json-text.ts";
import { PROBLEMS, type ProblemError, type ProblemView } from "../../../../contract/problem.ts";
import { isProblem, problemView } from "../../../../contract/problems.ts";
import { recordDeadLetters } from "../../../db/dead-letters.ts";
import { log, reasonOf } from "../../log.ts";

/** What is kept of a message, or of a part of it, that can never be accepted. The same part has the same id each time. */
export interface Letter {
  id: string;
  reason: string;
  /** As it was sent. */
  body: unknown;
}

/** What becomes of one message: the letters are kept first, then it is done with, or comes again. */
export interface Verdict {
  letters: Letter[];
  /** Null: done. Else it comes again, not before `afterMs`. */
  retry: { reason: string; afterMs: number } | null;
}

export const DONE: Verdict = { letters: [], retry: null };

/**
 * Between two deliveries: 5 s, 10 s, 20 s … an hour, each a tenth more or less, so that what failed together does not come
 * together. A hundred of them, which is all that a Queue gives, take 3.8 days; it drops a message after four.
 */
export const FIRST_DELAY_SECONDS = 5;
const MAX_DELAY_SECONDS = 3600;
const JITTER = 0.1;

/** `attempts` counts the deliveries so far, `random` is uniform in [0, 1). */
export function retryDelaySeconds(attempts: number, random: number): number {
  const delay = Math.min(FIRST_DELAY_SECONDS * 2 ** Math.min(attempts - 1, 20), MAX_DELAY_SECONDS);
  return Math.round(delay * (1 - JITTER + 2 * JITTER * random));
}

/** Carries a verdict out on its message alone. A letter that cannot be kept makes the message come again. Never rejects. */
export async function ackOrRetry(
  message: Message,
  { letters, retry }: Verdict,
  { database, queue, now, random }: { database: D1Database; queue: string; now: number; random: number },
): Promise<void> {
  const delaySeconds = retryDelaySeconds(message.attempts, random);
  try {
    const kept = letters.map(({ body, ...letter }) => ({ ...letter, queue, receivedAt: now, body: textOf(body) }));
    await recordDeadLetters(database, kept);
    // A reason goes on with what was sent: it is kept with the letter, and only its code is logged.
    for (const { id, reason } of letters) log("warn", "dead-letter", { message: id, code: reason.split(":", 1)[0] });
  } catch (error) {
    log("error", "dead-letter", { message: message.id, reason: reasonOf(error) });
    message.retry({ delaySeconds });
    return;
  }
  if (retry === null) return message.ack();
  log("warn", "ingest-again", { message: message.id, attempts: message.attempts, reason: retry.reason });
  message.retry({ delaySeconds: Math.max(delaySeconds, Math.ceil(retry.afterMs / 1000)) });
}

/** What the same message may be spared by coming later. */
export function mayPass({ code }: { code: string }): boolean {
  if (code === "idempotency-undecided") return true;
  const status = Object.hasOwn(PROBLEMS, code) ? PROBLEMS[code as keyof typeof PROBLEMS].status : 500;
  return status === 429 || status >= 500;
}

/** The verdict over a message as a whole, by its problem, or by what was thrown over it. */
export function verdictOver(why: unknown, message: { id: string; body: unknown }): Verdict {
  if (!isProblem(why)) return { letters: [], retry: { reason: reasonOf(why), afterMs: 0 } };
  const view = problemView(why);
  if (mayPass(why) && !why.extras.permanent) {
    return { letters: [], retry: { reason: why.code, afterMs: afterMsOf(view) } };
  }
  return { letters: [{ id: message.id, reason: reasonText(view), body: message.body }], retry: null };
}

/** How long a problem says to wait. */
export function afterMsOf(problem: ProblemView): number {
  return typeof problem.retryAfter === "number" ? problem.retryAfter * 1000 : 0;
}

/** Enough of a reason to see what is wrong. */
const MAX_REASON = 2000;

/** "code: detail", and each fault with its JSON Pointer into the message. */
export function reasonText({ code, detail, errors = [] }: Pick<ProblemView, "code" | "detail" | "errors">): string {
  const faults = errors.map((fault: ProblemError) => `${fault.pointer || "/"} ${fault.detail}`);
  return [`${code}: ${detail}`, ...faults].join("; ").slice(0, MAX_REASON);
}

/** Not every body has a JSON text: a message may carry anything that can be cloned. */
function textOf(body: unknown): string {
  try {
    return writeJson(body) ?? String(body);
  } catch {
    // Not the value's own word for itself: of an array that nests too deep it is as impossible.
    return Object.prototype.toString.call(body);
  }
}
