import type { BatchEnvelope, BatchView } from "../../../contract/batch.ts";
import { canonicalJson } from "../../../contract/canonical-json.ts";
import { sha256Hex, toHex } from "../../../contract/hash.ts";
import { idempotency, isProblem, type Problem, type Result } from "../../../contract/problems.ts";
import { slotOf } from "../../../domain/slots.ts";
import { log, reasonOf } from "../log.ts";
import type { Services } from "../services.ts";
import { type Pinned, partitioningsOf, sealed, unsealed } from "./pinned.ts";
import { type Randomness, seededRandomness } from "./randomness.ts";

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
 * place, so the record has what placed the jobs, too (`pinned.ts`): where that is no longer so nobody can tell what became of
 * it. What the batch was answered is noted in the end, and replayed for a day.
 */
export async function batchOnce(
  services: Services,
  { namespace, key, body, now, stands }: OnceOptions,
  run: (options: { randomness: Randomness; now: number; late: boolean; pinned?: Pinned }) => Promise<Result<BatchView>>,
): Promise<Result<BatchView>> {
  const { shards } = services;
  const slot = slotOf(namespace, `batch-key/${key}`, 0);
  const hash = await sha256Hex(canonicalJson(body));
  const places = await partitioningsOf(services, body.jobs, { namespace, now });
  if (isProblem(places)) return places;
  const seed = sealed(toHex(crypto.getRandomValues(new Uint8Array(SEED_BYTES))), places);
  const opened = await shards.ask(slot, { idempotent: true }, (shard, head) =>
    shard.openBatch({ ...head, namespace, key, slot, hash, seed }),
  );
  if (isProblem(opened)) return opened;
  if (opened.type === "mismatch") return idempotency.batchMismatch();
  if (opened.answer !== null) return replayOf(JSON.parse(opened.answer) as BatchView);
  const late = now - opened.madeAt > RESUMABLE_MS;
  // What became of a transaction can be asked for longer.
  if (late && !body.atomic && stands === undefined) return idempotency.batchUndecided();
  const close = (answer: string | null) =>
    shards.ask(slot, { idempotent: true }, (shard, head) =>
      shard.closeBatch({ ...head, namespace, key, slot, answer }),
    );
  const { seed: digits, queues } = unsealed(opened.seed);
  const pinned = { queues, isRepeat: opened.seed !== seed };
  const view = await run({ randomness: seededRandomness(digits), now: opened.madeAt, late, pinned });
  if (isProblem(view)) {
    const closed = nothingAccepted(view) ? await close(null) : null;
    return isProblem(closed) ? closed : view;
  }
  if (stands?.(view) === false) return view;
  const anything = view.items.some((item) => "id" in item);
  // What a shard has not answered may have been accepted: sent again, it is completed under the same ids.
  if (!anything && view.items.some(unanswered)) return view;
  const closed = await close(anything ? JSON.stringify(view) : null);
  // Accepted is accepted: a record that could not be closed is told by the next replay, under the same ids.
  if (isProblem(closed)) log("warn", "batch-close", { reason: reasonOf(closed) });
  return view;
}

function unanswered(item: BatchView["items"][number]): boolean {
  return "problem" in item && item.problem.status >= 500;
}

function nothingAccepted({ status, extras }: Problem): boolean {
  return extras.accepted === undefined ? status < 500 : extras.accepted === "nothing";
}

/** The batch again: the same jobs, none of them new. */
function replayOf(first: BatchView): BatchView {
  const items = first.items.map((item) => ("id" in item ? { ...item, replayed: true } : item));
  return { ...first, accepted: 0, items };
}
