/**
 * Watches every committed step of every shard, and keeps its own simple account of what may follow. It is told
 * nothing by the code under test but what a caller is told, and looks up states in the rows.
 */
import type * as rpc from "../../contract/rpc.ts";
import type { Job } from "../../domain/job/job.ts";
import { isFinal, type JobState } from "../../domain/job/state.ts";
import { parseLease } from "../../domain/lease.ts";
import { ClaimRules } from "./claim-rules.ts";
import type { Counters } from "./counters.ts";
import { finishedIn } from "./history-text.ts";
import type { ShardHost } from "./shard-host.ts";
import { Spawns } from "./spawns.ts";
import { Submissions } from "./submissions.ts";
import type { Violations } from "./violations.ts";

/** A pushed attempt's timeout is counted by its executor; the shard allows its report this much longer. */
const PUSH_GRACE_MS = 2_000;

/** One delivery of a job. */
interface Attempt {
  number: number;
  delivery: number;
  lease: string;
  /** End of the lease, by the shard's clock. */
  endsAt: number;
  /** The shard has taken its report, or cancelled the job. */
  over: boolean;
  /** Its report has put it back, and that spends no attempt. */
  unspent: boolean;
  /** Its worker says which jobs it has begun; null: perhaps. */
  says: boolean | null;
  begun: boolean;
  /** How often in a row it has come back unbegun. */
  unbegun: number;
}

/** So many of its attempts a claimed job tells, the one that begins among them. */
const ATTEMPTS_TOLD = 2;

/** So often in a row that spends no attempt. */
const UNBEGUN_RETURNS = 2;

interface Sight {
  version: number;
  state: JobState;
  text: string;
}

export interface Step {
  host: ShardHost;
  name: string;
  request: unknown;
  reply: unknown;
}

export class Observer {
  readonly #violations: Violations;
  readonly #counters: Counters;
  readonly claims: ClaimRules;
  readonly submissions: Submissions;
  readonly spawns: Spawns;
  readonly #attempts = new Map<string, Attempt>();
  /** When each job was first deferred since it was accepted or redriven: what it had spent by then tells one redrive from another. */
  readonly #deferredSince = new Map<string, { since: number; spentBefore: number }>();
  /** The payloads that changes gave to jobs. */
  readonly #payloads = new Map<string, string>();
  readonly #sights = new Map<string, Sight>();
  readonly #latest = new Map<ShardHost, number>();

  constructor(violations: Violations, counters: Counters) {
    this.#violations = violations;
    this.#counters = counters;
    this.submissions = new Submissions(violations, counters);
    this.spawns = new Spawns(this.submissions, violations, counters);
    this.claims = new ClaimRules(violations, counters);
  }

  committed({ host, name, request, reply }: Step): void {
    // Only calls are answered; what the object does of itself is not.
    const result = (reply as rpc.Reply<unknown> | null | undefined)?.result;
    const latest = Math.max(host.now(), this.#latest.get(host) ?? 0);
    this.#latest.set(host, latest);
    this.#alarmFollowsRows(host, name);
    switch (name) {
      case "submit":
        this.submissions.committed({ host, latest }, request as rpc.SubmitRequest, result as rpc.SubmitReply);
        return;
      case "work":
        this.#worked(host, request as rpc.WorkRequest, result as rpc.WorkReply);
        return;
      case "claim":
        this.#claimed(host, request as rpc.ClaimRequest, result as rpc.ClaimReply);
        return;
      case "report":
        this.#reported(host, request as rpc.ReportRequest, result as rpc.ReportReply);
        return;
      case "receive":
        if ((result as rpc.ReceiveReply).type === "received") {
          this.spawns.received(host, request as rpc.ReceiveRequest);
        }
        return;
      case "extend":
        this.#extended(request as rpc.ExtendRequest, result as rpc.ExtendReply);
        return;
      case "cancel":
        this.#cancelled(result as rpc.ChangeReply);
        return;
      case "retry":
        this.#redriven(result as rpc.ChangeReply);
        return;
      case "patch":
        this.#changed(host, (request as rpc.PatchRequest).changes, result as rpc.PatchReply);
        return;
      case "runNow":
        this.#changed(host, { runAt: null }, result as rpc.PatchReply);
        return;
      case "redrive":
        this.#swept(host);
        return;
      case "get":
        this.#got(result as rpc.JobReply);
        return;
      case "list":
        for (const job of (result as rpc.ListReply).items) this.see(job);
        return;
      case "finished":
        for (const job of finishedIn(result as rpc.FinishedReply)) this.see(job);
    }
  }

  /** P10: an alarm that was not lost is never later than the soonest thing the clock has to do. */
  #alarmFollowsRows(host: ShardHost, name: string): void {
    if (!host.alarm.trusted) return;
    const dueAt = host.nextDueAt();
    if (dueAt === null || (host.alarm.at !== null && host.alarm.at <= Math.max(dueAt, host.now()))) return;
    this.#violations.add("P10", `${host.name} after ${name}: due at ${dueAt}, the alarm at ${host.alarm.at}`);
  }

  /** Two sights of a job: versions never go back, one version is one state, a final state is for ever. `told`: its last attempts alone. */
  see(job: Job, told = Number.POSITIVE_INFINITY): void {
    const before = this.#sights.get(job.id);
    const text = JSON.stringify([job.state, job.attempt, job.result, job.error, job.finishedAt]);
    if (before !== undefined) {
      const fail = (rule: string) =>
        this.#violations.add("P3", `${job.id} ${rule}: v${before.version} ${before.text} then v${job.version} ${text}`);
      if (job.version < before.version) fail("went back");
      else if (job.version === before.version && before.text !== text) fail("changed without a new version");
      else if (isFinal(before.state) && job.version !== before.version) fail("changed after it was final");
    }
    this.#sights.set(job.id, { version: job.version, state: job.state, text });
    this.#attemptsAddUp(job, Math.max(0, job.attempt - told));
  }

  #attemptsAddUp(job: Job, untold: number): void {
    job.attempts.forEach((attempt, i) => {
      if (attempt.number !== untold + i + 1)
        this.#violations.add("P3", `${job.id} attempts are numbered with a gap: ${JSON.stringify(job.attempts)}`);
    });
    const open = job.attempts.filter((attempt) => attempt.outcome === null).length;
    if (open !== (job.state === "running" ? 1 : 0) || job.attempts.length !== job.attempt - untold) {
      this.#violations.add("P3", `${job.id} ${job.state} attempt ${job.attempt}: ${JSON.stringify(job.attempts)}`);
    }
  }

  #worked(host: ShardHost, request: rpc.WorkRequest, reply: rpc.WorkReply): void {
    for (const [i, report] of request.reports.entries()) this.#result(host, report, reply.reports[i]);
    for (const item of reply.items) {
      this.#isAsChanged(item);
      const endsAt = host.now() + Math.min(request.leaseMs, item.timeoutMs + PUSH_GRACE_MS);
      this.#started(host, item, { endsAt, says: false });
    }
    const handlers = reply.items.filter((item) => item.target.type === "handler").length;
    const roomLeft = request.room.handler - handlers;
    this.claims.after(host, { from: { lane: request.lane }, roomLeft, given: reply.items });
  }

  #claimed(host: ShardHost, request: rpc.ClaimRequest, reply: rpc.ClaimReply): void {
    for (const { job, lease } of reply.jobs) {
      this.#isAsChanged(job);
      this.see(job, request.allAttempts === true ? undefined : ATTEMPTS_TOLD);
      const endsAt = host.now() + Math.min(request.leaseMs ?? job.timeoutMs, job.timeoutMs);
      this.#started(host, { ...job, lease }, { endsAt, says: request.begins ? true : null });
    }
    const given = reply.jobs.map(({ job }) => job);
    this.claims.after(host, { from: { queue: request.queue }, roomLeft: request.max - given.length, given });
  }

  #started(
    host: ShardHost,
    run: { id: string; attempt: number; delivery?: number; lease: string },
    { endsAt, says }: Pick<Attempt, "endsAt" | "says">,
  ): void {
    const { id, attempt, delivery = 0, lease } = run;
    const before = this.#attempts.get(id);
    const latest = this.#latest.get(host) ?? 0;
    if (!this.submissions.known(id)) this.#violations.add("P2", `${id} runs and was never accepted`);
    if (delivery !== (before?.delivery ?? 0) + 1)
      this.#violations.add("P3", `${id} delivery ${delivery} follows ${before?.delivery ?? 0}`);
    const unbegun = this.#unbegunReturns(id, attempt, before);
    if (before !== undefined && !before.over && latest < before.endsAt) {
      this.#violations.add("P3", `${id} attempt ${attempt} began while the lease of ${before.number} was good`);
    }
    if (before !== undefined && !before.over) this.#counters.count("lease ended, next attempt");
    const sight = this.#sights.get(id);
    if (sight !== undefined && isFinal(sight.state)) this.#violations.add("P3", `${id} ran again after ${sight.state}`);
    const fresh = { over: false, unspent: false, begun: false };
    this.#attempts.set(id, { number: attempt, delivery, lease, endsAt, says, unbegun, ...fresh });
    this.#inOrder(host, id);
  }

  /** Attempts count up, but for deliveries that have spent none. Answers how often in a row the job came back unbegun. */
  #unbegunReturns(id: string, attempt: number, before: Attempt | undefined): number {
    const fail = (rule: string) =>
      this.#violations.add("P2", `${id} attempt ${attempt} ${rule}: ${JSON.stringify(before)}`);
    if (before === undefined || before.over) {
      const expected = before === undefined ? 1 : before.number + (before.unspent ? 0 : 1);
      if (attempt !== expected) fail(`is not ${expected}`);
      return 0;
    }
    // Its lease ended without a word.
    const free = !before.begun && before.unbegun < UNBEGUN_RETURNS;
    if (attempt === before.number) {
      if (before.says === false || !free) fail("was spent by the one before");
      this.#counters.count("came back unbegun");
      return before.unbegun + 1;
    }
    if (attempt !== before.number + 1) fail("does not follow");
    if (before.says === true && free) fail("follows one that its worker had not begun");
    if (before.says === true && !before.begun) this.#counters.count("came back unbegun, and spent an attempt");
    return 0;
  }

  /** Whether what puts a job back now spends no attempt: as long as its queue lets it be deferred. */
  #mayBePutBack(host: ShardHost, id: string): boolean {
    const { maxDeferralMs, spentBefore } = host.budgetOf(id);
    const before = this.#deferredSince.get(id);
    const since = before?.spentBefore === spentBefore ? before.since : host.now();
    const free = host.now() - since < maxDeferralMs;
    if (free) this.#deferredSince.set(id, { since, spentBefore });
    this.#counters.count(free ? "put back without spending an attempt" : "put back too late, and spent an attempt");
    return free;
  }

  /** P4: everything accepted before it under the same key is final, and nothing else of the key runs. */
  #inOrder(host: ShardHost, id: string): void {
    const line = this.submissions.lineOf(id);
    const place = line.indexOf(id);
    line.forEach((other, i) => {
      const state = other === id ? null : (host.stateOf(other)?.state ?? null);
      if (state === "running") this.#violations.add("P4", `${id} began while ${other} of the same key ran`);
      else if (i < place && state !== null && !isFinal(state)) {
        this.#violations.add("P4", `${id} began before ${other}, which was accepted earlier and is ${state}`);
      }
    });
  }

  #reported(host: ShardHost, request: rpc.ReportRequest, reply: rpc.ReportReply): void {
    if (reply.type !== "reported") return;
    for (const [i, report] of request.reports.entries()) this.#result(host, report, reply.results[i]);
  }

  #result(host: ShardHost, report: rpc.Report, result: rpc.ReportResult | undefined): void {
    const id = parseLease(report.lease)?.jobId ?? "";
    const attempt = this.#attempts.get(id);
    if (result?.status === "busy" && host.wasPlanted.has(id)) {
      this.#counters.count("report put off, as work on its job throws");
      return;
    }
    // Of a job that the shard has forgotten by now nothing is known.
    if (result?.status === "unknown" && attempt !== undefined && host.stateOf(id) === null) return;
    if (result === undefined || attempt === undefined || result.status === "unknown") {
      this.#violations.add("P3", `report of ${report.lease}: ${JSON.stringify(result)}`);
      return;
    }
    if (result.status === "recorded") {
      if (attempt.lease !== report.lease) this.#violations.add("P3", `${id} a stale lease's report was recorded`);
      else if (attempt.over) this.#violations.add("P3", `${id} attempt ${attempt.number} was recorded twice`);
      else if (host.now() >= attempt.endsAt)
        this.#violations.add("P3", `${id} a report after the lease's end was recorded`);
      if (report.outcome.ok === null) return;
      attempt.over = true;
      if (!report.outcome.ok && report.outcome.putBack !== undefined) attempt.unspent = this.#mayBePutBack(host, id);
      this.spawns.recorded(host, id, report.outcome, result.spawned);
      this.#counters.count(report.outcome.ok ? "success recorded" : "failure recorded");
    } else {
      const current = attempt.lease === report.lease;
      if (!current) this.#counters.count("report of a superseded attempt refused");
      else if (attempt.over) this.#counters.count("second report of an attempt refused");
      else if (host.now() >= attempt.endsAt) this.#counters.count("report after the lease's end refused");
      // Refused though it was good: a slip of the clock backwards after the shard had ended the lease is the one excuse.
      else if (
        (this.#latest.get(host) ?? 0) < attempt.endsAt &&
        host.stateOf(id)?.delivery === attempt.delivery &&
        host.stateOf(id)?.state === "running"
      ) {
        this.#violations.add("P3", `${id} a good report was refused`);
      }
    }
    if ("job" in result && result.job !== undefined) this.see(result.job);
  }

  #extended(request: rpc.ExtendRequest, reply: rpc.ExtendReply): void {
    if (reply.type !== "extended") return;
    for (const [i, { lease }] of request.leases.entries()) this.#extension(lease, reply.results[i]);
  }

  #extension(lease: string, result: rpc.ExtendResult | undefined): void {
    const attempt = this.#attempts.get(parseLease(lease)?.jobId ?? "");
    this.#counters.count(result?.status === "extended" ? "lease extended" : "extension refused");
    if (result?.status !== "extended") return;
    if (attempt === undefined || attempt.lease !== lease || attempt.over) {
      this.#violations.add("P3", `${lease} was extended and is not current`);
    } else {
      attempt.endsAt = result.leaseExpiresAt;
      attempt.begun = true;
    }
  }

  #cancelled(reply: rpc.ChangeReply): void {
    if (reply.type !== "job") return;
    const attempt = this.#attempts.get(reply.job.id);
    if (attempt !== undefined) {
      if (!attempt.over) this.#counters.count("cancelled while running");
      attempt.over = true;
    }
    this.see(reply.job);
  }

  /** What was answered to a change holds from then on: it is what runs. */
  #changed(host: ShardHost, changes: rpc.JobChanges, reply: rpc.PatchReply): void {
    if (reply.type !== "job") return;
    const { job } = reply;
    this.see(job);
    this.#counters.count(job.runAt <= host.now() ? "changed, and due" : "changed, and due later");
    if (changes.priority !== undefined && job.priority !== changes.priority)
      this.#violations.add("P7", `${job.id} has not the priority of its change`);
    // One that waits already was accepted by a clock that may have been ahead.
    if (changes.runAt === null && job.state === "scheduled") this.#violations.add("P7", `${job.id} was not made due`);
    if (changes.payload !== undefined) this.#payloads.set(job.id, changes.payload);
    this.#isAsChanged(job);
  }

  /** Whether a call has changed what the job does. */
  wasChanged(id: string): boolean {
    return this.#payloads.has(id);
  }

  #isAsChanged({ id, payload }: Pick<Job, "id" | "payload">): void {
    const changed = this.#payloads.get(id);
    if (changed !== undefined && payload !== changed)
      this.#violations.add("P7", `${id} has the payload ${payload} after it was changed to ${changed}`);
  }

  #redriven(reply: rpc.ChangeReply): void {
    if (reply.type !== "job") return;
    this.#counters.count("redriven");
    const sight = this.#sights.get(reply.job.id);
    if (sight?.state === "succeeded") this.#violations.add("P3", `${reply.job.id} was redriven after it succeeded`);
    this.#sights.delete(reply.job.id);
    this.#newBudget(reply.job);
    this.see(reply.job);
  }

  #swept(host: ShardHost): void {
    // One that ended unseen, and may have spent nothing, is told by its row until it is claimed again.
    const anew = host.rows<{ id: string; attempt: number }>(
      `SELECT id, attempt FROM jobs
       WHERE state <> 'running' AND returns ->> 'redriven' AND returns ->> 'unbegun' = 0 AND returns ->> 'since' IS NULL`,
    );
    for (const job of anew) {
      if (this.#attempts.get(job.id)?.over === false) this.#newBudget(job);
      this.#deferredSince.delete(job.id);
    }
    for (const [id, sight] of this.#sights) {
      const now = sight.state === "failed" ? host.stateOf(id) : null;
      if (now === null || isFinal(now.state) || now.version <= sight.version) continue;
      this.#counters.count("redriven by filter");
      this.#sights.delete(id);
      this.#newBudget({ id, attempt: now.attempt });
    }
  }

  /** Whatever its last delivery came to, which is told with the job where it was cancelled later, is behind it. */
  #newBudget({ id, attempt: number }: Pick<Job, "id" | "attempt">): void {
    this.#deferredSince.delete(id);
    const attempt = this.#attempts.get(id);
    if (attempt !== undefined) Object.assign(attempt, { number, over: true, unspent: false, unbegun: 0 });
  }

  #got(reply: rpc.JobReply): void {
    if (reply.type === "job") this.see(reply.job);
  }
}
