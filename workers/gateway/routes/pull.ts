import { Hono } from "hono";
import type { SubmitBody } from "../../../contract/job.ts";
import { Name } from "../../../contract/primitives.ts";
import {
  ClaimBody,
  type ClaimedJobView,
  ExtendBody,
  FailBody,
  type ReportBody,
  type ReportItemView,
  ReportsBody,
  SucceedBody,
  type SucceededView,
} from "../../../contract/pull.ts";
import type { ClaimedJob, Outcome } from "../../../contract/rpc.ts";
import { formatTimestamp, secondsToMs } from "../../../contract/time.ts";
import type { Job } from "../../../domain/job/job.ts";
import { isPushed, type QueueSettings } from "../../../domain/queue.ts";
import { requireScope } from "../access/auth.ts";
import type { AppContext, AppEnv } from "../context.ts";
import { problemView, Refusal } from "../http/refusal.ts";
import { readJson, readOptionalJson, validated } from "../http/request-body.ts";
import { jobAnswer } from "../http/respond.ts";
import { streamedAnswer } from "../http/streamed-answer.ts";
import { jobView } from "../jobs/job-view.ts";
import { queueNotFound } from "../queues/settings-cache.ts";
import { type Claim, claimNow, claimWaiting } from "../work/claiming.ts";
import { extend, leaseNotFound, outcomeOf, progressIn, type Reported, report, staleLease } from "../work/reporting.ts";
import { type CheckedSpawns, checkSpawns, refusedSpawn, type SpawnBody } from "../work/spawning.ts";

/** The door of pull workers: claim, report, extend. */
export const claimRoutes = new Hono<AppEnv>().post("/:queue/claim", async (c) => {
  requireScope(c.var.caller, "work");
  const body = validated(ClaimBody, await readOptionalJson(c));
  const claim = { ...body, settings: await pullSettings(c, c.req.param("queue")) };
  const jobs = viewsOf(await claimNow(c.var.services, claim));
  c.var.session.touch();
  if (jobs.length > 0 || claim.wait === 0) return c.json({ jobs });
  return streamedAnswer(c, async (abandoned) => ({ jobs: await waitForJobs(c, claim, abandoned) }), { jobs });
});

export const reportRoutes = new Hono<AppEnv>().post("/", async (c) => {
  requireScope(c.var.caller, "work");
  const body = validated(ReportsBody, await readJson(c));
  const claim = body.claim && { ...body.claim, settings: await pullSettings(c, body.claim.queue) };
  const { spawns, queues } = await spawnsOf(
    c,
    body.reports.map((said, i) => ({ jobs: jobsOf(said), pointer: `/reports/${i}/spawn` })),
  );
  const reports = body.reports.map((said, i) => ({ lease: said.lease, outcome: outcomeOf(said, spawns[i]) }));
  const { namespace } = c.var.caller;
  const results = await report(c.var.services, reports, { namespace, withJobs: false, queues });
  const items = results.map(itemView);
  c.var.session.touch();
  const jobs = claim === undefined ? [] : await claimAfter(c, claim);
  if (claim === undefined || jobs.length > 0 || claim.wait === 0) return c.json({ items, jobs });
  return streamedAnswer(c, async (abandoned) => ({ items, jobs: await waitForJobs(c, claim, abandoned) }), {
    items,
    jobs,
  });
});

export const leaseRoutes = new Hono<AppEnv>()
  .post("/:lease/succeed", async (c) => {
    requireScope(c.var.caller, "work");
    const { result, spawn = [] } = validated(SucceedBody, await readOptionalJson(c));
    const { spawns, queues } = await spawnsOf(c, [{ jobs: spawn, pointer: "/spawn" }]);
    const { job, spawned } = await reportOne(c, outcomeOf({ ok: true, result }, spawns[0]), queues);
    c.var.session.touch();
    return c.json({ ...jobView(job), ...(spawned === undefined ? {} : { spawned }) } satisfies SucceededView);
  })
  .post("/:lease/fail", async (c) => {
    requireScope(c.var.caller, "work");
    const { error, retryAfter } = validated(FailBody, await readJson(c));
    return jobAnswer(c, (await reportOne(c, outcomeOf({ ok: false, error, retryAfter }), [])).job);
  })
  .post("/:lease/extend", async (c) => {
    requireScope(c.var.caller, "work");
    const body = validated(ExtendBody, await readOptionalJson(c));
    const progress = progressIn(body);
    const leaseMs = body.leaseSeconds === undefined ? null : secondsToMs(body.leaseSeconds);
    const extension = {
      lease: c.req.param("lease"),
      leaseMs,
      unlessLeftMs: null,
      ...(progress === null ? {} : { progress }),
    };
    const extended = await extend(c.var.services, c.var.caller.namespace, extension);
    switch (extended.status) {
      case "extended":
        return c.json({ leaseExpiresAt: formatTimestamp(extended.leaseExpiresAt), cancelled: false });
      case "cancelled":
        return c.json({ leaseExpiresAt: null, cancelled: true });
      case "stale":
        throw staleLease();
      case "unknown":
        throw leaseNotFound();
    }
  });

/** The settings of a queue that is there and is claimed from; refused with 404 or 409 before anything is done. */
async function pullSettings(c: AppContext, queue: string): Promise<QueueSettings> {
  if (!Name.safeParse(queue).success) throw queueNotFound(queue);
  const settings = await c.var.services.settings.get(c.var.caller.namespace, queue, Date.now());
  const { type } = settings.target;
  if (isPushed(settings.target))
    throw new Refusal("not-a-pull-queue", `The queue pushes its jobs to a ${type} target.`);
  return settings;
}

async function waitForJobs(c: AppContext, claim: Claim, abandoned: () => boolean): Promise<ClaimedJobView[]> {
  return viewsOf(await claimWaiting(c.var.services, claim, { clock: () => Date.now(), abandoned }));
}

function viewsOf(claimed: ClaimedJob[]): ClaimedJobView[] {
  return claimed.map(({ job, lease, checkpoint }) => ({
    ...jobView(job),
    lease,
    checkpoint: typeof checkpoint === "string" ? JSON.parse(checkpoint) : null,
  }));
}

/** The reports are recorded by now: that no job can be had must not make them look refused. */
async function claimAfter(c: AppContext, claim: Claim): Promise<ClaimedJobView[]> {
  try {
    return viewsOf(await claimNow(c.var.services, claim));
  } catch (error) {
    if (error instanceof Refusal) return [];
    throw error;
  }
}

function jobsOf(report: ReportBody): SubmitBody[] {
  return report.ok ? (report.spawn ?? []) : [];
}

/** What comes with a success is submitted: that takes the scope for it, as anywhere. */
async function spawnsOf(c: AppContext, bodies: SpawnBody[]): Promise<CheckedSpawns> {
  if (bodies.some(({ jobs }) => jobs.length > 0)) requireScope(c.var.caller, "submit");
  return checkSpawns(c.var.services, bodies, { namespace: c.var.caller.namespace, now: Date.now() });
}

async function reportOne(
  c: AppContext,
  outcome: Outcome,
  queues: QueueSettings[],
): Promise<{ job: Job; spawned: string[] | undefined }> {
  const reports = [{ lease: c.req.param("lease") ?? "", outcome }];
  const { namespace } = c.var.caller;
  const [result] = await report(c.var.services, reports, { namespace, withJobs: true, queues });
  const refusal = result === undefined ? leaseNotFound() : refusalOf(result, "/spawn");
  if (refusal !== null) throw refusal;
  if (result?.status !== "recorded" || result.job === undefined) throw new Error("a shard left out a job");
  return { job: result.job, spawned: result.spawned };
}

/** Why a report was not recorded, or null when it was. `pointer` is that of the jobs it brought. */
function refusalOf(result: Reported, pointer: string): Refusal | null {
  switch (result.status) {
    case "recorded":
      return null;
    case "stale":
      return staleLease(result.cancelled);
    case "unknown":
      return leaseNotFound();
    case "refused":
      return refusedSpawn(result, pointer);
  }
}

function itemView(result: Reported, index: number): ReportItemView {
  const refusal = refusalOf(result, `/reports/${index}/spawn`);
  if (refusal === null) {
    const spawned = result.status === "recorded" ? result.spawned : undefined;
    return { status: "recorded", ...(spawned === undefined ? {} : { spawned }) };
  }
  const problem = problemView(refusal);
  if (result.status === "refused") return { status: "refused", problem };
  const cancelled = result.status === "stale" && result.cancelled === true;
  return { status: "stale", problem, ...(cancelled ? { cancelled: true } : {}) };
}
