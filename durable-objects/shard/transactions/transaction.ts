import type {
  DecideReply,
  DecideRequest,
  JobVerdict,
  PrepareReply,
  PrepareRequest,
  Submitted,
  Verdict,
} from "../../../contract/rpc.ts";
import { slotOfJob } from "../../../domain/job-id.ts";
import type { Outcome } from "../../../domain/two-phase.ts";
import { type ParticipantEvent, participate } from "../../../domain/two-phase-participant.ts";
import { promoteNext } from "../flow/ordering-keys.ts";
import type { Line } from "../flow/parked-store.ts";
import { JOBS } from "../jobs/job-store.ts";
import type { Parts } from "../kernel/part.ts";
import { QUARANTINE, walk } from "../kernel/quarantine.ts";
import { SEQUENCE } from "../kernel/sequence.ts";
import type { Step } from "../kernel/step.ts";
import { UNDECIDED_RETRY_MS } from "../lifecycle/one-job.ts";
import { acceptDecided, isRefusal, submit } from "../lifecycle/submit.ts";
import { QUEUES, takeSettings } from "../queues/queue-store.ts";
import { RESERVATIONS, type UndecidedJob } from "../reservations/reservation-store.ts";
import { DECIDED, INQUIRIES } from "./inquiries.ts";
import { EACH_TRANSACTION, TRANSACTIONS } from "./transaction-store.ts";

/**
 * This shard's part in an atomic batch over several. To prepare is to submit and take it back: what a submission would
 * answer is the vote. The jobs are put aside as they came, their keys and their places with them, and are submitted for
 * good when the transaction commits.
 */

/** Votes on jobs, and puts them aside where the vote is yes. */
export function prepare(step: Step, request: PrepareRequest): Exclude<PrepareReply, { type: "moved" }> {
  const { txn, jobs, expiresAt } = request;
  const transactions = step.get(TRANSACTIONS);
  const reservations = step.get(RESERVATIONS);
  const known = transactions.find(txn);
  const verdicts = known === null ? new Map<string, Verdict>() : reservations.verdicts(txn);
  const missing = jobs.filter(({ id }) => !verdicts.has(id));
  const open = known === null || known.prepared.phase === "prepared";
  // Of another plan of this batch, or of this one before it was forgotten: that one is over in a moment.
  if (missing.some(({ id }) => reservations.has(id))) return { type: "busy", retryAfterMs: UNDECIDED_RETRY_MS };
  const tried = open && missing.length > 0 ? tryJobs(step, { ...request, jobs: missing }) : [];
  if (!Array.isArray(tried)) return tried;
  const willing = !tried.some(isRefusal);
  const event = { type: "prepare", missing: missing.length > 0, willing, expiresAt, now: step.now } as const;
  const { prepared, actions } = participate(known?.prepared ?? null, event);
  for (const [i, { id }] of missing.entries()) {
    const verdict = tried[i];
    if (verdict !== undefined) verdicts.set(id, verdict);
  }
  if (actions.includes("hold") && prepared !== null) {
    putAside(step, request, { missing, tried });
    transactions.save(txn, { prepared, since: known?.since ?? step.now });
    step.wakeAt(prepared.at);
  }
  const inOrder = jobs.map(({ id }) => verdicts.get(id) ?? { type: "refused" as const });
  if (actions.includes("vote-yes")) return { type: "prepared", verdicts: inOrder };
  if (willing) return { type: "late" };
  return { type: "refused", verdicts: inOrder.map((verdict) => (isRefusal(verdict) ? verdict : { type: "refused" })) };
}

/** What a submission of these jobs would answer now, in their order. Newer settings that it has heard of are kept. */
function tryJobs(
  step: Step,
  request: PrepareRequest,
): Verdict[] | Extract<PrepareReply, { type: "settings" | "busy" }> {
  const outcome = step.attempt(
    (trial) => submit(trial, { ...request, atomic: true }),
    ({ type }) => type !== "submitted",
  );
  return outcome.type === "submitted" ? outcome.results.map(verdictOf) : outcome;
}

function verdictOf(result: Submitted): Verdict {
  if (result.type !== "replayed") return result;
  return { type: "replayed", id: result.id, state: result.job?.state ?? null };
}

/** Of those that an earlier job has answered for good only the answer is kept: it stands. */
function putAside(
  step: Step,
  request: PrepareRequest,
  { missing, tried }: { missing: PrepareRequest["jobs"]; tried: Verdict[] },
): void {
  const reservations = step.get(RESERVATIONS);
  const queues = request.queues.map((settings) => takeSettings(step, settings).ref);
  for (const [i, job] of missing.entries()) {
    const verdict = tried[i];
    if (verdict === undefined) throw new Error(`${job.id} was tried and has no verdict`);
    const queue = queues[job.queue] ?? -1;
    const forced = verdict.type === "accepted";
    // Laid over a job that waits: what it finds by then decides, for that job may have started.
    const replaces = job.dedup?.onConflict === "replace";
    if (forced || replaces) {
      const seq = step.get(SEQUENCE).next(step.now);
      reservations.hold(step, request.txn, { job, queue, seq, forced, verdict });
    } else reservations.holdVerdict(request.txn, { id: job.id, queue }, verdict);
  }
}

/** The coordinator says what was decided. Carries it out once, and says so however often it is told. */
export function decide(step: Step, { txn, outcome }: DecideRequest): Extract<DecideReply, { type: "done" }> {
  return { type: "done", verdicts: carryOut(step, txn, { type: "decided", outcome, now: step.now }) };
}

/** What the coordinator answered when it was asked. */
export function learnOutcome(step: Step, txn: string, outcome: Outcome): void {
  carryOut(step, txn, { type: "answered", outcome, now: step.now });
}

function carryOut(step: Step, txn: string, event: ParticipantEvent): JobVerdict[] {
  const transactions = step.get(TRANSACTIONS);
  const known = transactions.find(txn);
  const { prepared, actions } = participate(known?.prepared ?? null, event);
  if (prepared !== null && prepared.phase !== known?.prepared.phase) {
    transactions.save(txn, { prepared, since: known?.since ?? step.now });
    step.wakeAt(prepared.at);
  }
  if (!actions.includes("apply") && !actions.includes("release")) return [];
  const jobs = step.get(RESERVATIONS).take(step, txn);
  const results = actions.includes("apply") ? apply(step, jobs) : [];
  for (const line of linesOf(jobs)) {
    // Whoever came later stood behind these, whatever has become of them.
    promoteNext(step, line, step.get(JOBS).openOfKey(line.queue, line.key));
  }
  step.wake(DECIDED);
  return jobs.flatMap(({ job }, i) => {
    const result = results[i];
    return result === undefined ? [] : [{ id: job.id, verdict: verdictOf(result) }];
  });
}

function apply(step: Step, jobs: UndecidedJob[]): Submitted[] {
  const queues = step.get(QUEUES);
  return acceptDecided(
    step,
    jobs.map(({ queue, ...undecided }) => ({ ...undecided, queue: queues.get(queue) })),
  );
}

function linesOf(jobs: UndecidedJob[]): Line[] {
  const lines = new Map<string, Line>();
  for (const { queue, job } of jobs) {
    const { id, orderingKey: key } = job;
    if (key !== null) lines.set(`${queue}/${key}`, { slot: slotOfJob(id), queue, key });
  }
  return [...lines.values()];
}

/** Asks for decisions that do not come, and forgets old ones, at most `limit`. Answers how many it looked at. */
export function tickTransactions(step: Step, limit: number): number {
  const transactions = step.get(TRANSACTIONS);
  const passedOver = step.get(QUARANTINE).count(EACH_TRANSACTION.kind, step.now);
  return walk(step, EACH_TRANSACTION, {
    rows: transactions.due(step.now, limit + passedOver),
    each: (txn) => {
      const known = transactions.find(txn);
      if (known === null) return;
      const { prepared, actions } = participate(known.prepared, { type: "tick", now: step.now });
      if (prepared === null) transactions.forget(txn);
      else transactions.save(txn, { ...known, prepared });
      if (actions.includes("ask")) step.onCommit(() => step.get(INQUIRIES).add(txn));
    },
  });
}

/** When a transaction's time comes: of those that are set aside, that of their next try. */
export function nextTransactionAt(parts: Parts, now: number): number | null {
  const transactions = parts.get(TRANSACTIONS);
  const next = () => transactions.nextAt();
  return parts.get(QUARANTINE).nextAt({ kind: EACH_TRANSACTION.kind, now }, next, (limit) => transactions.times(limit));
}
