/** The shard's answers beside the model's. */
import { PROCESSOR_AWAY_MS } from "../../domain/bell.ts";
import type { Job } from "../../domain/job/job.ts";
import { LANES } from "../../domain/queue.ts";
import { see } from "./coverage.ts";
import { mustWakeAt } from "./deadline.ts";
import { nobodyComes, why } from "./explain.ts";
import { dueAt, type ModelJob, type ModelQueue } from "./job.ts";
import { claimable, ready } from "./line.ts";
import type { Model } from "./model.ts";
import { expectSame } from "./prediction.ts";
import { CALL, type Real } from "./real.ts";

export interface Pair {
  model: Model;
  real: Real;
}

/** Whether a claim would find work. While the alarm is lost, what is overdue has not happened: nobody can say. */
export function checkWaiting({ model, real }: Pair): void {
  if (!real.awake) return;
  for (const queue of model.queues) {
    const { namespace, name } = queue.settings;
    expectSame("waiting", `${namespace}/${name}`, {
      predicted: claimable(model, queue).length > 0,
      answered: real.core.awaitWork({ ...CALL, namespace, queue: name, waitMs: 0 }),
    });
  }
}

/** How many jobs of a queue are in which state. */
export function checkCounts({ model, real }: Pair, queue: ModelQueue): void {
  const { namespace, name } = queue.settings;
  const stats = real.core.stats({ ...CALL, namespace, queue: name });
  const answered = { ...stats.counts, succeeded: stats.unprojectedSucceeded, inFlight: stats.inFlight };
  expectSame("counts", `${namespace}/${name}`, { predicted: countsOf(model, queue), answered });
  if (!real.awake) return;
  const accepted = ready(model, queue).map(({ createdAt }) => createdAt);
  const predicted = accepted.length === 0 ? null : Math.min(...accepted);
  expectSame("counts", `oldest of ${namespace}/${name}`, { predicted, answered: stats.oldestQueuedAt });
}

function countsOf({ jobs }: Model, queue: ModelQueue): Record<string, number> {
  const counts = { scheduled: 0, queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };
  for (const job of jobs) if (job.queue === queue) counts[job.state] += 1;
  return { ...counts, inFlight: counts.running };
}

/** Everything there is to see: every job, why those that wait do so, the alarm, and what the audit says. */
export function checkAll(pair: Pair): void {
  const { model, real } = pair;
  for (const queue of model.queues) checkCounts(pair, queue);
  checkWaiting(pair);
  for (const job of model.jobs) {
    const reply = real.get(job.queue.settings.namespace, job.id);
    model.ask(job);
    checkJob(job, reply.type === "job" ? reply.job : null);
    // While the alarm is lost, what is overdue has not happened, and nobody promises what an explanation says then.
    if (real.awake) checkWhy(pair, job);
  }
  const broken = real.core.auditWhole(real.alarmAt).violations;
  // Without alarms deadlines do pass, and the audit is right to say so.
  const away = LANES.some((lane) => model.now - model.visitedAt(lane) > PROCESSOR_AWAY_MS);
  const asides = model.jobs.flatMap(({ id, aside }) => (aside === null ? [] : `${id} ${aside.tries}`));
  const setAside = broken.filter(({ rule }) => rule === "nothing-set-aside").map(({ detail }) => asideIn(detail));
  expectSame("audit", "set aside", { predicted: asides.sort(), answered: setAside.sort() });
  const answered = broken
    .filter(({ rule }) => rule !== "nothing-set-aside")
    .filter(({ rule }) => real.awake || !rule.endsWith("-has-alarm"))
    .filter(({ rule }) => !away || rule !== "work-has-executor");
  expectSame("audit", "violations", { predicted: [], answered });
}

/** Which job the audit names, and how often work on it has thrown. */
function asideIn(detail: string): string {
  const [, id, tries] = /^jobs (\S+) is set aside: work on it has thrown (\d+) times/.exec(detail) ?? [];
  return `${id} ${tries}`;
}

export function checkJob(job: ModelJob, answered: Job | null): void {
  expectSame("job", job.id, { predicted: viewOf(job), answered: answered === null ? null : seen(answered) });
}

function viewOf(job: ModelJob) {
  const { id, state, priority, orderingKey, concurrencyKey, attempt, delivery, createdAt, runAt, expiresAt } = job;
  const { startedAt, finishedAt, error, attempts, retry, timeoutMs, payload } = job;
  return {
    ...{ id, state, priority, orderingKey, concurrencyKey, attempt, delivery, createdAt, runAt, expiresAt },
    ...{ startedAt, finishedAt, error, attempts, retry, timeoutMs, payload },
    leaseExpiresAt: state === "running" ? dueAt(job) : null,
  };
}

function seen(job: Job) {
  const { id, state, priority, orderingKey, concurrencyKey, attempt, delivery, createdAt, runAt, expiresAt } = job;
  const { startedAt, finishedAt, error, attempts, retry, timeoutMs, payload, leaseExpiresAt } = job;
  return {
    ...{ id, state, priority, orderingKey, concurrencyKey, attempt, delivery, createdAt, runAt, expiresAt },
    ...{ startedAt, finishedAt, error: error?.code ?? null, retry, timeoutMs, payload, leaseExpiresAt },
    attempts: attempts.map(({ error, worker: _, ...attempt }) => ({ ...attempt, code: error?.code ?? null })),
  };
}

function checkWhy({ model, real }: Pair, job: ModelJob): void {
  const reply = real.core.explain({ ...CALL, namespace: job.queue.settings.namespace, id: job.id });
  model.ask(job);
  if (reply.type !== "explained") {
    expectSame("explain", job.id, { predicted: "explained", answered: reply.type });
    return;
  }
  const { state, reason, blockedBy, ahead, estimatedStartAt: startAt, since } = reply.explanation;
  const nobody = reason === "no-executor" ? nobodyComes(model, job, since ?? model.now) : null;
  const { atGate, ...predicted } = { state: job.state, ...(nobody ?? why(model, job)) };
  see(`explain: ${reason}`);
  if (atGate) see(`explain: ${reason} of its key`);
  const said = predicted.ahead === undefined ? undefined : ahead;
  expectSame("explain", job.id, { predicted, answered: { state, reason, blockedBy, ahead: said, startAt } });
}

/** The alarm is not set for later than the moment at which the shard must act. */
export function checkAlarm({ model, real }: Pair): void {
  const at = mustWakeAt(model);
  if (at === null) return;
  const answered = real.alarmAt !== null && real.alarmAt <= Math.max(at, model.now);
  expectSame("alarm", `set for ${real.alarmAt}, needed at ${at}`, { predicted: true, answered });
}
