import { Hono } from "hono";
import { JobGetQuery, JobListQuery, type SubmitBody } from "../../../contract/job.ts";
import { parseSubmit } from "../../../contract/parse-submit.ts";
import { Key } from "../../../contract/primitives.ts";
import { EmptyBody } from "../../../contract/queue.ts";
import type { ChangeReply, ShardApi, ShardCall } from "../../../contract/rpc.ts";
import { formatTimestamp } from "../../../contract/time.ts";
import { isFinal, type Job } from "../../../domain/job.ts";
import { requireScope } from "../access/auth.ts";
import type { AppContext, AppEnv } from "../context.ts";
import { cannotReturn, retryFromHistory } from "../dead-letters/revive.ts";
import { invalidField, Refusal } from "../http/refusal.ts";
import { orRefused, readJson, readOptionalJson, validated, validatedQuery } from "../http/request-body.ts";
import { honouredWaitMs, jobAnswer, setBookmark, setConsistency, submitStatus } from "../http/respond.ts";
import { cachedJob, cacheJob } from "../jobs/job-cache.ts";
import { listJobsPage } from "../jobs/job-list.ts";
import { type JobName, jobNotFound, readHistory, readJob, readLive, slotOfJob } from "../jobs/job-read.ts";
import { drawChance } from "../submit/chance.ts";
import { fullRefusal } from "../submit/full.ts";
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
    const options = { namespace, atomic: false, chance: drawChance(1), now };
    const [result] = await submitAll(c.var.services, [job], options);
    const { job: submitted, replayed } = await outcomeOf(c, result);
    if (replayed) c.header("dure-replayed", "true");
    const current = waitMs > 0 && !isFinal(submitted.state) ? await waitFor(c, submitted, waitMs) : submitted;
    return jobAnswer(c, current, submitStatus(current, replayed));
  })
  .get("/", async (c) => {
    requireScope(c.var.caller, "read");
    const query = validatedQuery(c, JobListQuery);
    await c.var.services.bookmarks.check(c.req.header("dure-bookmark"));
    const page = await listJobsPage(c.var.services, c.env.DB, c.var.caller.namespace, query);
    setConsistency(c, null);
    await setBookmark(c);
    return c.json(page);
  })
  .get("/:id", async (c) => {
    requireScope(c.var.caller, "read");
    const { consistency } = validatedQuery(c, JobGetQuery);
    await c.var.services.bookmarks.check(c.req.header("dure-bookmark"));
    const waitMs = honouredWaitMs(c);
    const name = nameOf(c);
    const cached = consistency === "eventual" ? await cachedJob(name, Date.now()) : null;
    const job = cached?.job ?? (await readAndCache(c, name, waitMs));
    setConsistency(c, cached?.ageSeconds ?? null);
    if (job.state !== "succeeded") return jobAnswer(c, job);
    const etag = `"${job.id}.${job.version}"`;
    c.header("etag", etag);
    c.header("cache-control", "private");
    if (!matchesEtag(c.req.header("if-none-match"), etag)) return jobAnswer(c, job);
    await setBookmark(c);
    return c.body(null, 304);
  })
  .get("/:id/explain", async (c) => {
    requireScope(c.var.caller, "read");
    const name = nameOf(c);
    const reply = await c.var.services.shards.ask(slotOfJob(name.id), { again: true }, (shard, head) =>
      shard.explain({ ...head, ...name }),
    );
    await setBookmark(c);
    if (reply.type === "gone") throw jobNotFound(name.id);
    if (reply.type === "none") return c.json(await explainFinished(c, name));
    const { explanation } = reply;
    const { estimatedStartAt: at } = explanation;
    return c.json({ ...explanation, estimatedStartAt: at === null ? null : formatTimestamp(at) });
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

async function outcomeOf(c: AppContext, result: Submitting | undefined): Promise<{ job: Job; replayed: boolean }> {
  if (result === undefined) throw new Error("a submission without a result");
  if (result.type === "refused") throw result.refusal;
  if (result.type === "replayed") throw new Error("a single job was submitted in a transaction");
  const { outcome, placed } = result;
  switch (outcome.type) {
    case "accepted":
      return { job: jobFromAccepted(placed, outcome), replayed: false };
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
      throw fullRefusal(outcome, placed.settings.name);
    case "undecided":
      throw keyUndecided();
    case "refused":
      throw new Error("a single job was refused as part of a batch");
  }
}

async function movedToHistory(c: AppContext, id: string): Promise<Job> {
  const job = await readHistory(c.env.DB, { namespace: c.var.caller.namespace, id });
  if (job === null) throw jobNotFound(id);
  return job;
}

/** The job as it is when it is final or the wait ends. Accepted already, so a failing wait is no failure of the submission. */
async function waitFor(c: AppContext, job: Job, waitMs: number): Promise<Job> {
  try {
    return (await readLive(c.var.services, job, waitMs)) ?? job;
  } catch (error) {
    if (error instanceof Refusal) return job;
    throw error;
  }
}

async function readAndCache(c: AppContext, name: JobName, waitMs: number): Promise<Job> {
  const job = await readJob(c.var.services, c.env.DB, name, waitMs);
  if (job.state === "succeeded") c.executionCtx.waitUntil(cacheJob(job, Date.now()));
  return job;
}

/** Whether `If-None-Match` names the entity tag; weak and strong compare alike for GET (RFC 9110 13.1.2). */
function matchesEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(",").some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === etag);
}

async function explainFinished(c: AppContext, name: JobName) {
  const job = await readHistory(c.env.DB, name);
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
  call: (shard: ShardApi, request: ShardCall & JobName) => Promise<ChangeReply>,
  forgotten: (job: Job) => Promise<Job> = notAllowed,
): Promise<Response> {
  validated(EmptyBody, await readOptionalJson(c));
  const name = nameOf(c);
  const reply = await c.var.services.shards.ask(slotOfJob(name.id), { again: false }, (shard, head) =>
    call(shard, { ...head, ...name }),
  );
  if (reply.type === "job") return jobAnswer(c, reply.job);
  if (reply.type === "gone") throw jobNotFound(name.id);
  const job = reply.type === "conflict" ? reply.job : await readHistory(c.env.DB, name);
  if (job === null) throw jobNotFound(name.id);
  if (reply.type === "none") return jobAnswer(c, await forgotten(job));
  const because = job.state === "succeeded" ? null : reply.because;
  throw because === null ? stateForbids(job) : cannotReturn(because, job.queue);
}
