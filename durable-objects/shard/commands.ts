import type * as rpc from "../../contract/rpc.ts";
import { auditShard } from "./audit/audit.ts";
import { health, wake } from "./audit/health.ts";
import { queueStats } from "./audit/queue-stats.ts";
import {
  awaitLane,
  awaitWork,
  claim,
  deliver,
  finished,
  projected,
  untilClaimable,
  untilLane,
  untilWork,
  work,
} from "./doorbells/visits.ts";
import { changeKey, orderingKeys } from "./failed-jobs/change-key.ts";
import { discardFailed, discardMoved, failedJobs } from "./failed-jobs/failed-jobs.ts";
import { failuresOf } from "./failed-jobs/failures.ts";
import { redriveQueue } from "./failed-jobs/redrive-queue.ts";
import { revive } from "./failed-jobs/revive.ts";
import { existingIds } from "./jobs/existing-ids.ts";
import { listJobs } from "./jobs/list.ts";
import { type Command, direct, EACH, none, read, slots, type Touches, write } from "./kernel/command.ts";
import { slotsOfJobs } from "./kernel/ownership.ts";
import { closeBatch, openBatch } from "./lifecycle/batch-store.ts";
import { purgeQueue } from "./lifecycle/cancel.ts";
import { patchJob, runNow } from "./lifecycle/change.ts";
import { releaseKeys } from "./lifecycle/discard.ts";
import { JOINT_SUBMISSIONS } from "./lifecycle/joint-submissions.ts";
import { cancelJob, explainJob, getJob, retryJob } from "./lifecycle/one-job.ts";
import { submitJobs } from "./lifecycle/submit.ts";
import { submitEach } from "./lifecycle/submit-each.ts";
import { namespaceDeletion } from "./namespace-deletion/deletion.ts";
import { configureNamespaces } from "./namespaces/configure-namespaces.ts";
import { operate, operationProgress } from "./operations/operate.ts";
import { receive } from "./outbox/receive.ts";
import { untilDelivered } from "./outbox/sender.ts";
import { configure, hold } from "./queues/configure.ts";
import { extend } from "./reports/extend.ts";
import { report } from "./reports/report.ts";
import { configureSchedules, firesOf, scheduleStates } from "./schedules/schedules.ts";
import { configureSubscriptions, subscriptionStates } from "./subscriptions/subscriptions.ts";
import { untilAnswered, untilDecided } from "./transactions/patience.ts";
import { decide, prepare } from "./transactions/transaction.ts";

export type Request<Name extends keyof rpc.ShardApi> = Parameters<rpc.ShardApi[Name]>[0];
export type Result<Name extends keyof rpc.ShardApi> =
  Awaited<ReturnType<rpc.ShardApi[Name]>> extends rpc.Reply<infer Answer> ? Answer : never;

/** Every call of a shard. A call without a line here does not compile, nor one that does not say which slots it touches. */
export type Commands = { readonly [Name in keyof rpc.ShardApi]: Command<Request<Name>, Result<Name>> };

/** The slot of the one job that the call names. */
const oneJob: Touches<{ id: string }> = { by: "slots", of: ({ id }) => slotsOfJobs([id]), job: ({ id }) => id };
/** The slots of the jobs that the call names. */
const theirJobs = slots(({ jobs }: { jobs: readonly { id: string }[] }) => slotsOfJobs(jobs.map(({ id }) => id)));
/** The slot that the call names. */
const itsSlot = slots(({ slot }: { slot: number }) => [slot]);
const ofQueue = none("a queue lies on every shard that has slots of its partitions, and each answers for its own");
const ofShard = none("it is about the shard as a whole");
const ofConfiguration = none("every shard has a copy of what is configured");

export const COMMANDS: Commands = {
  // Jobs come in.
  submit: { kind: "write", touches: theirJobs, run: submitJobs, otherwise: submitEach, joint: JOINT_SUBMISSIONS },
  openBatch: write(itsSlot, openBatch),
  closeBatch: write(itsSlot, closeBatch),
  prepare: write(theirJobs, prepare),
  decide: write(
    slots(({ slots }) => slots),
    decide,
  ),
  receive: write(
    slots(({ jobs }) => jobs.map(({ slot }) => slot)),
    receive,
  ),

  // Jobs run.
  work: direct(EACH, work, untilClaimable),
  claim: direct(ofQueue, claim),
  awaitWork: read(ofQueue, awaitWork, untilWork),
  awaitLane: read(ofShard, awaitLane, untilLane),
  report: write(EACH, report, untilDelivered),
  extend: write(EACH, extend),

  // One job.
  get: read(oneJob, getJob, untilAnswered),
  explain: read(oneJob, explainJob),
  cancel: write(oneJob, cancelJob),
  retry: write(oneJob, retryJob),
  patch: write(oneJob, patchJob),
  runNow: write(oneJob, runNow),
  existingIds: read(
    slots(({ ids }) => slotsOfJobs(ids)),
    existingIds,
  ),
  releaseKeys: write(theirJobs, releaseKeys),

  // Many jobs.
  list: read(ofQueue, listJobs, untilDecided),
  stats: read(ofQueue, queueStats),
  purge: write(ofQueue, purgeQueue),
  redrive: write(ofQueue, redriveQueue),
  failedJobs: write(ofQueue, failedJobs),
  discardFailed: write(ofQueue, discardFailed),
  discardMoved: write(
    slots(({ jobs, released }) => slotsOfJobs([...jobs.map(({ id }) => id), ...released])),
    discardMoved,
  ),
  revive: write(
    slots(({ jobs }) => slotsOfJobs(jobs.map(({ job }) => job.id))),
    revive,
  ),
  failures: read(ofQueue, failuresOf),
  orderingKeys: read(ofQueue, orderingKeys),
  changeKey: write(itsSlot, changeKey),
  operate: write(ofShard, operate),
  operationProgress: read(ofShard, operationProgress),

  // What is configured.
  configure: write(ofConfiguration, configure),
  hold: write(ofQueue, hold),
  configureNamespaces: write(ofConfiguration, configureNamespaces),
  namespaceDeletion: read(ofShard, namespaceDeletion),
  configureSchedules: write(ofConfiguration, configureSchedules),
  scheduleStates: read(ofConfiguration, scheduleStates),
  fires: read(ofConfiguration, firesOf),
  configureSubscriptions: write(ofConfiguration, configureSubscriptions),
  subscriptionStates: read(ofConfiguration, subscriptionStates),
  deliver: write(ofShard, deliver),

  // History, and the shard itself.
  finished: read(ofShard, finished),
  projected: write(ofShard, projected),
  health: read(ofShard, health),
  wake: { kind: "direct", touches: ofShard, run: wake, asksAlarm: true },
  audit: { kind: "direct", touches: ofShard, run: auditShard, asksAlarm: true },
};
