import type { Attempt } from "./job.ts";

/** What the attempts kept with a job take at most, in bytes of UTF-8 as JSON: a row may have 2 MB, and its payload and result come first. */
export const MAX_ATTEMPTS_BYTES = 60_000;
/** Attempts kept with a job. A job redriven for ever must not grow for ever. */
export const MAX_STORED_ATTEMPTS = 100;

const encoder = new TextEncoder();

function bytesOf(value: unknown): number {
  return encoder.encode(JSON.stringify(value)).length;
}

/**
 * The last of the attempts, oldest first, that take no more than `maxBytes` as JSON, a control character being six bytes there.
 * The oldest lose first what they say, the message of the error and the worker, and then themselves. The newest is kept as
 * it is, whatever it takes.
 */
export function boundedAttempts<A extends Attempt>(attempts: readonly A[], maxBytes = MAX_ATTEMPTS_BYTES): A[] {
  const kept: A[] = [];
  const newest = attempts.slice(-MAX_STORED_ATTEMPTS).reverse();
  // Each is followed by a comma, or the end of the list.
  let left = maxBytes - "[".length;
  // What those that are left out of the whole ones would take without their details is set aside for them.
  const bare = newest.map((attempt) => bytesOf(withoutDetails(attempt)) + 1);
  let reserved = bare.reduce((sum, bytes) => sum + bytes, 0);
  let isWhole = true;
  for (const [i, attempt] of newest.entries()) {
    reserved -= bare[i] ?? 0;
    const whole = bytesOf(attempt) + 1;
    isWhole &&= whole + reserved <= left;
    const one = isWhole || i === 0 ? attempt : withoutDetails(attempt);
    const bytes = one === attempt ? whole : (bare[i] ?? 0);
    if (i > 0 && bytes > left) break;
    kept.push(one);
    left -= bytes;
  }
  return kept.reverse();
}

function withoutDetails<A extends Attempt>(attempt: A): A {
  return { ...attempt, worker: null, error: attempt.error === null ? null : { ...attempt.error, message: "" } };
}
