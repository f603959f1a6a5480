import { within } from "./deadline.ts";

/** workerd looks for new requests when nothing is left to do: objects of one process that call each other would never let it. */
const BREATH_MS = 1;

/**
 * Does the work for each item, one after the other, so that much to do is no burst for whoever shares a thread or the database with
 * it: others come in between. One that takes longer than `patienceMs` keeps no other: the next begins beside it. Ends when all have. What a
 * work fails with it fails with, and begins no more.
 */
export async function inTurn<T>(
  items: readonly T[],
  patienceMs: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const begun: Promise<unknown>[] = [];
  for (const item of items) {
    if (begun.length > 0) await new Promise((wake) => setTimeout(wake, BREATH_MS));
    const done = work(item);
    begun.push(done);
    await within(patienceMs, done);
  }
  await Promise.all(begun);
}
