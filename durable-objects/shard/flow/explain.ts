import type { Explanation } from "../../../contract/rpc.ts";
import { NO_EXECUTOR_MS } from "../../../domain/bell.ts";
import { nextInShare } from "../../../domain/fairness.ts";
import { isFinal } from "../../../domain/job/state.ts";
import { isPushed, roomOf } from "../../../domain/target.ts";
import { hostOf } from "../../../domain/target-url.ts";
import { BEGUN, BLOCKS, type JobHead, type Returns, returnsOf } from "../jobs/job-row.ts";
import { EACH_JOB, JOBS } from "../jobs/job-store.ts";
import { METRICS } from "../jobs/metrics.ts";
import { EACH_PACK, PACKS } from "../jobs/packs/packs.ts";
import type { Parts } from "../kernel/part.ts";
import { type Aside, QUARANTINE } from "../kernel/quarantine.ts";
import { NAMESPACES } from "../namespaces/namespace-store.ts";
import type { KnownQueue } from "../queues/known-queue.ts";
import { EACH_QUEUE, QUEUES, settingsRow } from "../queues/queue-store.ts";
import { FAIR_SHARE } from "./claim.ts";
import { connectionRoom, connectionShares } from "./connections.ts";
import { dedupKeyOf } from "./dedup.ts";
import { DEDUP } from "./dedup-store.ts";
import { EXECUTORS, type Executor } from "./executors.ts";
import { limitIsFull, readyAhead } from "./explain-limits.ts";
import { type Asked, because, MAX_AHEAD, type Reason } from "./explain-reason.ts";
import { EACH_GATE, EACH_RATE } from "./flow-store.ts";
import { holdOf, holdRoom } from "./holds.ts";
import { partitionRoom, ratedPartition, startable } from "./limits.ts";
import { lineOf } from "./ordering-keys.ts";
import { PARKED } from "./parked-store.ts";

/** A pull queue that waits to be claimed from, and was not for this long, has no worker. */
const NO_WORKER_MS = 30_000;
/** Jobs of each partition of another queue that are counted: they take turns, so more of one never count. */
const MAX_COUNTED = 1000;

/** Why a job is not running, from the same rows a claim would look at, by the first of the reasons that is true. */
export function explain(parts: Parts, row: JobHead, now: number): Explanation {
  const asked = { parts, row, queue: parts.get(QUEUES).get(row.queue), now };
  return { state: row.state, ...(isFinal(row.state) ? reasonFor(asked) : (quarantined(asked) ?? reasonFor(asked))) };
}

const WORK_ON: Record<string, string> = {
  [EACH_JOB.kind]: "Work on the job",
  [EACH_PACK.kind]: "Work on the job",
  [EACH_QUEUE.kind]: "Work on its queue",
};

/** Work on it, or on the limit that it waits for, throws. */
function quarantined({ parts, row, queue, now }: Asked): Reason | null {
  const quarantine = parts.get(QUARANTINE);
  if (!quarantine.any) return null;
  const { slot, queue: ref, concurrency_key: key } = row;
  const settings = settingsRow(queue);
  const aside =
    quarantine.find(EACH_JOB.kind, row.id) ??
    packAside(parts, row.id) ??
    quarantine.find(settings.kind, settings.key) ??
    quarantine.find(EACH_QUEUE.kind, EACH_QUEUE.keyOf(queue)) ??
    (key === null ? null : quarantine.find(EACH_GATE.kind, EACH_GATE.keyOf({ slot, queue: ref, key }))) ??
    quarantine.find(EACH_RATE.kind, EACH_RATE.keyOf(ratedPartition(queue, row.partition)));
  if (aside === null) return null;
  if (aside.kind === settings.kind) {
    const detail = `The settings of queue ${queue.settings.name} cannot be read in Dure (${aside.fault}). Nothing of it starts until they are sent again, as any change of the queue does.`;
    return because("quarantined", detail);
  }
  const what = WORK_ON[aside.kind] ?? "Work on the limit that it waits for";
  const at = Math.max(aside.until, now);
  const detail = `${what} has failed in Dure ${aside.tries} times, last with ${aside.fault}. It is tried again at ${new Date(at).toISOString()}.`;
  return because("quarantined", detail);
}

/** The pack of a job, where it is set aside. */
function packAside(parts: Parts, id: string): Aside | null {
  const place = parts.get(PACKS).find(id);
  return place === null ? null : parts.get(QUARANTINE).find(EACH_PACK.kind, EACH_PACK.keyOf(place.head));
}

function reasonFor(asked: Asked): Reason {
  const { parts, row, queue } = asked;
  switch (row.state) {
    case "succeeded":
    case "failed":
    case "cancelled":
      return because("final", `The job is ${row.state}.`);
    case "running":
      return running(asked);
    default:
      if (parts.get(NAMESPACES).isGone(queue.settings.namespace))
        return because(
          "deleting",
          `Namespace ${queue.settings.namespace} is being deleted: nothing of it starts any more.`,
        );
      if (queue.settings.paused) return because("paused", `Queue ${queue.settings.name} is paused.`);
      return notDue(asked) ?? blockedBy(asked) ?? limitIsFull(asked) ?? inLine(asked);
  }
}

/** Who has it: the worker that claimed it, or the target that was given it and reports by itself. */
function running({ row, queue }: Asked): Reason {
  if (row.begun !== BEGUN.handedOver) {
    return because("running", `Attempt ${row.attempt} runs${row.worker === null ? "" : ` on ${row.worker}`}.`);
  }
  const { target } = queue.settings;
  const whose = target.type === "http" ? `the target at ${hostOf(target.url)}` : "its target";
  const until = row.due_at === null ? "" : ` Its lease lasts until ${isoText(row.due_at)}.`;
  return because("running", `Attempt ${row.attempt} was handed over to ${whose}, which reports by itself.${until}`);
}

function notDue({ row, now }: Asked): Reason | null {
  if (row.state !== "scheduled" || row.run_at <= now) return null;
  const at = new Date(row.run_at).toISOString();
  const { last } = returnsOf(row);
  if (last !== undefined) {
    return because("retrying", `${PUT_BACK[last]}; no attempt was spent. It may start again at ${at}.`, {
      estimatedStartAt: row.run_at,
    });
  }
  return row.attempt > row.spent_before
    ? because("retrying", `Attempt ${row.attempt} failed; the next may start at ${at}.`, {
        estimatedStartAt: row.run_at,
      })
    : because("scheduled", `Due at ${at}.`, { estimatedStartAt: row.run_at });
}

const PUT_BACK: Record<NonNullable<Returns["last"]>, string> = {
  deferred: "Its target asked to wait",
  released: "Its worker gave it back",
  unbegun: "Its worker was lost before it had begun the job",
};

/** What `blocked` says, strongest first. */
function blockedBy(asked: Asked): Reason | null {
  const { parts, row } = asked;
  if (row.blocked & BLOCKS.line) {
    const open = parts.get(JOBS).openOfKey(row.queue, row.ordering_key ?? "");
    const stands = open !== null && open.blocked & BLOCKS.parked ? ", and the key is parked" : "";
    const detail = `An earlier job of its ordering key is ${open?.state ?? "not final"}${stands}.`;
    return because("ordering", detail, { blockedBy: open?.id ?? null });
  }
  if (row.blocked & BLOCKS.parked) {
    const line = lineOf(row);
    const failed = line === null ? null : (parts.get(PARKED).find(line)?.job ?? null);
    const detail =
      failed === null
        ? "Its ordering key is paused."
        : "An earlier job of its ordering key failed for good, and somebody has to decide: retry, skip or discard it.";
    return because("parked", detail, { blockedBy: failed });
  }
  if (row.blocked & BLOCKS.after) {
    const key = dedupKeyOf(row);
    const before = key === null ? null : (parts.get(DEDUP).find(key)?.job ?? null);
    return because("deduplication", "It runs after an earlier job of its deduplication key.", { blockedBy: before });
  }
  // At the gate of its concurrency key: what the key may start now says why, the bit may be late.
  return null;
}

/** Nothing holds it: others go first, nobody comes, or it is next. */
function inLine(asked: Asked): Reason {
  const { parts, queue, now } = asked;
  const ahead = queueAhead(asked);
  const missing = queue.settings.target.type === "pull" ? noWorker(asked, ahead) : noExecutor(asked, ahead);
  if (missing !== null) return missing;
  if (ahead > 0) return because("priority", `${ahead} ready jobs of its queue go first.`, { ahead });
  const turnsBefore = turnsAhead(parts, queue, now);
  if (turnsBefore > 0) {
    return because("fairness", `Queues that share its lane have ${turnsBefore} turns first.`, { ahead: turnsBefore });
  }
  return because("ready", "The next claim takes it.", { ahead: 0, estimatedStartAt: now });
}

/** Nobody has claimed from its pull queue for a while. */
function noWorker({ parts, row, queue, now }: Asked, ahead: number): Reason | null {
  // Before this object woke, a claim would have taken the job as soon as it could run.
  const since = parts.get(METRICS).lastClaimAt(row.queue) ?? Math.max(row.run_at, queue.settings.updatedAt);
  if (now - since < NO_WORKER_MS) return null;
  const detail = `Nobody has claimed from queue ${queue.settings.name} for ${wholeSeconds(now - since)} s.`;
  return because("no-worker", detail, { ahead, since });
}

/**
 * Nobody has come for the jobs of its lane, or for those of its consumer queue, though bells have rung for a while. A job for
 * which the first bell is out waits for nothing yet.
 */
function noExecutor({ parts, queue, now }: Asked, ahead: number): Reason | null {
  const executors = parts.get(EXECUTORS);
  const since = executors.waitingSince(queue);
  if (since === null || now - since < NO_EXECUTOR_MS) return null;
  const { name, lane, target } = queue.settings;
  const idle = `for ${wholeSeconds(now - since)} s, since ${isoText(since)}`;
  const detail = isPushed(target)
    ? `Nobody has come for the ${target.type} jobs of lane ${lane} ${idle}. ${lastCame(executors.last(lane), since)}`
    : `Nobody has claimed from queue ${name} ${idle}. The Queue of lane ${lane} needs a Worker as its consumer that has a handler for ${name}.`;
  return because("no-executor", detail, { ahead, since });
}

function lastCame(last: Executor | null, since: number): string {
  if (last === null)
    return "No processor is known to have ever come for the lane: it has to be deployed, as the consumer of the lane's Queue.";
  const who = last.version === null ? "A processor" : `The processor, version ${last.version},`;
  const at = isoText(last.visitedAt);
  return last.visitedAt > since
    ? `${who} came at ${at} and had no room for them.`
    : `${who} is known to have come last at ${at}.`;
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}

function isoText(at: number): string {
  return new Date(at).toISOString();
}

/** Jobs of other queues that a claim of its lane takes before it takes one of this queue. */
function turnsAhead(parts: Parts, queue: KnownQueue, now: number): number {
  const { lane, target } = queue.settings;
  if (!isPushed(target)) return 0;
  const contenders = parts
    .get(QUEUES)
    .all()
    .filter(
      ({ settings }) =>
        settings.lane === lane && isPushed(settings.target) && roomOf(settings.target) === roomOf(target),
    )
    .map((other) => {
      const room = connectionRoom(connectionShares(parts, other));
      return { other, room: Math.min(room, holdRoom(holdOf(parts, other.settings, now), now)) };
    })
    .map(({ other, room }) => ({
      ...other.settings,
      left: room <= 0 ? 0 : Math.min(room, startable(parts, other, { most: MAX_COUNTED, now })),
      own: other.ref === queue.ref,
    }))
    // The job itself is one, though the clock may not have come to it yet.
    .map((other) => (other.own ? { ...other, left: Math.max(1, other.left) } : other))
    .filter(({ left }) => left > 0);
  let fairShare = parts.get(FAIR_SHARE).next;
  for (let ahead = 0; ahead < MAX_AHEAD; ahead++) {
    const waiting = contenders.filter(({ left }) => left > 0);
    if (waiting.length === 0) return ahead;
    const served = nextInShare(waiting, fairShare);
    if (served.contender.own) return ahead;
    served.contender.left -= 1;
    fairShare = served.fairShare;
  }
  return MAX_AHEAD;
}

/** Ready jobs of the same queue on this shard that a claim prefers, as far as their partitions have room. */
function queueAhead({ parts, row, queue, now }: Asked): number {
  let ahead = 0;
  for (const partition of parts.get(JOBS).readyPartitions(row.queue)) {
    const room = partition === row.partition ? MAX_AHEAD : partitionRoom(parts, queue, { partition, now });
    if (room > 0) ahead += readyAhead(parts, row, { partition, limit: Math.min(room, MAX_AHEAD) });
  }
  return Math.min(ahead, MAX_AHEAD);
}
