import type { JobChanges, Outcome } from "../../contract/rpc.ts";
import type { Lane, QueueSettings } from "../../domain/queue.ts";
import type { Room } from "../../domain/target.ts";
import {
  becameDue,
  cancelled,
  deferred,
  expired,
  failed,
  type ModelLeaseTerms,
  patched,
  redriven,
  started,
  succeeded,
  unbegun,
} from "./change.ts";
import { connectionsLeft } from "./connections.ts";
import { see } from "./coverage.ts";
import { FairShare } from "./fair-share.ts";
import { allows, dueAt, isOver, isPassedOver, type ModelJob, type ModelQueue } from "./job.ts";
import { DedupKeys, IdempotencyKeys } from "./keys.ts";
import { claimable } from "./line.ts";
import { changeKey, jobDecided, jobFailed, type KeyAction, letGo } from "./parked.ts";
import { Starts } from "./starts.ts";

/** How a claim was answered for one job: its lease was given for this delivery. */
export interface ModelLease {
  job: ModelJob;
  delivery: number;
}

/** So often in a row a job comes back unbegun without spending an attempt. */
const UNBEGUN_RETURNS = 2;

/** An executor ends an attempt itself at its timeout; its report may take this long. */
const PUSH_GRACE_MS = 2_000;

/**
 * The scheduler of one shard as the specification describes it, in lists that are searched from end to end. It says
 * what each call will answer. It knows no gates, no indexes, no alarm: who is ready is worked out anew each time.
 */
export class Model {
  now: number;
  /** What the shard's next draws of chance are. */
  randomness = 0.5;
  /** In the order in which the shard has heard of them. */
  readonly queues: ModelQueue[] = [];
  readonly jobs: ModelJob[] = [];
  readonly idempotency = new IdempotencyKeys();
  readonly dedup = new DedupKeys();
  fairShare = new FairShare();
  /** Claims of which a job was begun since the object woke. */
  readonly begunClaims = new Set<number>();
  /** Lanes whose connections an executor has told of. */
  readonly lanes = new Set<Lane>();
  /** When an executor last came, by lane; and, by lane and type, when one last came that had room for such jobs. */
  readonly visits = new Map<Lane | `${Lane}/${Room}`, number>();
  /** Lanes whose executor had no connection left when it last came. */
  readonly unconnected = new Set<Lane>();

  constructor(now: number) {
    this.now = now;
  }

  queue(namespace: string, name: string): ModelQueue | undefined {
    return this.queues.find(({ settings }) => settings.namespace === namespace && settings.name === name);
  }

  job(id: string): ModelJob | undefined {
    return this.jobs.find((job) => job.id === id);
  }

  /** Settings reach the shard: the newer version stands. */
  learn(settings: QueueSettings): ModelQueue {
    const known = this.queue(settings.namespace, settings.name);
    if (known === undefined) {
      const logs = { starts: new Map(), keyStarts: new Map(), parked: new Map() };
      const queue: ModelQueue = { settings, learnedAt: this.now, lastClaimAt: null, ...logs };
      this.queues.push(queue);
      return queue;
    }
    if (settings.version > known.settings.version) {
      known.settings = settings;
      known.learnedAt = this.now;
    }
    return known;
  }

  /** The object dies and starts anew over its rows. */
  restart(): void {
    this.fairShare = new FairShare();
    this.lanes.clear();
    this.unconnected.clear();
    for (const queue of this.queues) queue.lastClaimAt = null;
    this.begunClaims.clear();
    for (const job of this.jobs) job.aside = null;
  }

  /** The clock comes to `ms` later. `awake`: everything happens when it is due, else when somebody comes. */
  pass(ms: number, awake: boolean): void {
    const until = this.now + ms;
    for (let due = this.soonest(); awake && due !== null && due <= until; due = this.soonest()) {
      this.now = Math.max(this.now, due);
      this.tick();
    }
    this.now = until;
  }

  soonest(): number | null {
    const times = this.jobs.map((job) => this.#triesAt(job)).filter((at) => at !== null);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** When the clock comes to the job: not while it is passed over. */
  #triesAt(job: ModelJob): number | null {
    const at = dueAt(job);
    return at !== null && isPassedOver(job, this.now) ? Math.max(at, job.aside?.until ?? at) : at;
  }

  /** Does what is due, and what becomes due by that: a job whose lease ends may have expired meanwhile. */
  tick(): void {
    do this.tickOnce();
    while ((this.soonest() ?? Number.POSITIVE_INFINITY) <= this.now);
    this.dedup.sweep(this.now);
  }

  /**
   * As a claim does before it looks: once over what is due, by its time, and over what new times or settings change. Answers
   * the jobs over which that throws.
   */
  tickOnce(): Set<ModelJob> {
    const found = new Set<ModelJob>();
    const due = this.jobs.filter((job) => (this.#triesAt(job) ?? Number.POSITIVE_INFINITY) <= this.now);
    for (const job of due.sort((a, b) => (dueAt(a) ?? 0) - (dueAt(b) ?? 0))) {
      if (job.planted) {
        this.setAside(job);
        found.add(job);
      } else if (job.state === "running") this.#endLease(job);
      else if (job.expiresAt !== null && job.expiresAt <= this.now) this.#does(job, () => expired(job, this.now));
      else becameDue(job);
    }
    for (const queue of this.queues) {
      for (const log of queue.starts.values()) log.follow(this.now);
      letGo(queue);
    }
    return found;
  }

  /** Work on a job has thrown: it is passed over for 5 s, then for twice as long, and so on up to five minutes. */
  setAside(job: ModelJob): void {
    const tries = (job.aside?.tries ?? 0) + 1;
    const until = this.now + Math.min(5_000 * 2 ** (tries - 1), 300_000);
    job.aside = { tries, triedAt: this.now, until };
    see(tries > 1 ? "a job that is set aside again" : "a job that is set aside");
  }

  /** Somebody asks for a job: if it is set aside it is tried at once, but not twice in a second. */
  ask(job: ModelJob): void {
    const { now } = this;
    const { aside } = job;
    if (aside === null || Math.abs(now - aside.triedAt) < 1_000) return;
    job.aside = { ...aside, triedAt: now, until: now };
    this.tickOnce();
    this.dedup.sweep(now);
  }

  /** A call about one job throws over it. */
  #threw(job: ModelJob): "quarantined" {
    if (job.aside === null) this.setAside(job);
    return "quarantined";
  }

  /** Something happens to a job, and with its end what hangs on that. */
  #does(job: ModelJob, change: () => void): void {
    change();
    if (isOver(job)) this.dedup.ended(job);
    if (job.state === "failed") jobFailed(job);
  }

  /** An executor has come for a lane, with room for so many jobs of each type. */
  cameForLane(lane: Lane, room: Record<Room, number>): void {
    this.visits.set(lane, this.now);
    for (const type of ["handler", "http"] as const) if (room[type] > 0) this.visits.set(`${lane}/${type}`, this.now);
    if (room.http > 0) this.unconnected.delete(lane);
    else if (room.handler > 0) this.unconnected.add(lane);
  }

  /** When an executor last came for such a place; long ago where none has. A clock that has stepped back was then at most now. */
  visitedAt(place: Lane | `${Lane}/${Room}`): number {
    return Math.min(this.now, this.visits.get(place) ?? Number.NEGATIVE_INFINITY);
  }

  /** Jobs that are passed over now. A step that lets one go passes it over to its own end. */
  passedOver(): Set<ModelJob> {
    return new Set(this.jobs.filter((job) => isPassedOver(job, this.now)));
  }

  /** A claim of the processor. The order: queue after queue as they are known, in each the best first. */
  claimLane(
    lane: Lane,
    room: Record<Room, number>,
    { leaseMs, passedOver }: { leaseMs: number; passedOver: ReadonlySet<ModelJob> },
  ): ModelJob[] {
    return (["handler", "http"] as const).flatMap((type) => {
      const queues = this.queues.filter(({ settings }) => settings.lane === lane && settings.target.type === type);
      const claim = { pushed: true, promised: false, chance: this.randomness };
      return this.#take(queues, room[type], { lease: { leaseMs, graceMs: PUSH_GRACE_MS, claim }, passedOver });
    });
  }

  /** A claim of a pull worker. */
  claimQueue(
    queue: ModelQueue,
    { max, leaseMs, begins }: { max: number; leaseMs: number | null; begins: boolean },
  ): ModelJob[] {
    queue.lastClaimAt = this.now;
    const claim = { pushed: false, promised: begins, chance: this.randomness };
    return this.#take([queue], max, { lease: { leaseMs, graceMs: 0, claim } });
  }

  #take(
    queues: ModelQueue[],
    room: number,
    { lease, passedOver }: { lease: ModelLeaseTerms; passedOver?: ReadonlySet<ModelJob> },
  ): ModelJob[] {
    const lines = new Map(queues.map((queue) => [queue, claimable(this, queue, passedOver)]));
    const taken = new Map(queues.map((queue) => [queue, [] as ModelJob[]]));
    for (let left = room; left > 0; ) {
      const placesOf = (queue: ModelQueue) => connectionsLeft(this, queue, [...taken.values()].flat());
      const contenders = queues.filter((queue) => lines.get(queue)?.length && placesOf(queue) > 0);
      if (contenders.length === 0) break;
      const winner = this.fairShare.next(contenders);
      // Alone, a queue needs no turns: it takes what it can in one.
      const most = Math.min(contenders.length === 1 ? left : 1, placesOf(winner));
      const jobs = lines.get(winner)?.splice(0, most) ?? [];
      taken.get(winner)?.push(...jobs);
      left -= jobs.length;
    }
    // One that has expired since the clock came by, in this very step, takes a place in the claim and does not start.
    const jobs = [...taken.values()].flat().filter(({ expiresAt }) => expiresAt === null || expiresAt > this.now);
    for (const job of jobs) this.#start(job, lease);
    return jobs;
  }

  #start(job: ModelJob, lease: ModelLeaseTerms): void {
    const { queue, partition, concurrencyKey } = job;
    started(job, this.now, lease);
    if (queue.settings.rate !== null) noted(queue.starts, partition, this.now);
    if (queue.settings.perKeyRate !== null && concurrencyKey !== null) noted(queue.keyStarts, concurrencyKey, this.now);
  }

  /** Whether a report of the lease throws over its job. A success is written with others, and does not. */
  reportThrows({ job, delivery }: ModelLease, outcome: Outcome): boolean {
    if (!job.planted || job.state !== "running" || job.delivery !== delivery) return false;
    return !outcome.ok || (dueAt(job) ?? Number.POSITIVE_INFINITY) <= this.now;
  }

  report({ job, delivery }: ModelLease, outcome: Outcome): "recorded" | "stale" {
    if (job.state !== "running" || job.delivery !== delivery) return "stale";
    if (this.#leaseIsOver(job)) return "stale";
    this.#begins(job);
    const { now, randomness } = this;
    this.#does(job, () => {
      if (outcome.ok) return succeeded(job, now);
      const { code, retryable: retry } = outcome.error;
      const { putBack: by, retryAfterMs: waitMs } = outcome;
      if (by !== undefined && deferred(job, { by, code, waitMs: waitMs ?? 0, now, randomness })) return;
      failed(job, { outcome: "failed", code, retry, now, randomness, waitMs: outcome.retryAfterMs });
    });
    return "recorded";
  }

  extend({ job, delivery }: ModelLease, leaseMs: number): { status: string; leaseExpiresAt?: number } {
    if (job.state === "cancelled" && job.lease === delivery) return { status: "cancelled" };
    if (job.state !== "running" || job.delivery !== delivery) return { status: "stale" };
    if (job.planted) {
      this.setAside(job);
      return { status: "busy" };
    }
    if (this.#leaseIsOver(job)) return { status: "stale" };
    this.#begins(job);
    job.aside = null;
    job.leaseEndsAt = this.now + leaseMs;
    return { status: "extended", leaseExpiresAt: Math.min(job.leaseEndsAt, job.attemptEndsAt) };
  }

  /** The clock may not have come by yet: then the report itself ends the lease. */
  #leaseIsOver(job: ModelJob): boolean {
    if ((dueAt(job) ?? Number.POSITIVE_INFINITY) > this.now) return false;
    this.#endLease(job);
    return true;
  }

  #endLease(job: ModelJob): void {
    see("a lease that ended");
    const { now, randomness } = this;
    if (this.#isUnbegun(job) && job.unbegun < UNBEGUN_RETURNS) {
      unbegun(job, now);
      return;
    }
    const code = job.attemptEndsAt <= now ? "timeout" : "lease-expired";
    this.#does(job, () => failed(job, { outcome: "leaseExpired", code, retry: true, now, randomness, waitMs: null }));
  }

  /** Its worker has said something of it. */
  #begins(job: ModelJob): void {
    if (!job.begun && job.claim?.promised === false) this.begunClaims.add(job.claim.chance);
    job.begun = true;
  }

  #isUnbegun({ begun, claim }: ModelJob): boolean {
    return !begun && claim !== null && (claim.promised || this.begunClaims.has(claim.chance));
  }

  /** "conflict": the job is final. */
  cancel(job: ModelJob): "job" | "conflict" | "quarantined" {
    if (!allows(job, "cancel")) return "conflict";
    if (job.planted) return this.#threw(job);
    this.#does(job, () => cancelled(job, this.now));
    return "job";
  }

  /** "conflict": the job is neither failed nor cancelled. A planted job becomes neither. */
  retry(job: ModelJob): "job" | "conflict" {
    if (!allows(job, "redrive")) return "conflict";
    jobDecided(job);
    redriven(job, this.now);
    return "job";
  }

  /** "conflict": the job runs or is final. "expired": it was to expire at a time that has passed. */
  patch(job: ModelJob, changes: JobChanges): "job" | "conflict" | "expired" | "quarantined" {
    if (!allows(job, "replace")) return "conflict";
    if (Object.keys(changes).length === 0) return "job";
    if (changes.expiresAt !== undefined && changes.expiresAt !== null && changes.expiresAt <= this.now)
      return "expired";
    if (job.planted) return this.#threw(job);
    patched(job, changes, this.now);
    return "job";
  }

  /** Makes a scheduled job due. */
  runNow(job: ModelJob): "job" | "conflict" | "quarantined" {
    if (job.state === "queued") return "job";
    if (!allows(job, "replace")) return "conflict";
    if (job.planted) return this.#threw(job);
    patched(job, { runAt: null }, this.now);
    return "job";
  }

  /** Parks an ordering key, lets it go, or decides about the job that blocks it. False: no job does. */
  changeKey(queue: ModelQueue, key: string, action: KeyAction): boolean {
    const failed = queue.parked.get(key)?.job ?? null;
    if (action === "retry" && failed !== null) return this.retry(failed) === "job";
    return changeKey(queue, key, action);
  }

  /** Cancels everything that waits in a queue; says how many. */
  purge(queue: ModelQueue): number {
    const waiting = this.jobs.filter((job) => job.queue === queue && ["scheduled", "queued"].includes(job.state));
    const tried = waiting.filter((job) => !isPassedOver(job, this.now));
    for (const job of tried) if (job.planted) this.setAside(job);
    return tried.filter((job) => !job.planted && this.cancel(job) === "job").length;
  }

  /** Whether nothing that is over at this moment was not over `ms` ago: then a step back changes no answer by itself. */
  mayStepBack(ms: number): boolean {
    const span = [this.now - ms, this.now] as const;
    const within = (at: number) => at >= span[0] && at <= span[1];
    const ends = [...this.idempotency.calls, ...this.dedup.holders, ...this.dedup.holders.map(({ next }) => next)];
    if (ends.some((key) => key !== null && key.endsAt !== null && within(key.endsAt))) return false;
    return this.queues.every(({ settings, learnedAt, starts, keyStarts }) => {
      // Gates under new limits are rebalanced at once, which a clock that steps back puts off.
      if (learnedAt > this.now - ms) return false;
      const left = (logs: Iterable<Starts>, periodMs = 0) => [...logs].some((log) => log.leaving(periodMs, ...span));
      if (left(starts.values(), settings.rate?.periodMs) || left(keyStarts.values(), settings.perKeyRate?.periodMs))
        return false;
      // When a gate is rebalanced, starts ahead of the clock become starts of that moment: the model has no such
      // moments.
      return [...keyStarts.values()].every((log) => log.last() <= span[0]);
    });
  }
}

function noted<Name>(logs: Map<Name, Starts>, name: Name, now: number): void {
  const log = logs.get(name) ?? new Starts();
  logs.set(name, log);
  log.note(now);
}
