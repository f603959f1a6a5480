import { isProblem, type Result } from "../../../contract/problems.ts";
import { RPC_VERSION } from "../../../contract/rpc.ts";
import { type Db, primary } from "../../db/client.ts";
import {
  countDeleted,
  deleteConfigured,
  deleteHistory,
  deleteHistoryElsewhere,
  deleteQueues,
  endDeletion,
  noteDeletion,
  queueNames,
} from "../../db/namespace-deletion.ts";
import { deletingNamespaces, findNamespace, type NamespaceRow } from "../../db/namespaces.ts";
import { fromDatabase } from "../database.ts";
import { within } from "../deadline.ts";
import { log, reasonOf } from "../log.ts";
import { deleteSomeServices } from "../services/service-deletion.ts";
import type { Services } from "../services.ts";
import { pushRow } from "./namespace-config.ts";

/**
 * A name is free again only so long after nothing was found any more. By then every isolate has forgotten its keys (5 s), KV its
 * queues (60 s), and what was on its way from before has arrived, and was refused.
 */
const QUIET_MS = 120_000;
/** Rows of one statement, and keys of KV of one step. */
const ROWS_PER_STEP = 500;
const QUEUES_PER_STEP = 50;
/** Steps of one run, after an answer and of the cron: a step makes 16 queries of D1 at most, and three more for each further database. */
const STEPS_AFTER_ANSWER = 40;
const STEPS_OF_CRON = 10;
const QUERIES_OF_STEP = 16;
const QUERIES_ELSEWHERE = 3;
/** Queues of one run, each a use of KV: an invocation has 1,000 of those. */
const QUEUES_PER_RUN = 500;
const DRIVE_MS = 20_000;
const LOOK_MS = 500;
const FORGET_MS = 1_000;
/** Namespaces that one run of cron goes on with. */
const NAMESPACES_PER_RUN = 10;

/** Goes on with a deletion after the answer: what fails is logged, and cron goes on. */
export function driveDeletion(services: Services, name: string, now: number): Promise<void> {
  return drive(services, name, {
    now,
    until: Date.now() + DRIVE_MS,
    steps: STEPS_AFTER_ANSWER,
    queues: QUEUES_PER_RUN,
  });
}

/** What one run may use up, over all namespaces that it goes on with. */
interface Run {
  now: number;
  until: number;
  steps: number;
  queues: number;
}

async function drive(services: Services, name: string, run: Run): Promise<void> {
  try {
    for (let first = true; run.steps > 0 && run.queues > 0 && Date.now() < run.until; first = false) {
      run.steps -= 1 + ((services.databases.length - 1) * QUERIES_ELSEWHERE) / QUERIES_OF_STEP;
      const more = await stepDeletion(services, name, { run, first });
      if (isProblem(more)) return log("warn", "namespace-deletion", { namespace: name, reason: reasonOf(more) });
      if (!more) return;
    }
  } catch (error) {
    log("warn", "namespace-deletion", { namespace: name, reason: reasonOf(error) });
  }
}

/** Cron's part: goes on with every deletion that is not done, in the time of one. Where one begins is left to chance, so that none starves. */
export async function repairDeletions(services: Services, now: number): Promise<Result<void>> {
  const rows = await fromDatabase(() => deletingNamespaces(primary(services.database), NAMESPACES_PER_RUN));
  if (isProblem(rows)) return rows;
  const run = { now, until: Date.now() + DRIVE_MS, steps: STEPS_OF_CRON, queues: QUEUES_PER_RUN };
  const start = Math.floor(services.random() * rows.length);
  for (const { name } of [...rows.slice(start), ...rows.slice(0, start)]) await drive(services, name, run);
}

/**
 * One step of a deletion. The shards are told first, all of them: from then on none takes anything in. What is configured goes
 * next, so that nothing is handed to the shards again, then history. Each step finds what the last one left, so that it is
 * the same whoever does it, and how often. True when there is more to do now.
 */
async function stepDeletion(
  services: Services,
  name: string,
  { run, first }: { run: Run; first: boolean },
): Promise<Result<boolean>> {
  const { now } = run;
  const db = primary(services.database);
  const row = await findNamespace(db, name);
  if (row === null || row.deletingAt === null) return false;
  const told = await pushRow(services, row);
  if (isProblem(told)) return told;
  const serviceRows = await deleteSomeServices(services, name, db);
  if (isProblem(serviceRows)) return serviceRows;
  const deleted =
    serviceRows +
    (await deleteSomeQueues(services, name, { db, run, first })) +
    (await deleteConfigured(db, name, ROWS_PER_STEP)) +
    (await deleteHistory(db, name, ROWS_PER_STEP)) +
    (await deleteElsewhere(services, name, db));
  const shards = await services.shards.all({ idempotent: true }, (shard, head) =>
    shard.namespaceDeletion({ ...head, name }),
  );
  if (isProblem(shards)) return shards;
  const jobsDeleted = shards.reduce((sum, { jobs }) => sum + jobs, 0);
  const found = deleted > 0 || jobsDeleted > row.jobsDeleted;
  const done = !found && shards.every((shard) => shard.done);
  const { quietSince } = row;
  if (done && quietSince !== null && now - quietSince >= QUIET_MS) return endOf(services, db, row);
  const begins = done && quietSince === null;
  // While shards look once more they are not done; only what one of them finds ends the quiet.
  const since = begins ? now : quietSince;
  await noteDeletion(db, name, { jobsDeleted, quietSince: found ? null : since, lookOnceMore: begins, now });
  // The shards walk on by themselves: they are looked at again in a moment.
  if (!found && !done) await services.shards.pause(LOOK_MS);
  return !done || begins;
}

/** In every database beside the first. */
async function deleteElsewhere({ databases: [, ...others] }: Services, name: string, db: Db): Promise<number> {
  let rows = 0;
  for (const { database } of others) {
    const deleted = await deleteHistoryElsewhere(primary(database), name, ROWS_PER_STEP);
    if (deleted.jobs > 0) await countDeleted(db, name, deleted.jobs);
    rows += deleted.rows;
  }
  return rows;
}

async function endOf(services: Services, db: Db, { name }: NamespaceRow): Promise<boolean> {
  await forgetRates(services, name);
  if (await endDeletion(db, name)) services.auth.forgetNamespace(name);
  return false;
}

/** What its keys have spent matters for seconds alone: an object that does not answer holds nothing up, and keeps its one row. */
async function forgetRates({ config, rateLimiter }: Services, name: string): Promise<void> {
  if (config.rateLimit === 0) return;
  try {
    await within(FORGET_MS, rateLimiter(name).forget({ v: RPC_VERSION }));
  } catch (error) {
    log("warn", "namespace-rates", { namespace: name, reason: reasonOf(error) });
  }
}

/**
 * Their names are in KV too, and have to be known to be forgotten there: KV first. `default` may be in KV without a row; it is
 * forgotten once a run, because KV takes one write of a key a second.
 */
async function deleteSomeQueues(
  services: Services,
  namespace: string,
  { db, run, first }: { db: Db; run: Run; first: boolean },
): Promise<number> {
  const names = await queueNames(db, namespace, Math.min(QUEUES_PER_STEP, run.queues));
  const inKv = new Set([...names, ...(first ? ["default"] : [])]);
  await Promise.all([...inKv].map((queue) => services.settings.forget(namespace, queue)));
  run.queues -= names.length;
  if (names.length > 0) await deleteQueues(db, namespace, names);
  return names.length;
}
