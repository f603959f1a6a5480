import type { JobView, SubmitBody } from "../../../contract/job.ts";
import { JsonText } from "../../../contract/json-text.ts";
import { Name } from "../../../contract/primitives.ts";
import {
  access,
  conflict,
  isProblem,
  notFound,
  type Problem,
  problemView,
  type Result,
  stale,
} from "../../../contract/problems.ts";
import type {
  ClaimBody,
  ClaimedJobView,
  ExtendBody,
  ExtendView,
  FailBody,
  ReleaseBody,
  ReportBody,
  ReportItemView,
  SucceedBody,
  SucceededView,
} from "../../../contract/pull.ts";
import type { ClaimedJob, Outcome } from "../../../contract/rpc.ts";
import { formatTimestamp, secondsToMs } from "../../../contract/time.ts";
import type { Job } from "../../../domain/job/job.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { isPushed } from "../../../domain/target.ts";
import { type Answered, done, type WaitingClient } from "../answered.ts";
import type { Context } from "../context.ts";
import { jobView } from "../jobs/job-view.ts";
import { type Claim, claimNow, claimWaiting } from "../work/claiming.ts";
import { extend, outcomeOf, progressIn, type Reported, released, report } from "../work/reporting.ts";
import { type CheckedSpawns, checkSpawns, refusedSpawn, type SpawnBody } from "../work/spawning.ts";
import type { UseCase } from "./use-case.ts";

/** What pull workers ask: claim, report, extend. */

/** The lease of a call about one attempt, whether it came in the path or in the body. */
interface Leased {
  lease: string;
}

export const claimJobs: UseCase<"claimJobs"> = async (context, { params, body }) => {
  const claim = await claimOf(context, params.queue, body);
  if (isProblem(claim)) return claim;
  const { services, clock } = context;
  // Where there was nothing a moment ago the watches tell whether there is something now: to claim first would cost as much again.
  const waitsAtOnce = claim.wait > 0 && services.drained.has(claim.settings, clock());
  const jobs = waitsAtOnce ? [] : await claimNow(services, claim, clock());
  if (isProblem(jobs)) return jobs;
  const view = { jobs: viewsOf(jobs) };
  if (jobs.length > 0 || claim.wait === 0) return done(view);
  return { ...done(view), later: waitingFor(context, claim, (waited) => ({ jobs: waited })) };
};

export const reportJobs: UseCase<"reportJobs"> = async (context, { body }) => {
  const claim = body.claim && (await claimOf(context, body.claim.queue, body.claim));
  if (isProblem(claim)) return claim;
  const bodies = body.reports.map((said, i) => ({ jobs: jobsOf(said), pointer: `/reports/${i}/spawn` }));
  const checked = await spawnsOf(context, bodies);
  if (isProblem(checked)) return checked;
  const { spawns, queues } = checked;
  const reports: { lease: string; outcome: Outcome }[] = [];
  for (const [i, said] of body.reports.entries()) {
    const outcome = outcomeOf(said, spawns[i]);
    if (isProblem(outcome)) return outcome;
    reports.push({ lease: said.lease, outcome });
  }
  const { namespace } = context.caller;
  const results = await report(context.services, reports, { namespace, withJobs: false, queues });
  if (isProblem(results)) return results;
  const items = results.map(itemView);
  // The reports are recorded by now: that no job can be had must not make them look refused.
  const claimed = claim === undefined ? [] : await claimNow(context.services, claim, context.clock());
  const jobs = isProblem(claimed) ? [] : viewsOf(claimed);
  if (claim === undefined || jobs.length > 0 || claim.wait === 0) return done({ items, jobs });
  return { ...done({ items, jobs }), later: waitingFor(context, claim, (waited) => ({ items, jobs: waited })) };
};

export const succeedByLease: UseCase<"succeedByLease"> = (context, { body }) => succeed(context, body);
export const succeedLease: UseCase<"succeedLease"> = (context, { params, body }) =>
  succeed(context, { lease: params.lease, ...body });

async function succeed(
  context: Context,
  { lease, result, spawn = [] }: SucceedBody & Leased,
): Promise<Result<Answered<SucceededView>>> {
  const checked = await spawnsOf(context, [{ jobs: spawn, pointer: "/spawn" }]);
  if (isProblem(checked)) return checked;
  const outcome = outcomeOf({ ok: true, result }, checked.spawns[0]);
  if (isProblem(outcome)) return outcome;
  const reported = await reportOne(context, { lease, outcome }, checked.queues);
  if (isProblem(reported)) return reported;
  const { job, spawned } = reported;
  return done({ ...jobView(job), ...(spawned === undefined ? {} : { spawned }) });
}

export const failByLease: UseCase<"failByLease"> = (context, { body }) => fail(context, body);
export const failLease: UseCase<"failLease"> = (context, { params, body }) =>
  fail(context, { lease: params.lease, ...body });

async function fail(
  context: Context,
  { lease, error, retryAfter }: FailBody & Leased,
): Promise<Result<Answered<JobView>>> {
  const outcome = outcomeOf({ ok: false, error, retryAfter });
  if (isProblem(outcome)) return outcome;
  const reported = await reportOne(context, { lease, outcome }, []);
  return isProblem(reported) ? reported : done(jobView(reported.job));
}

export const releaseByLease: UseCase<"releaseByLease"> = (context, { body }) => release(context, body);
export const releaseLease: UseCase<"releaseLease"> = (context, { params, body }) =>
  release(context, { lease: params.lease, ...body });

async function release(context: Context, { lease, ...body }: ReleaseBody & Leased): Promise<Result<Answered<JobView>>> {
  const outcome = outcomeOf({ ok: null, ...body });
  if (isProblem(outcome)) return outcome;
  const reported = await reportOne(context, { lease, outcome }, []);
  return isProblem(reported) ? reported : done(jobView(reported.job));
}

export const extendByLease: UseCase<"extendByLease"> = (context, { body }) => heartbeat(context, body);
export const extendLease: UseCase<"extendLease"> = (context, { params, body }) =>
  heartbeat(context, { lease: params.lease, ...body });

async function heartbeat(context: Context, body: ExtendBody & Leased): Promise<Result<Answered<ExtendView>>> {
  const progress = progressIn(body);
  if (isProblem(progress)) return progress;
  const leaseMs = body.leaseSeconds === undefined ? null : secondsToMs(body.leaseSeconds);
  const extension = { lease: body.lease, leaseMs, unlessLeftMs: null, ...(progress === null ? {} : { progress }) };
  const extended = await extend(context.services, context.caller.namespace, extension);
  if (isProblem(extended)) return extended;
  switch (extended.status) {
    case "extended":
      return done({ leaseExpiresAt: formatTimestamp(extended.leaseExpiresAt), cancelled: false });
    case "cancelled":
      return done({ leaseExpiresAt: null, cancelled: true });
    case "stale":
      return stale.lease();
    case "unknown":
      return notFound.lease();
  }
}

/** A claim on a queue that is there and is claimed from; else a problem, before anything is done. */
async function claimOf({ services, caller, clock }: Context, queue: string, body: ClaimBody): Promise<Result<Claim>> {
  if (!Name.safeParse(queue).success) return notFound.queue(queue);
  const settings = await services.settings.get(caller.namespace, queue, clock());
  if (isProblem(settings)) return settings;
  if (!isPushed(settings.target)) return { ...body, settings };
  return conflict.of("not-a-pull-queue", `The queue pushes its jobs to a ${settings.target.type} target.`);
}

/** The wait of a claim. Thousands may wait: each holds of its request what it needs, and nothing else. */
function waitingFor<View>(
  { services, caller, clock, mayGoOn, later }: Context,
  claim: Claim,
  viewOf: (jobs: ClaimedJobView[]) => View,
): (client: WaitingClient | null) => Promise<Result<View>> {
  return async (client) => {
    const jobs = await claimWaiting(services, claim, { clock, client, mayGoOn });
    if (isProblem(jobs)) return jobs;
    if (client?.left !== true) return viewOf(viewsOf(jobs));
    // Its worker went while it claimed. Once an answer is on its way nobody can tell: then the leases end by themselves.
    if (jobs.length > 0) later(giveBack({ services, caller }, jobs));
    return viewOf([]);
  };
}

/** Jobs that nobody hears of go back at once, and spend no attempt. */
async function giveBack({ services, caller }: Pick<Context, "services" | "caller">, jobs: ClaimedJob[]): Promise<void> {
  const outcome = released({ reason: "The worker had gone before it was given the job." });
  const reports = jobs.map(({ lease }) => ({ lease, outcome }));
  await report(services, reports, { namespace: caller.namespace, withJobs: false, queues: [] });
}

function viewsOf(claimed: ClaimedJob[]): ClaimedJobView[] {
  return claimed.map(({ job, lease, checkpoint }) => ({
    ...jobView(job),
    lease,
    checkpoint: typeof checkpoint === "string" ? new JsonText(checkpoint) : null,
  }));
}

function jobsOf(said: ReportBody): SubmitBody[] {
  return said.ok ? (said.spawn ?? []) : [];
}

/** What comes with a success is submitted: that takes the scope for it, as anywhere. */
async function spawnsOf({ services, caller, clock }: Context, bodies: SpawnBody[]): Promise<Result<CheckedSpawns>> {
  const spawns = bodies.some(({ jobs }) => jobs.length > 0);
  if (spawns && !caller.scopes.has("submit")) return access.forbidden('The key has no scope "submit".');
  return checkSpawns(services, bodies, { namespace: caller.namespace, now: clock() });
}

async function reportOne(
  { services, caller }: Context,
  said: { lease: string; outcome: Outcome },
  queues: QueueSettings[],
): Promise<Result<{ job: Job; spawned: string[] | undefined }>> {
  const { namespace } = caller;
  const results = await report(services, [said], { namespace, withJobs: true, queues });
  if (isProblem(results)) return results;
  const [result] = results;
  const problem = result === undefined ? notFound.lease() : problemOf(result, "/spawn");
  if (problem !== null) return problem;
  if (result?.status !== "recorded" || result.job === undefined) throw new Error("a shard left out a job");
  return { job: result.job, spawned: result.spawned };
}

/** Why a report was not recorded, or null when it was. `pointer` is that of the jobs it brought. */
function problemOf(result: Reported, pointer: string): Problem | null {
  switch (result.status) {
    case "recorded":
      return null;
    case "stale":
      return result.cancelled ? stale.cancelled() : stale.lease();
    case "unknown":
      return notFound.lease();
    case "refused":
      return refusedSpawn(result, pointer);
  }
}

function itemView(result: Reported, index: number): ReportItemView {
  const problem = problemOf(result, `/reports/${index}/spawn`);
  if (problem === null) {
    const spawned = result.status === "recorded" ? result.spawned : undefined;
    return { status: "recorded", ...(spawned === undefined ? {} : { spawned }) };
  }
  const view = problemView(problem);
  if (result.status === "refused") return { status: "refused", problem: view };
  const cancelled = result.status === "stale" && result.cancelled === true;
  return { status: "stale", problem: view, ...(cancelled ? { cancelled: true } : {}) };
}
