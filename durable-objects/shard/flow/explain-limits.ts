import type { ServiceHold } from "../../../contract/rpc/service.ts";
import { NO_EXECUTOR_MS } from "../../../domain/bell.ts";
import { limitsKeys, partitionShare } from "../../../domain/queue.ts";
import { rateOpensAfter } from "../../../domain/rate.ts";
import { isPushed, roomOf } from "../../../domain/target.ts";
import { BLOCKS, type JobHead } from "../jobs/job-row.ts";
import { JOBS } from "../jobs/job-store.ts";
import { PACKS } from "../jobs/packs/packs.ts";
import type { Parts } from "../kernel/part.ts";
import { connectionShares } from "./connections.ts";
import { EXECUTORS } from "./executors.ts";
import { type Asked, because, MAX_AHEAD, type Reason } from "./explain-reason.ts";
import { FLOW } from "./flow-store.ts";
import { holdOf } from "./holds.ts";
import { keyRoom, placesLeft, ratedPartition, rateShare } from "./limits.ts";

/**
 * Which limit lets no more jobs start: of its concurrency key, of its partition, or of the connections of its lane. Places
 * before rates: a rate opens by itself, and the time at which it does is worth nothing while a place is missing. Null when
 * there is room.
 */
export function limitIsFull(asked: Asked): Reason | null {
  return (
    keyRunsFull(asked) ??
    queueRunsFull(asked) ??
    serviceTakesNone(asked) ??
    connectionsAreUsed(asked) ??
    keyRateIsUsed(asked) ??
    queueRateIsUsed(asked) ??
    keyGoesFirst(asked)
  );
}

function connectionsAreUsed(asked: Asked): Reason | null {
  const { parts, row, queue, now } = asked;
  const { lane, target } = queue.settings;
  const full = connectionShares(parts, queue).find(({ inUse, most }) => inUse >= most);
  const detail =
    full !== undefined
      ? `${full.inUse} of ${full.most} connections of lane ${lane} that one ${full.whose} may have here are in use.`
      : isPushed(target) &&
          roomOf(target) === "http" &&
          parts.get(EXECUTORS).isUnconnected(lane, { now, ms: NO_EXECUTOR_MS })
        ? `The executor that came last for lane ${lane} had no outgoing connection left.`
        : null;
  if (detail === null) return null;
  return because("connections", detail, {
    ahead: readyAhead(parts, row, { partition: row.partition, limit: MAX_AHEAD }),
  });
}

/** Its service takes no jobs now, as far as executors have told. */
function serviceTakesNone(asked: Asked): Reason | null {
  const { parts, row, queue, now } = asked;
  const hold = holdOf(parts, queue.settings, now);
  if (hold === null || now >= hold.until) return null;
  const { target } = queue.settings;
  const [reason, why] = saysOf(hold.refusal, target.type === "service" ? target.service : "");
  const detail = `${why} A job of it is tried at ${new Date(hold.until).toISOString()}.`;
  const ahead = readyAhead(parts, row, { partition: row.partition, limit: MAX_AHEAD });
  return because(reason, detail, { ahead, estimatedStartAt: hold.until });
}

function saysOf(refusal: ServiceHold["refusal"], service: string): [Reason["reason"], string] {
  switch (refusal.reason) {
    case "service-open":
      return ["service-open", `The breaker of service ${service} is open.`];
    case "unreachable":
      return ["service-open", `Service ${service} could not be asked.`];
    case "bulkhead":
      return ["bulkhead", `Service ${service} has ${refusal.inUse} of ${refusal.limit} requests under way.`];
    case "rate":
      return ["rate", `Service ${service} has started as many requests as its rate lets it.`];
  }
}

/** The concurrency key of the job where its queue limits keys. */
function limitedKey({ row, queue }: Asked): string | null {
  return limitsKeys(queue.settings) ? row.concurrency_key : null;
}

function keyRunsFull(asked: Asked): Reason | null {
  const { parts, row, queue } = asked;
  const key = limitedKey(asked);
  const { perKeyConcurrency } = queue.settings;
  if (key === null || perKeyConcurrency === null) return null;
  const running = parts.get(FLOW).runningOfKey(row.queue, key);
  if (running < perKeyConcurrency) return null;
  return because("concurrency", `Its concurrency key runs ${running}/${perKeyConcurrency} jobs.`, {
    ahead: keyAhead(asked, key),
  });
}

function queueRunsFull(asked: Asked): Reason | null {
  const { parts, row, queue } = asked;
  const { concurrency, partitions } = queue.settings;
  if (concurrency === null || placesLeft(parts, queue, row.partition) > 0) return null;
  const share = partitionShare(concurrency, partitions, row.partition);
  const detail = `${scopeText(asked)} runs ${parts.get(JOBS).runningUnderLimit(row.queue, row.partition)}/${share} jobs.`;
  return because("concurrency", detail, {
    ahead: readyAhead(parts, row, { partition: row.partition, limit: MAX_AHEAD }),
  });
}

function keyRateIsUsed(asked: Asked): Reason | null {
  const { parts, row, queue, now } = asked;
  const key = limitedKey(asked);
  const { perKeyRate } = queue.settings;
  if (key === null || perKeyRate === null) return null;
  const { log } = parts.get(FLOW).gate({ slot: row.slot, queue: row.queue, key });
  if (rateOpensAfter(log, perKeyRate, { ahead: 0, now }) <= now) return null;
  const ahead = keyAhead(asked, key);
  const opensAt = Math.max(rateOpensAfter(log, perKeyRate, { ahead, now }), partitionOpensAt(asked, 0));
  return rateIsUsed("Its concurrency key", perKeyRate, { ahead, opensAt });
}

function queueRateIsUsed(asked: Asked): Reason | null {
  const { parts, row, queue, now } = asked;
  const rate = rateShare(queue, row.partition);
  if (rate === null || partitionOpensAt(asked, 0) <= now) return null;
  const key = limitedKey(asked);
  const atGate = key === null ? 0 : keyAhead(asked, key, [BLOCKS.gate]);
  const ahead = atGate + readyAhead(parts, row, { partition: row.partition, limit: MAX_AHEAD });
  return rateIsUsed(scopeText(asked), rate, { ahead, opensAt: partitionOpensAt(asked, ahead) });
}

function rateIsUsed(
  who: string,
  rate: { limit: number; periodMs: number },
  { ahead, opensAt }: { ahead: number; opensAt: number },
): Reason {
  const jobs = rate.limit === 1 ? "1 job" : `${rate.limit} jobs`;
  const may = `${who} may start ${jobs} in ${rate.periodMs / 1000} s`;
  if (!Number.isFinite(opensAt)) return because("rate", `${may}.`, { ahead });
  const behind = ahead === 0 ? "" : `, after ${ahead} ahead of it`;
  const detail = `${may}, and has: this one may start at ${new Date(opensAt).toISOString()}${behind}.`;
  return because("rate", detail, { ahead, estimatedStartAt: opensAt });
}

/** The key has room, and better jobs of it take all of that. */
function keyGoesFirst(asked: Asked): Reason | null {
  const key = limitedKey(asked);
  if (key === null) return null;
  const ahead = keyAhead(asked, key);
  if (ahead < keyRoom(asked.parts, { slot: asked.row.slot, queue: asked.row.queue, key }, asked.now)) return null;
  return because("priority", `${ahead} jobs of its concurrency key go first.`, { ahead });
}

/** When the partition's rate lets the job start after `ahead` others; now without a rate. */
function partitionOpensAt({ parts, row, queue, now }: Asked, ahead: number): number {
  const rate = rateShare(queue, row.partition);
  return rate === null
    ? now
    : rateOpensAfter(parts.get(FLOW).rateLog(ratedPartition(queue, row.partition)), rate, { ahead, now });
}

function scopeText({ row, queue }: Asked): string {
  const { name, partitions } = queue.settings;
  return partitions === 1 ? `Queue ${name}` : `Partition ${row.partition} of ${partitions} of queue ${name}`;
}

/** Queued jobs of its concurrency key, through the gate or at it, that a claim prefers. */
function keyAhead({ parts, row }: Asked, key: string, standing: number[] = [0, BLOCKS.gate]): number {
  const [counted] = parts.sql.all<{ n: number }>(
    `SELECT count(*) AS n FROM (SELECT 1 FROM jobs INDEXED BY jobs_gate WHERE queue = ? AND concurrency_key = ?
       AND concurrency_key IS NOT NULL AND state IN ('queued', 'running') AND state = 'queued'
       AND blocked IN (${standing.join(", ")}) AND rank < ? LIMIT +?)`,
    row.queue,
    key,
    row.rank,
    MAX_AHEAD,
  );
  return counted?.n ?? 0;
}

/** Ready jobs of a partition that a claim prefers, at most `limit`. */
export function readyAhead(
  parts: Parts,
  row: JobHead,
  { partition, limit }: { partition: number; limit: number },
): number {
  const [counted] = parts.sql.all<{ n: number }>(
    `SELECT count(*) AS n FROM (SELECT 1 FROM jobs INDEXED BY jobs_ready
       WHERE queue = ? AND partition = ? AND state = 'queued' AND blocked = 0 AND rank < ? LIMIT +?)`,
    row.queue,
    partition,
    row.rank,
    limit,
  );
  const rows = counted?.n ?? 0;
  const packs = parts.get(PACKS);
  return packs.any ? Math.min(limit, rows + packs.heads.ahead(row.queue, { partition, rank: row.rank, limit })) : rows;
}
