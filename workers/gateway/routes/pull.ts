import { Hono } from "hono";
import { Name } from "../../../contract/primitives.ts";
import {
  ClaimBody,
  type ClaimedJobView,
  ExtendBody,
  FailBody,
  type ReportItemView,
  ReportsBody,
  SucceedBody,
} from "../../../contract/pull.ts";
import type { ClaimedJob, Outcome, ReportResult } from "../../../contract/rpc.ts";
import { formatTimestamp, secondsToMs } from "../../../contract/time.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import { requireScope } from "../access/auth.ts";
import type { AppContext, AppEnv } from "../context.ts";
import { heldAnswer } from "../http/held-answer.ts";
import { problemView, Refusal } from "../http/refusal.ts";
import { readJson, readOptionalJson, validated } from "../http/request-body.ts";
import { jobAnswer, setBookmark } from "../http/respond.ts";
import { jobView } from "../jobs/job-view.ts";
import { queueNotFound } from "../queues/settings-cache.ts";
import { type Claim, claimNow, claimWaiting } from "../work/claiming.ts";
import { extend, leaseNotFound, outcomeOf, report, saidIn, staleLease } from "../work/reporting.ts";

/** The door of pull workers: claim, report, extend. */
export const claimRoutes = new Hono<AppEnv>().post("/:queue/claim", async (c) => {
  requireScope(c.var.caller, "work");
  const body = validated(ClaimBody, await readOptionalJson(c));
  const claim = { ...body, settings: await pullSettings(c, c.req.param("queue")) };
  const jobs = viewsOf(await claimNow(c.var.services, claim));
  await setBookmark(c);
  if (jobs.length > 0 || claim.wait === 0) return c.json({ jobs });
  return heldAnswer(c, async (abandoned) => ({ jobs: await waitForJobs(c, claim, abandoned) }), { jobs });
});

export const reportRoutes = new Hono<AppEnv>().post("/", async (c) => {
  requireScope(c.var.caller, "work");
  const body = validated(ReportsBody, await readJson(c));
  const claim = body.claim && { ...body.claim, settings: await pullSettings(c, body.claim.queue) };
  const reports = body.reports.map(({ lease, ...said }) => ({ lease, outcome: outcomeOf(said) }));
  const results = await report(c.var.services, c.var.caller.namespace, reports, false);
  const items = results.map(itemView);
  await setBookmark(c);
  const jobs = claim === undefined ? [] : await claimAfter(c, claim);
  if (claim === undefined || jobs.length > 0 || claim.wait === 0) return c.json({ items, jobs });
  return heldAnswer(c, async (abandoned) => ({ items, jobs: await waitForJobs(c, claim, abandoned) }), { items, jobs });
});

export const leaseRoutes = new Hono<AppEnv>()
  .post("/:lease/succeed", async (c) => {
    requireScope(c.var.caller, "work");
    const { result } = validated(SucceedBody, await readOptionalJson(c));
    return reportOne(c, outcomeOf({ ok: true, result }));
  })
  .post("/:lease/fail", async (c) => {
    requireScope(c.var.caller, "work");
    const { error, retryAfter } = validated(FailBody, await readJson(c));
    return reportOne(c, outcomeOf({ ok: false, error, retryAfter }));
  })
  .post("/:lease/extend", async (c) => {
    requireScope(c.var.caller, "work");
    const body = validated(ExtendBody, await readOptionalJson(c));
    const said = saidIn(body);
    const leaseMs = body.leaseSeconds === undefined ? null : secondsToMs(body.leaseSeconds);
    const extension = { lease: c.req.param("lease"), leaseMs, ...(said === null ? {} : { said }) };
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

/** The settings of a queue that is there and is pulled; refused with 404 or 409 before anything is done. */
async function pullSettings(c: AppContext, queue: string): Promise<QueueSettings> {
  if (!Name.safeParse(queue).success) throw queueNotFound(queue);
  const settings = await c.var.services.settings.get(c.var.caller.namespace, queue, Date.now());
  const { type } = settings.target;
  if (type !== "pull") throw new Refusal("not-a-pull-queue", `The queue pushes its jobs to a ${type} target.`);
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

async function reportOne(c: AppContext, outcome: Outcome): Promise<Response> {
  const reports = [{ lease: c.req.param("lease") ?? "", outcome }];
  const [result] = await report(c.var.services, c.var.caller.namespace, reports, true);
  if (result === undefined || result.status === "unknown") throw leaseNotFound();
  if (result.status === "stale") throw staleLease(result.cancelled);
  if (result.job === undefined) throw new Error("a shard left out the job it was asked for");
  return jobAnswer(c, result.job);
}

function itemView(result: ReportResult): ReportItemView {
  if (result.status === "recorded") return { status: "recorded" };
  if (result.status === "unknown") return { status: "stale", problem: problemView(leaseNotFound()) };
  const problem = problemView(staleLease(result.cancelled));
  return { status: "stale", problem, ...(result.cancelled === true ? { cancelled: true } : {}) };
}
