import type { DecideReply, PrepareReply, PrepareRequest, Submitted, Verdict } from "../../../contract/rpc.ts";
import type { Outcome } from "../../../domain/two-phase.ts";
import { participate } from "../../../domain/two-phase-participant.ts";
import type { Engine } from "../engine.ts";
import { acceptDecided, isRefusal, refusedResults, submit } from "../jobs/submit.ts";
import { takeSettings } from "../queues/configure.ts";
import type { Turn } from "../turn.ts";
import { keysOf } from "./transaction-keys.ts";
import type { UndecidedJob } from "./transaction-store.ts";

/**
 * This shard's part in an atomic batch over several. To prepare is to submit and take it back: what a submission would
 * answer is the vote. The jobs are put aside as they came, their keys and their places with them, and are submitted for
 * good when the transaction commits.
 */

/** How long a caller waits before it asks again after a job whose batch is not decided. */
export const UNDECIDED_RETRY_MS = 50;

/** Thrown inside a step to undo it; never leaves this file. */
class Tried {
  readonly results: Submitted[];
  constructor(results: Submitted[]) {
    this.results = results;
  }
}

export function prepare(engine: Engine, request: PrepareRequest): PrepareReply {
  const { txn, jobs, expiresAt } = request;
  const known = engine.stores.transactions.find(txn);
  const missing = jobs.filter(({ id }) => known?.verdicts[id] === undefined);
  const open = known === null || known.held.phase === "prepared";
  // Of another plan of this batch, or of this one before it was forgotten: that one is over in a moment.
  if (missing.some(({ id }) => engine.stores.transactions.of(id) !== null)) {
    return { type: "busy", retryAfterMs: UNDECIDED_RETRY_MS };
  }
  const tried = open && missing.length > 0 ? tryJobs(engine, { ...request, jobs: missing }) : [];
  if (!Array.isArray(tried)) return tried;
  const willing = !tried.some(isRefusal);
  const now = engine.now();
  const event = { type: "prepare", missing: missing.length > 0, willing, expiresAt, now } as const;
  const { held, actions } = participate(known?.held ?? null, event);
  const verdicts = { ...known?.verdicts, ...Object.fromEntries(missing.map(({ id }, i) => [id, tried[i]])) };
  if (actions.includes("hold") && held !== null) {
    engine.step((turn) => {
      putAside(turn, request, { missing, tried });
      turn.stores.transactions.save(txn, { held, since: known?.since ?? now, verdicts: verdicts as HeldVerdicts });
      turn.wake(held.at);
      turn.onCommit(() => turn.stores.transactions.recount());
    });
  }
  const inOrder = jobs.map(({ id }) => verdicts[id] ?? { type: "refused" as const });
  if (actions.includes("vote-yes")) return { type: "prepared", verdicts: inOrder };
  if (willing) return { type: "late" };
  return { type: "refused", verdicts: inOrder.map((verdict) => (isRefusal(verdict) ? verdict : { type: "refused" })) };
}

type HeldVerdicts = Record<string, Verdict>;

/** What a submission of these jobs would answer now, in their order. */
function tryJobs(
  engine: Engine,
  request: PrepareRequest,
): Verdict[] | Extract<PrepareReply, { type: "settings" | "busy" }> {
  try {
    return engine.step((turn) => {
      const outcome = submit(turn, { ...request, atomic: true });
      if (outcome.type === "submitted") throw new Tried(outcome.results);
      return outcome;
    });
  } catch (error) {
    const results = error instanceof Tried ? error.results : refusedResults(error);
    if (results === null) throw error;
    return results.map(verdictOf);
  }
}

function verdictOf(result: Submitted): Verdict {
  if (result.type !== "replayed") return result;
  return { type: "replayed", id: result.id, state: result.job?.state ?? null };
}

/** Those that an earlier job has answered for good are not kept: their answer stands. */
function putAside(
  turn: Turn,
  request: PrepareRequest,
  { missing, tried }: { missing: PrepareRequest["jobs"]; tried: Verdict[] },
): void {
  const { transactions, meta } = turn.stores;
  const queues = request.queues.map((settings) => takeSettings(turn, settings).ref);
  missing.forEach((job, i) => {
    const forced = tried[i]?.type === "accepted";
    // Laid over a job that waits: what it finds by then decides, for that job may have started.
    const laid = job.dedup?.onConflict === "replace";
    if (!forced && !laid) return;
    const undecided = { job, queue: queues[job.queue] ?? -1, seq: meta.sequence(turn.now), forced };
    transactions.hold(request.txn, undecided, keysOf(job));
  });
}

/** The coordinator says what was decided. Carries it out once, and says so however often it is told. */
export function decide(turn: Turn, txn: string, outcome: "commit" | "abort"): Extract<DecideReply, { type: "done" }> {
  return { type: "done", verdicts: carryOut(turn, txn, { type: "decided", outcome, now: turn.now }) };
}

/** What the coordinator answered when it was asked. */
export function told(turn: Turn, txn: string, outcome: Outcome): void {
  carryOut(turn, txn, { type: "told", outcome, now: turn.now });
}

function carryOut(turn: Turn, txn: string, event: Parameters<typeof participate>[1]): [string, Verdict][] {
  const { transactions } = turn.stores;
  const known = transactions.find(txn);
  const { held, actions } = participate(known?.held ?? null, event);
  if (held !== null && held.phase !== known?.held.phase) {
    transactions.save(txn, { held, since: known?.since ?? turn.now, verdicts: {} });
    turn.wake(held.at);
  }
  if (!actions.includes("apply") && !actions.includes("release")) return [];
  const jobs = transactions.take(txn);
  const results = actions.includes("apply") ? apply(turn, jobs) : [];
  for (const { queue, line } of linesOf(jobs)) {
    // Whoever came later stood behind these, whatever has become of them.
    turn.settleKey(queue, line, turn.stores.jobs.openOfKey(queue, line));
  }
  turn.onCommit(() => transactions.recount());
  turn.decided = true;
  return jobs.flatMap(({ job }, i) => {
    const result = results[i];
    return result === undefined ? [] : [[job.id, verdictOf(result)]];
  });
}

function apply(turn: Turn, jobs: UndecidedJob[]): Submitted[] {
  return acceptDecided(
    turn,
    jobs.map(({ queue, ...undecided }) => ({ ...undecided, queue: turn.stores.queues.get(queue) })),
  );
}

function linesOf(jobs: UndecidedJob[]): { queue: number; line: string }[] {
  const lines = new Map<string, { queue: number; line: string }>();
  for (const { queue, job } of jobs) {
    if (job.orderingKey !== null) lines.set(`${queue}/${job.orderingKey}`, { queue, line: job.orderingKey });
  }
  return [...lines.values()];
}

/** Asks for decisions that do not come, and forgets old ones, at most `limit`. Answers how many it looked at. */
export function tickTransactions(turn: Turn, limit: number): number {
  const { transactions } = turn.stores;
  const due = transactions.due(turn.now, limit);
  for (const txn of due) {
    const known = transactions.find(txn);
    if (known === null) continue;
    const { held, actions } = participate(known.held, { type: "tick", now: turn.now });
    if (held === null) transactions.forget(txn);
    else transactions.save(txn, { ...known, held });
    if (actions.includes("ask")) turn.asks.push(txn);
  }
  return due.length;
}
