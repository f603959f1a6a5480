import type { ChangeKeyReply, ChangeKeyRequest, OrderingKey, OrderingKeysRequest } from "../../../contract/rpc.ts";
import { PARKED_STATES } from "../../../contract/rpc.ts";
import type { Sql } from "../../sql.ts";
import { pause, resume, unblock } from "../claiming/ordering.ts";
import { redrive, unredrivable } from "../jobs/change.ts";
import { discard } from "../jobs/discard.ts";
import { takeSettings } from "../queues/configure.ts";
import type { Stores, Turn } from "../turn.ts";
import { errorOf } from "./dead.ts";
import type { Line, ParkedKey } from "./parked-store.ts";

/** Jobs counted behind one key at most. */
const MAX_WAITING = 1000;
/** How long a caller waits before it asks again after a queue that is held for a change. */
const HELD_RETRY_MS = 50;

/** A page of the keys of a queue that stand still, the latest first. */
export function orderingKeys(stores: Stores, sql: Sql, request: OrderingKeysRequest): OrderingKey[] {
  const queue = stores.queues.find(request.namespace, request.queue);
  if (queue === null) return [];
  const states = request.state === null ? PARKED_STATES : [request.state];
  return states
    .flatMap((state) => stores.parked.page(queue.ref, state, request))
    .sort((a, b) => b.since - a.since || (a.key < b.key ? -1 : 1))
    .slice(0, request.limit)
    .map((parked) => keyOf(stores, sql, { line: parked, parked }));
}

/** Parks a key by hand, lets it go, or decides about the failed job that blocks it. */
export function changeKey(turn: Turn, sql: Sql, request: ChangeKeyRequest): ChangeKeyReply {
  const queue = takeSettings(turn, request.settings);
  if (queue.settings.version > request.settings.version) return { type: "settings", settings: queue.settings };
  if (queue.heldUntil > turn.now) return { type: "busy", retryAfterMs: HELD_RETRY_MS };
  const line = { queue: queue.ref, key: request.key };
  if (request.action === "pause") pause(turn, line);
  else if (request.action === "resume") resume(turn, line);
  else {
    const failed = turn.stores.parked.find(line)?.job ?? null;
    if (failed === null || (request.job !== null && request.job !== failed)) {
      return { type: "not-blocked", key: describe(turn, sql, line) };
    }
    const undone = decide(turn, { line, failed, action: request.action });
    if (undone !== null) return undone;
  }
  return { type: "key", key: describe(turn, sql, line) };
}

interface Decision {
  line: Line;
  /** The job that blocks the key. */
  failed: string;
  action: "retry" | "skip" | "discard";
}

/** Null when it is done, else why it cannot be. */
function decide(turn: Turn, { line, failed, action }: Decision): ChangeKeyReply | null {
  const row = turn.stores.jobs.head(failed);
  if (action === "retry") {
    if (row === null) return { type: "forgotten", job: failed };
    const because = unredrivable(turn, row);
    if (because !== null) return { type: "refused", because };
    if (redrive(turn, row, 0) === null) throw new Error(`${failed} blocks its key and is ${row.state}`);
    return null;
  }
  if (action === "discard" && row !== null) discard(turn, row);
  unblock(turn, line);
  return null;
}

function describe(turn: Turn, sql: Sql, line: Line): OrderingKey {
  return keyOf(turn.stores, sql, { line, parked: turn.stores.parked.find(line) });
}

function keyOf(stores: Stores, sql: Sql, { line, parked }: { line: Line; parked: ParkedKey | null }): OrderingKey {
  const { key } = line;
  const waiting = waitingOf(stores, sql, line);
  if (parked === null) return { key, state: "open", job: null, error: null, since: null, waiting };
  const { state, job, since } = parked;
  const failed = job === null ? null : stores.jobs.head(job);
  return { key, state, job, error: failed === null ? null : errorOf(failed), since, waiting };
}

function waitingOf(stores: Stores, sql: Sql, { queue, key }: Line): number {
  const counted = sql.all<{ n: number }>(
    `SELECT count(*) AS n FROM (SELECT 1 FROM jobs INDEXED BY jobs_key WHERE queue = ? AND ordering_key = ?
       AND ordering_key IS NOT NULL AND state IN ('scheduled', 'queued', 'running') LIMIT +?)`,
    queue,
    key,
    MAX_WAITING,
  )[0];
  const runs = stores.jobs.openOfKey(queue, key)?.state === "running";
  return Math.max(0, (counted?.n ?? 0) - (runs ? 1 : 0));
}
