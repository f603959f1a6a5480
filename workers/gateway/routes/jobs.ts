import { Hono } from "hono";
import { type ExplainView, JobGetQuery, JobListQuery, type SubmitBody } from "../../../contract/job.ts";
import { parseSubmit } from "../../../contract/parse-submit.ts";
import { Key } from "../../../contract/primitives.ts";
import { EmptyBody } from "../../../contract/queue.ts";
import type { ChangeReply, Reply, ShardApi, ShardCall } from "../../../contract/rpc.ts";
import { formatTimestamp } from "../../../contract/time.ts";
import type { Job } from "../../../domain/job/job.ts";
import { requireScope } from "../access/auth.ts";
import type { AppContext, AppEnv } from "../context.ts";
import { cannotReturn, retryFromHistory } from "../dead-letters/revive.ts";
import { invalidField, Refusal } from "../http/refusal.ts";
import { orRefused, readJson, readOptionalJson, validated, validatedQuery } from "../http/request-body.ts";
import { honouredWaitMs, jobAnswer, readerOf, setConsistency, submitStatus } from "../http/respond.ts";
import { ACCEPTED_EXPLANATION, afterCommit, notThere, orAccepted } from "../jobs/accepted-read.ts";
import { type AcceptedJob, hasEnded } from "../jobs/accepted-records.ts";
import { type Freshness, STRONG } from "../jobs/freshness.ts";
import { type JobRequest, readJobAt } from "../jobs/job-levels.ts";
import { findFinished, type JobName, jobNotFound, readLive, slotOfJob } from "../jobs/job-read.ts";
import { listJobsAt } from "../jobs/list-cache.ts";
import { fullRefusal } from "../submit/full.ts";
import { drawRandomness } from "../submit/randomness.ts";
import { duplicateOf, expiryPast, jobFromAccepted, keyUndecided, submission } from "../submit/submission.ts";
import { type Submitting, submitAll } from "../submit/submit.ts";

/** Submitting, reading, waiting for, explaining, cancelling and retrying single jobs, and listing them. */
export const jobRoutes = new Hono<AppEnv>()
  .post("/", async (c) => {
    requireScope(c.var.caller, "submit");
    const body = withHeaderKey(orRefused(parseSubmit(await readJson(c))), c.req.header("idempotency-key"));
    const waitMs = honouredWaitMs(c);
    const now = Date.now();
    const { namespace } = c.var.caller;
    const job = await submission(body, now);
    const options = { namespace, atomic: false, randomness: drawRandomness(1), now, defers: true };
    const [result] = await submitAll(c.var.services, [job], options);
    const { job: submitted, replayed } = await outcomeOf(c, result);
    if (replayed) c.header("dure-replayed", "true");
    if (submitted.state === "accepted") c.header("dure-accepted", "deferred");
    const current = waitMs > 0 && !hasEnded(submitted) ? await waitFor(c, submitted, waitMs) : submitted;
    return jobAnswer(c, current, submitStatus(current, replayed));
  })
  .get("/", async (c) => {
    requireScope(c.var.caller, "read");
    const query = validatedQuery(c, JobListQuery);
    const { page, freshness } = await listJobsAt(readerOf(c), { namespace: c.var.caller.namespace, query });
    setConsistency(c, freshness);
    return c.json(page);
  })
  .get("/:id", async (c) => {
    requireScope(c.var.caller, "read");
    const { consistency } = validatedQuery(c, JobGetQuery);
    const waitMs = honouredWaitMs(c);
    const { job, freshness } = await readShown(c, { name: nameOf(c), level: consistency, waitMs });
    setConsistency(c, freshness);
    if (job.state !== "succeeded") return jobAnswer(c, job);
    const etag = `"${job.id}.${job.version}"`;
    c.header("etag", etag);
    c.header("cache-control", "private");
    if (!matchesEtag(c.req.header("if-none-match"), etag)) return jobAnswer(c, job);
    return c.body(null, 304);
  })
  .get("/:id/explain", async (c) => {
    requireScope(c.var.caller, "read");
    const name = nameOf(c);
    const context = { services: c.var.services, database: c.env.DB, level: "strong" } as const;
    const found = await orAccepted(context, name, () => explained(c, name));
    setConsistency(c, found.type === "accepted" ? acceptedFreshness(found.ageSeconds) : STRONG);
    return c.json(found.type === "accepted" ? ACCEPTED_EXPLANATION : found.value);
  })
  .post("/:id/cancel", async (c) => {
    requireScope(c.var.caller, "submit");
    return change(c, (shard, request) => shard.cancel(request));
  })
  .post("/:id/retry", async (c) => {
    requireScope(c.var.caller, "admin");
    return change(
      c,
      (shard, request) => shard.retry(request),
      (job) => revived(c, job),
    );
  });

function nameOf(c: AppContext): JobName {
  const id = c.req.param("id") ?? "";
  slotOfJob(id);
  return { namespace: c.var.caller.namespace, id };
}

/** The header is another place for the field; both may be there when they agree. */
function withHeaderKey(body: SubmitBody, header: string | undefined): SubmitBody {
  if (header === undefined) return body;
  const idempotencyKey = validated(Key, header);
  if (body.idempotencyKey !== undefined && body.idempotencyKey !== idempotencyKey) {
    throw invalidField("/idempotencyKey", "differs from the Idempotency-Key header");
  }
  return { ...body, idempotencyKey };
}

async function outcomeOf(
  c: AppContext,
  result: Submitting | undefined,
): Promise<{ job: Job | AcceptedJob; replayed: boolean }> {
  if (result === undefined) throw new Error("a submission without a result");
  if (result.type === "refused") throw result.refusal;
  if (result.type === "deferred") return { job: result.job, replayed: false };
  if (result.type === "replayed") throw new Error("a single job was submitted in a transaction");
  const { outcome, assigned } = result;
  switch (outcome.type) {
    case "accepted":
      return { job: jobFromAccepted(assigned, outcome), replayed: false };
    case "replayed":
      return { job: outcome.job ?? (await movedToHistory(c, outcome.id)), replayed: true };
    case "mismatch":
      throw new Refusal(
        "idempotency-mismatch",
        `The idempotency key belongs to ${outcome.id}, which was sent with another body.`,
      );
    case "duplicate":
      throw duplicateOf(outcome.id);
    case "expired":
      throw expiryPast();
    case "full":
      throw fullRefusal(outcome, assigned.settings.name);
    case "undecided":
      throw keyUndecided();
    case "refused":
      throw new Error("a single job was refused as part of a batch");
  }
}

async function movedToHistory(c: AppContext, id: string): Promise<Job> {
  const job = await findFinished(c.var.session, { namespace: c.var.caller.namespace, id });
  if (job === null) throw jobNotFound(id);
  return job;
}

/** The job as it is when it is final or the wait ends. Accepted already, so a failing wait is no failure of the submission. */
async function waitFor(c: AppContext, job: Job | AcceptedJob, waitMs: number): Promise<Job | AcceptedJob> {
  try {
    if (job.state === "accepted") return await afterCommit(c.var.services, job, waitMs);
    return (await readLive(c.var.services, job, waitMs)) ?? job;
  } catch (error) {
    if (error instanceof Refusal) return job;
    throw error;
  }
}

/** The job as its shard or history has it, else as it was accepted: some time ago where nobody could be asked. */
async function readShown(
  c: AppContext,
  request: JobRequest,
): Promise<{ job: Job | AcceptedJob; freshness: Freshness }> {
  const { name, level, waitMs } = request;
  const until = Date.now() + waitMs;
  const context = { services: c.var.services, database: c.env.DB, waitMs, level };
  const found = await orAccepted(context, name, () => readJobAt(readerOf(c), request));
  if (found.type === "read") return found.value;
  const job = await afterCommit(c.var.services, found.job, until - Date.now());
  return { job, freshness: job.state === "accepted" ? acceptedFreshness(found.ageSeconds) : STRONG };
}

function acceptedFreshness(ageSeconds: number | null): Freshness {
  return ageSeconds === null ? STRONG : { level: "eventual", ageSeconds };
}

/** Whether `If-None-Match` names the entity tag; weak and strong compare alike for GET (RFC 9110 13.1.2). */
function matchesEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(",").some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === etag);
}

async function explained(c: AppContext, name: JobName): Promise<ExplainView> {
  const reply = await c.var.services.shards.ask(slotOfJob(name.id), { idempotent: true }, (shard, head) =>
    shard.explain({ ...head, ...name }),
  );
  if (reply.type === "gone") throw jobNotFound(name.id);
  if (reply.type === "none") return explainFinished(c, name);
  const { explanation } = reply;
  const { estimatedStartAt: at } = explanation;
  return { ...explanation, estimatedStartAt: at === null ? null : formatTimestamp(at) };
}

async function explainFinished(c: AppContext, name: JobName): Promise<ExplainView> {
  const job = await findFinished(c.var.session, name);
  if (job === null) throw jobNotFound(name.id);
  const detail = `The job has ${job.state}.`;
  return { state: job.state, reason: "final", detail, blockedBy: null, ahead: null, estimatedStartAt: null };
}

function stateForbids({ state }: Job): Refusal {
  return new Refusal("invalid-state", `The job is ${state}.`);
}

async function notAllowed(job: Job): Promise<Job> {
  throw stateForbids(job);
}

/** A failed or cancelled job that its shard has forgotten comes back from history. */
function revived(c: AppContext, job: Job): Promise<Job> {
  return job.state === "succeeded" ? notAllowed(job) : retryFromHistory(c.var.services, job);
}

/** Cancels or retries. Not sent twice on an error: the second would be refused for what the first did. */
async function change(
  c: AppContext,
  call: (shard: ShardApi, request: ShardCall & JobName) => Promise<Reply<ChangeReply>>,
  forgotten: (job: Job) => Promise<Job> = notAllowed,
): Promise<Response> {
  validated(EmptyBody, await readOptionalJson(c));
  const name = nameOf(c);
  const reply = await c.var.services.shards.ask(slotOfJob(name.id), { idempotent: false }, (shard, head) =>
    call(shard, { ...head, ...name }),
  );
  if (reply.type === "job") return jobAnswer(c, reply.job);
  if (reply.type === "gone") throw jobNotFound(name.id);
  const job = reply.type === "conflict" ? reply.job : await findFinished(c.var.session, name);
  if (job === null) throw await notThere(c.var.services, c.env.DB, name);
  if (reply.type === "none") return jobAnswer(c, await forgotten(job));
  const because = job.state === "succeeded" ? null : reply.because;
  throw because === null ? stateForbids(job) : cannotReturn(because, job.queue);
}
