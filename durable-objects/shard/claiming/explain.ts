import type { Explanation } from "../../../contract/rpc.ts";
import { nextTurn } from "../../../domain/fairness.ts";
import { isPushed, type QueueSettings } from "../../../domain/queue.ts";
import type { Sql } from "../../sql.ts";
import { dedupKeyOf } from "../dedup/dedup.ts";
import type { KnownQueue } from "../queues/queue-store.ts";
import { BLOCKS, type JobHead } from "../rows.ts";
import type { Stores } from "../turn.ts";
import { limitIsFull, readyAhead } from "./explain-limits.ts";
import { type Asked, because, MAX_AHEAD, type Reason } from "./explain-reason.ts";
import { partitionRoom, startable } from "./limits.ts";

/** A queue that waits to be claimed from, and was not for this long, has no worker. */
const NO_WORKER_MS = 30_000;
/** Jobs of each partition of another queue that are counted: they take turns, so more of one never count. */
const MAX_COUNTED = 1000;

/** Why a job is not running, from the same rows a claim would look at, by the first of the reasons that is true. */
export function explain(sql: Sql, stores: Stores, row: JobHead, now: number): Explanation {
  const asked = { sql, stores, row, queue: stores.queues.get(row.queue), now };
  return { state: row.state, ...reasonFor(asked) };
}

function reasonFor(asked: Asked): Reason {
  const { row, queue } = asked;
  switch (row.state) {
    case "succeeded":
    case "failed":
    case "cancelled":
      return because("final", `The job is ${row.state}.`);
    case "running":
      return because("running", `Attempt ${row.attempt} runs${row.worker === null ? "" : ` on ${row.worker}`}.`);
    default:
      if (queue.settings.paused) return because("paused", `Queue ${queue.settings.name} is paused.`);
      return notDue(asked) ?? heldBack(asked) ?? limitIsFull(asked) ?? inLine(asked);
  }
}

function notDue({ row, now }: Asked): Reason | null {
  if (row.state !== "scheduled" || row.run_at <= now) return null;
  const at = new Date(row.run_at).toISOString();
  return row.attempt > row.spent_before
    ? because("retrying", `Attempt ${row.attempt} failed; the next may start at ${at}.`, {
        estimatedStartAt: row.run_at,
      })
    : because("scheduled", `Due at ${at}.`, { estimatedStartAt: row.run_at });
}

/** What `blocked` says, strongest first. */
function heldBack(asked: Asked): Reason | null {
  const { stores, row } = asked;
  if (row.blocked & BLOCKS.line) {
    const open = stores.jobs.openOfKey(row.queue, row.ordering_key ?? "");
    const stands = open !== null && open.blocked & BLOCKS.parked ? ", and the key is parked" : "";
    const detail = `An earlier job of its ordering key is ${open?.state ?? "not final"}${stands}.`;
    return because("ordering", detail, { blockedBy: open?.id ?? null });
  }
  if (row.blocked & BLOCKS.parked) {
    const failed = stores.parked.find({ queue: row.queue, key: row.ordering_key ?? "" })?.job ?? null;
    const detail =
      failed === null
        ? "Its ordering key is paused."
        : "An earlier job of its ordering key failed for good, and somebody has to decide: retry, skip or discard it.";
    return because("parked", detail, { blockedBy: failed });
  }
  if (row.blocked & BLOCKS.after) {
    const key = dedupKeyOf(row);
    const before = key === null ? null : (stores.dedup.find(key)?.job ?? null);
    return because("deduplication", "It runs after an earlier job of its deduplication key.", { blockedBy: before });
  }
  // At the gate of its concurrency key: what the key may start now says why, the bit may be late.
  return null;
}

/** Nothing holds it: others go first, nobody comes, or it is next. */
function inLine(asked: Asked): Reason {
  const { stores, row, queue, now } = asked;
  const ahead = queueAhead(asked);
  // Before this object woke, a claim would have taken the job as soon as it could run.
  const lastClaimAt = stores.metrics.lastClaimAt(row.queue) ?? Math.max(row.run_at, queue.settings.updatedAt);
  if (!isPushed(queue.settings.target) && now - lastClaimAt >= NO_WORKER_MS) {
    return because("no-worker", noWorker(queue.settings, now - lastClaimAt), { ahead });
  }
  if (ahead > 0) return because("priority", `${ahead} ready jobs of its queue go first.`, { ahead });
  const turns = turnsAhead(stores, queue, now);
  if (turns > 0) {
    return because("fairness", `Queues that share its lane have ${turns} turns first.`, { ahead: turns });
  }
  return because("ready", "The next claim takes it.", { ahead: 0, estimatedStartAt: now });
}

function noWorker({ name, target, lane }: QueueSettings, idleMs: number): string {
  const detail = `Nobody has claimed from queue ${name} for ${Math.floor(idleMs / 1000)} s.`;
  if (target.type !== "consumer") return detail;
  return `${detail} The Queue of lane ${lane} needs a Worker as its consumer that has a handler for ${name}.`;
}

/** Jobs of other queues that a claim of its lane takes before it takes one of this queue. */
function turnsAhead(stores: Stores, queue: KnownQueue, now: number): number {
  const { lane, target } = queue.settings;
  if (!isPushed(target)) return 0;
  const contenders = stores.queues
    .all()
    .filter(({ settings }) => settings.lane === lane && settings.target.type === target.type)
    .map((other) => ({
      ...other.settings,
      left: startable(stores, other, { most: MAX_COUNTED, now }),
      own: other.ref === queue.ref,
    }))
    // The job itself is one, though the clock may not have come to it yet.
    .map((other) => (other.own ? { ...other, left: Math.max(1, other.left) } : other))
    .filter(({ left }) => left > 0);
  let turns = stores.turns.of;
  for (let ahead = 0; ahead < MAX_AHEAD; ahead++) {
    const waiting = contenders.filter(({ left }) => left > 0);
    if (waiting.length === 0) return ahead;
    const turn = nextTurn(waiting, turns);
    if (turn.contender.own) return ahead;
    turn.contender.left -= 1;
    turns = turn.turns;
  }
  return MAX_AHEAD;
}

/** Ready jobs of the same queue on this shard that a claim prefers, as far as their partitions have room. */
function queueAhead({ sql, stores, row, queue, now }: Asked): number {
  let ahead = 0;
  for (const partition of stores.jobs.readyPartitions(row.queue)) {
    const room = partition === row.partition ? MAX_AHEAD : partitionRoom(stores, queue, partition, now);
    if (room > 0) ahead += readyAhead(sql, row, { partition, limit: Math.min(room, MAX_AHEAD) });
  }
  return Math.min(ahead, MAX_AHEAD);
}
