import type { BatchEnvelope, BatchView } from "../../../contract/batch.ts";
import { canonicalJson } from "../../../contract/canonical-json.ts";
import { sha256Hex, toHex } from "../../../contract/hash.ts";
import { PROBLEMS } from "../../../contract/problem.ts";
import { slotOf } from "../../../domain/slots.ts";
import { log, reasonOf } from "../log.ts";
import { Refusal } from "../refusal.ts";
import type { Services } from "../services.ts";
import { type Pinned, partitioningsOf, sealed, unsealed } from "./pinned.ts";
import { type Randomness, seededRandomness } from "./randomness.ts";
import { undecidable } from "./spanning.ts";

const SEED_BYTES = 16;
/**
 * A batch whose answer was never noted may be sent again for as long as its shards surely remember its jobs' ids (they
 * do for a minute at least). Later nobody could tell a second run from the first.
 */
const RESUMABLE_MS = 30_000;

export interface OnceOptions {
  namespace: string;
  key: string;
  body: BatchEnvelope;
  now: number;
  /**
   * For a sender who goes on until `stands` says that the answer is the last: until then the key stays open, and the batch
   * is completed under the same ids however late it comes again. The run finds out itself what of an earlier one has come
   * and gone (`SubmitOptions.past`).
   */
  stands?: (view: BatchView) => boolean;
}

/**
 * Runs a batch once for its idempotency key. The key's record is made first, with a seed; the jobs' ids are made of that
 * seed, so that a batch which was cut short is completed under the same ids when it is sent again. An id holds its job's
 * place, so the record has what placed the jobs, too (`pinned.ts`): throws `PlacesChanged` where that is no longer so. What
 * the batch was answered is noted in the end, and replayed for a day.
 */
export async function batchOnce(
  services: Services,
  { namespace, key, body, now, stands }: OnceOptions,
  run: (options: { randomness: Randomness; now: number; late: boolean; pinned?: Pinned }) => Promise<BatchView>,
): Promise<BatchView> {
  const { shards } = services;
  const slot = slotOf(namespace, `batch-key/${key}`, 0);
  const hash = await sha256Hex(canonicalJson(body));
  const places = await partitioningsOf(services, body.jobs, { namespace, now });
  const seed = sealed(toHex(crypto.getRandomValues(new Uint8Array(SEED_BYTES))), places);
  const opened = await shards.ask(slot, { idempotent: true }, (shard, head) =>
    shard.openBatch({ ...head, namespace, key, slot, hash, seed }),
  );
  if (opened.type === "mismatch") {
    throw new Refusal("idempotency-mismatch", "The idempotency key was used with another batch.");
  }
  if (opened.answer !== null) return replayOf(JSON.parse(opened.answer) as BatchView);
  const late = now - opened.madeAt > RESUMABLE_MS;
  // What became of a transaction can be asked for longer.
  if (late && !body.atomic && stands === undefined) throw undecidable();
  const close = (answer: string | null) =>
    shards.ask(slot, { idempotent: true }, (shard, head) =>
      shard.closeBatch({ ...head, namespace, key, slot, answer }),
    );
  try {
    const { seed: digits, queues } = unsealed(opened.seed);
    const pinned = { queues, isRepeat: opened.seed !== seed };
    const view = await run({ randomness: seededRandomness(digits), now: opened.madeAt, late, pinned });
    if (stands?.(view) === false) return view;
    const anything = view.items.some((item) => "id" in item);
    // What a shard has not answered may have been accepted: sent again, it is completed under the same ids.
    if (!anything && view.items.some(unanswered)) return view;
    // Accepted is accepted: a record that could not be closed is told by the next replay, under the same ids.
    await close(anything ? JSON.stringify(view) : null).catch((error: unknown) => {
      log("warn", "batch-close", { reason: reasonOf(error) });
    });
    return view;
  } catch (error) {
    if (error instanceof Refusal && nothingAccepted(error)) await close(null);
    throw error;
  }
}

function unanswered(item: BatchView["items"][number]): boolean {
  return "problem" in item && item.problem.status >= 500;
}

function nothingAccepted({ code, extras }: Refusal): boolean {
  return extras.accepted === undefined ? PROBLEMS[code].status < 500 : extras.accepted === "nothing";
}

/** The batch again: the same jobs, none of them new. */
function replayOf(first: BatchView): BatchView {
  const items = first.items.map((item) => ("id" in item ? { ...item, replayed: true } : item));
  return { ...first, accepted: 0, items };
}
