import { DEFERRED_KNOWN_MS } from "../../contract/ingest.ts";
import { isProblem, type Result } from "../../contract/problems.ts";
import { DEFAULT_QUEUE, implicitDefault } from "../../contract/queue-settings.ts";
import type { ShardHealth } from "../../contract/rpc.ts";
import { type QueueSettings, queueId } from "../../domain/queue.ts";
import { forgetAuditLog } from "../db/audit-log.ts";
import { type Db, primary } from "../db/client.ts";
import { forgetDeadLetters } from "../db/dead-letters.ts";
import { forgetJobs } from "../db/history.ts";
import { forgetPages } from "../db/history-pages.ts";
import { forgetKeys, revokeKeys } from "../db/keys.ts";
import { namespaceNames } from "../db/namespaces.ts";
import { confirmProjections } from "../db/projection.ts";
import { allFormerQueues, allQueues, forgetFormerQueue } from "../db/queues.ts";
import { firstIdAt } from "./access/token.ts";
import { CronPushes, type Places } from "./cron-pushes.ts";
import { inTurn } from "./in-turn.ts";
import { log, reasonOf } from "./log.ts";
import { repairDeletions } from "./namespaces/namespace-deletion.ts";
import { repairOperations } from "./operations/operations.ts";
import { walkForAMinute } from "./platform/audit-walk.ts";
import { longestRefused } from "./platform/database-room.ts";
import { longestWaiting } from "./platform/processor-away.ts";
import { sealStored } from "./platform/seal-stored.ts";
import { type Services, servicesOf } from "./services.ts";

/*
 * A round is one invocation: it has 1,000 queries of D1, 10,000 subrequests and 1,000 uses of KV for all of its steps together. Each
 * step does a bounded part, and what it leaves is for the rounds that come. Queries at most: settings 200 (`cron-pushes.ts`), deletions 170,
 * history 240, operations 210, secrets 140, all else 30.
 */

/** A step, or a shard in a step, that takes longer has the next begin beside it. */
const STEP_PATIENCE_MS = 100;
const SHARD_PATIENCE_MS = 20;
/** All shards of a step have begun after so long, however many there are. */
const SHARDS_MS = 8_000;
const AUDIT_MS = 20_000;
/** Keys that stopped working stay this long, for whoever asks what they were. */
const KEY_AGE_MS = 30 * 24 * 3_600_000;
/** A day more than the trigger of the table asks for, so that two clocks may differ. */
const AUDIT_LOG_MS = 401 * 24 * 3_600_000;
/** A message that nobody could read stays this long, for whoever looks what it was. */
const DEAD_LETTER_MS = 30 * 24 * 3_600_000;
/** Statements of one run over the audit log, and over dead letters. */
const MAX_OLD_PURGES = 8;
/** One statement's work in history, and the time all of it may take of a run. */
const PURGE_STEP = 500;
const PURGE_PAGES = 100;
const PURGE_MS = 20_000;
/** A queue whose name another has is remembered this much longer than it keeps its jobs: what is late, comes by then. */
const FORMER_MS = 30 * 24 * 3_600_000;
/** Rounds of purging of one run, four queries each. */
const MAX_PURGES = 50;
/** Former queues that one run forgets, a query each. */
const MAX_FORGOTTEN = 30;

/** Self-repair, every minute. Each step stands alone: one that fails is logged and the others go on. */
export async function repair(env: Env, now: number): Promise<void> {
  const services = await servicesForRound(servicesOf(env));
  if (services === null) return;
  const woken = new Map<string, ShardHealth>();
  const places = await placesOf(services);
  const pushes = new CronPushes(places, now);
  const steps: Record<string, () => Promise<unknown>> = {
    wake: () => wakeShards(services, now, woken),
    settings: () => pushes.queues(services),
    namespaces: () => pushes.namespaces(services),
    deletions: () => repairDeletions(services, now),
    schedules: () => pushes.schedules(services),
    subscriptions: () => pushes.subscriptions(services),
    services: () => pushes.services(services),
    purge: () => purgeHistory(services, now),
    operations: () => repairOperations(services, now),
    secrets: () => sealStored(services, now),
    audit: () => auditShards(services),
    keys: () => forgetKeys(primary(services.database), now - KEY_AGE_MS),
    revocations: () => writeRevocations(services, now),
    "audit-log": () => purgeAuditLog(primary(services.database), now),
    "dead-letters": () => purgeDeadLetters(primary(services.database), now),
  };
  await inTurn(Object.entries(steps), STEP_PATIENCE_MS, ([name, work]) => step(name, work));
  await step("round", () => note(services, woken, places));
}

/** What the round leaves for those who ask whether Dure can work. */
function note({ cron }: Services, woken: Map<string, ShardHealth>, places: Places): Promise<void> {
  const found = { longestWaiting: longestWaiting(woken), longestRefused: longestRefused(woken) };
  return cron.note({ at: Date.now(), ...found, places });
}

/**
 * The cron makes no object: made by it, an object would lie for ever near where the cron happened to run. KV says whether there is a
 * Directory, which knows the shards that are there. Null: there is nothing yet, and nothing to mend.
 */
async function servicesForRound(services: Services): Promise<Services | null> {
  if (!(await services.cron.somethingIsThere())) return null;
  const shards = await services.shards.usedAlone();
  if (!isProblem(shards)) return { ...services, shards };
  log("error", "repair", { step: "used-shards", reason: reasonOf(shards) });
  return services;
}

/** Where the last round stopped. Without its note all walks begin anew: then some settings are handed out again that need not be. */
async function placesOf({ cron }: Services): Promise<Places> {
  try {
    return { ...(await cron.last())?.places };
  } catch (error) {
    log("warn", "cron-places", { reason: reasonOf(error) });
    return {};
  }
}

/** Runs a step; logs the problem that it answers, if it answers one, and what it throws. */
async function step(name: string, work: () => Promise<unknown>): Promise<void> {
  const fails = (why: unknown) => log("error", "repair", { step: name, reason: reasonOf(why) });
  try {
    const result = await work();
    if (isProblem(result)) fails(result);
  } catch (error) {
    fails(error);
  }
}

/**
 * A shard whose alarm was lost goes on when it is woken. One that does not answer must not keep the others asleep. Where
 * history is level with a shard that is noted: eventual reads tell their age by it. `health` gets how each of them is.
 */
async function wakeShards(
  { shards, databases }: Services,
  now: number,
  health: Map<string, ShardHealth>,
): Promise<Result<null>> {
  const map = await shards.refresh();
  if (isProblem(map)) return map;
  const ids = shards.every(map);
  const logs: { shard: string; seq: number }[] = [];
  await inTurn(ids, patienceWith(ids), (id) =>
    step(`wake ${id}`, async () => {
      const woken = await shards.onceWithLog(id, { idempotent: true }, (shard, head) => shard.wake(head));
      if (isProblem(woken)) return woken;
      logs.push({ shard: id, seq: woken.log.seq });
      health.set(id, woken.result);
      return null;
    }),
  );
  if (logs.length > 0) {
    const at = { heardAt: now, now: Date.now() };
    await Promise.all(databases.map(({ database }) => confirmProjections(database, logs, at)));
  }
  return null;
}

/** The audit of every shard goes on by as much as a run allows: so every row is looked at within a time that can be said. */
async function auditShards({ shards }: Services): Promise<Result<null>> {
  const until = Date.now() + AUDIT_MS;
  const map = await shards.map();
  if (isProblem(map)) return map;
  const of = map.shards.length;
  const ids = shards.every(map);
  await inTurn(ids, patienceWith(ids), (id) =>
    step(`audit ${id}`, () => walkForAMinute(shards, id, { of, goesOn: () => Date.now() < until })),
  );
  return null;
}

function patienceWith(ids: readonly string[]): number {
  return Math.min(SHARD_PATIENCE_MS, SHARDS_MS / ids.length);
}

/** Brings D1 after where a key was revoked while D1 did not answer. Writes nothing where it knows. */
async function writeRevocations({ revocations, database }: Services, now: number): Promise<void> {
  const keys = (await revocations.all()) ?? [];
  if (keys.length > 0) await revokeKeys(primary(database), keys, now);
}

/** Deletes entries of the audit log that are older than it keeps them, a bounded number a run. */
async function purgeAuditLog(db: Db, now: number): Promise<void> {
  const before = firstIdAt(now - AUDIT_LOG_MS);
  await untilFew(() => forgetAuditLog(db, before, PURGE_STEP));
}

/** Deletes dead letters that are older than they are kept, a bounded number a run. */
function purgeDeadLetters(db: Db, now: number): Promise<void> {
  return untilFew(() => forgetDeadLetters(db, now - DEAD_LETTER_MS, PURGE_STEP));
}

/** Deletes `PURGE_STEP` at a time until fewer are left, or the run has done its part. */
async function untilFew(purge: () => Promise<number>): Promise<void> {
  for (let purges = 0; purges < MAX_OLD_PURGES; purges++) {
    if ((await purge()) < PURGE_STEP) return;
  }
}

/** Forgets finished jobs past their queue's retention, from a random queue on so that a large one starves none. */
async function purgeHistory({ database, databases }: Services, now: number): Promise<void> {
  const db = primary(database);
  // These first: only the first read of a session is the primary's.
  const named = await queuesWithHistory(db);
  const former = new Set(await allFormerQueues(db));
  const queues = [...named, ...former];
  const start = Math.floor(Math.random() * queues.length);
  const until = Date.now() + PURGE_MS;
  let purges = 0;
  let forgotten = 0;
  for (const settings of [...queues.slice(start), ...queues.slice(0, start)]) {
    for (const each of databases) {
      const theirs = primary(each.database);
      for (let more = true; more; ) {
        if (purges++ >= MAX_PURGES || Date.now() > until) return;
        const what = forgettable(settings, now);
        const [jobs, pages] = [
          await forgetJobs(theirs, what, PURGE_STEP),
          await forgetPages(theirs, what, PURGE_PAGES),
        ];
        more = jobs === PURGE_STEP || pages === PURGE_PAGES;
      }
    }
    if (former.has(settings) && isLongGone(settings, now) && forgotten++ < MAX_FORGOTTEN) {
      await forgetFormerQueue(db, settings);
    }
  }
}

/** A replay of a key has to find its job, so a job stays at least as long as its keys: see also `keptUntil` of a job. */
function forgettable(settings: QueueSettings, now: number) {
  const { namespace, name, retentionMs, idempotencyWindowMs } = settings;
  return {
    namespace,
    queue: queueId(name, settings),
    finishedBefore: now - retentionMs,
    createdBefore: now - idempotencyWindowMs - (mayBeDeferred(settings, now) ? DEFERRED_KNOWN_MS : 0),
    keptBefore: now,
  };
}

/**
 * Whether a message with a job of the queue may be on its way: it finds out from history whether that was committed. Its keys
 * count from the commit, which can be as much later than the acceptance.
 */
function mayBeDeferred({ consistency, availableUntil = 0 }: QueueSettings, now: number): boolean {
  return consistency === "available" || availableUntil > now - DEFERRED_KNOWN_MS;
}

/** Of a queue whose name another has, nothing comes to history any more: its shards had a month for it. */
function isLongGone({ retentionMs, updatedAt }: QueueSettings, now: number): boolean {
  return updatedAt < now - retentionMs - FORMER_MS;
}

/** Every queue there ever was, and each namespace's `default`, which may have jobs and no row. */
async function queuesWithHistory(db: Db): Promise<QueueSettings[]> {
  const queues = await allQueues(db);
  const put = new Set(queues.filter(({ name }) => name === DEFAULT_QUEUE).map(({ namespace }) => namespace));
  const namespaces = new Set(["default", ...(await namespaceNames(db))]);
  return [...queues, ...[...namespaces].filter((name) => !put.has(name)).map(implicitDefault)];
}
