import type { Page } from "../../../contract/list.ts";
import type { OrderingKeysQuery, OrderingKeyView } from "../../../contract/ordering-keys.ts";
import { conflict, isProblem, notFound, type Problem, type Result, unavailable } from "../../../contract/problems.ts";
import type { ChangeKeyRequest, OrderingKey } from "../../../contract/rpc.ts";
import { formatTimestamp } from "../../../contract/time.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { partitionOf, slotOf } from "../../../domain/slots.ts";
import { fromBase64Url, toBase64Url, utf8 } from "../../crypto/bytes.ts";
import { makeCursor, openCursor } from "../access/cursor.ts";
import { readHistory } from "../jobs/job-read.ts";
import type { Services } from "../services.ts";
import { cannotReturn, retryFromHistory } from "./revive.ts";

/** How often a shard may know newer settings than the last ones it answered. */
const MAX_TRIES = 4;

/** A page of the parked ordering keys of a queue, over all shards, the latest first. */
export async function orderingKeysPage(
  services: Services,
  name: { namespace: string; queue: string },
  query: OrderingKeysQuery,
): Promise<Result<Page<OrderingKeyView>>> {
  const state = query.state ?? null;
  const list = `ordering-keys:${name.namespace}/${name.queue}/${state ?? ""}`;
  const cursor = await openCursor(services.signer, list, query.cursor);
  if (isProblem(cursor)) return cursor;
  const after = positionOf(cursor);
  const request = { ...name, state, after, limit: query.limit + 1 };
  const pages = await services.shards.all({ idempotent: true }, (shard, head) =>
    shard.orderingKeys({ ...head, ...request }),
  );
  if (isProblem(pages)) return pages;
  const found = pages.flat().sort((a, b) => (b.since ?? 0) - (a.since ?? 0) || (a.key < b.key ? -1 : 1));
  const items = found.slice(0, query.limit);
  const last = items.at(-1);
  const more = found.length > items.length && last !== undefined;
  const nextCursor = more ? await makeCursor(services.signer, list, positionText(last)) : null;
  return { items: items.map(keyView), nextCursor };
}

/** Keys are any text: as base64url none makes a cursor too long. */
function positionText({ since, key }: OrderingKey): string {
  return `${since ?? 0}/${toBase64Url(utf8(key))}`;
}

function positionOf(cursor: string | null): { since: number; key: string } | null {
  const [since, key] = cursor?.split("/") ?? [];
  const bytes = key === undefined ? null : fromBase64Url(key);
  return since === undefined || bytes === null ? null : { since: Number(since), key: new TextDecoder().decode(bytes) };
}

/** What is to be done with one key. */
export type KeyChange = Pick<ChangeKeyRequest, "key" | "action" | "job">;

/** Pauses, resumes or unblocks a key, in the shard of its partition; answers how it stands then. */
export async function changeKey(
  services: Services,
  { settings, change }: { settings: QueueSettings; change: KeyChange },
): Promise<Result<OrderingKeyView>> {
  let known = settings;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const reply = await ask(services, known, change);
    if (isProblem(reply)) return reply;
    switch (reply.type) {
      case "key":
        return keyView(reply.key);
      case "settings":
        if (reply.settings.deleted) return notFound.queue(settings.name);
        known = reply.settings;
        break;
      case "refused":
        return cannotReturn(reply.because, settings.name);
      case "forgotten":
        return bringBack(services, { settings: known, change, id: reply.job });
      case "not-blocked":
        return notBlocked(reply.key);
    }
  }
  return unavailable.queueChanging();
}

function ask({ shards }: Services, settings: QueueSettings, change: KeyChange) {
  const keys = { orderingKey: change.key, idempotencyKey: null };
  const slot = slotOf(settings.namespace, settings.name, partitionOf(keys, settings.partitions, 0));
  // Not sent twice on an error: a decision about one failed job must not fall on the next.
  return shards.ask(slot, { idempotent: false }, (shard, head) =>
    shard.changeKey({ ...head, ...change, settings, slot }),
  );
}

/** The failed job has left its shard: it comes back from history, which lets its key go. */
async function bringBack(
  services: Services,
  { settings, change, id }: { settings: QueueSettings; change: KeyChange; id: string },
): Promise<Result<OrderingKeyView>> {
  const job = await readHistory(services, { namespace: settings.namespace, id });
  if (isProblem(job)) return job;
  if (job === null) return conflict.state(`The failed job ${id} is no longer kept: skip or discard it.`);
  const retried = await retryFromHistory(services, job);
  if (isProblem(retried)) return retried;
  // The same question again changes nothing now, and is answered with the key as it stands.
  const reply = await ask(services, settings, { ...change, job: id });
  if (isProblem(reply)) return reply;
  if (reply.type === "key" || reply.type === "not-blocked") return keyView(reply.key);
  return unavailable.queueChanging();
}

function notBlocked({ state, job }: OrderingKey): Problem {
  const detail = job === null ? `The key is ${state}, and no failed job blocks it.` : `The key is blocked by ${job}.`;
  return conflict.of("key-not-blocked", detail);
}

function keyView({ job, since, ...key }: OrderingKey): OrderingKeyView {
  return { ...key, jobId: job, since: since === null ? null : formatTimestamp(since) };
}
