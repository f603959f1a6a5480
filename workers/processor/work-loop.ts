import { MAX_CLAIM, MAX_REPORTS } from "../../contract/limits.ts";
import { RELEASE } from "../../contract/release.ts";
import { type Report, RPC_VERSION, type WorkReply, type WorkRequest } from "../../contract/rpc.ts";
import { faultText } from "../../domain/fault.ts";
import { PUSH_TYPES, type Room, roomOf } from "../../domain/target.ts";
import { Heartbeat } from "./heartbeat.ts";
import { InFlight } from "./in-flight.ts";
import type { WorkLoop, WorkLoopOptions } from "./loop-options.ts";
import { Memory } from "./memory.ts";
import { MovedReports } from "./moved-reports.ts";
import { MAX_TRIES, retryDelayMs } from "./retry.ts";
import { NO_PERMITS, ServiceOffers } from "./services/offers.ts";
import { EPOCH_UNKNOWN, type WorkPorts } from "./work-ports.ts";

/**
 * Three heartbeats long, and moved when a beat finds less than half of it left, which is the second: five more tries, a
 * second apart, may be lost before the lease is.
 */
const LEASE_MS = 15_000;
/**
 * A loop that finds work whenever it has run dry goes on for this long, with a budget from each time on. The Queue looks for more
 * consumers when a batch ends, so an end has to come.
 */
const WARM_MS = 60_000;
/** How long an outcome waits for company before it is reported alone. */
const LINGER_MS = 25;
/** With jobs in hand that take longer than this it looks for more, and again whenever they have taken twice as long. */
const FIRST_POLL_MS = 50;

/** A service that was asked for permits and has not answered by then holds up nobody else's jobs. */
const ASK_PATIENCE_MS = 50;

/** Nothing is claimed in the last minute of an invocation, which is what a job has by default: what came later would not be done. */
export const NO_CLAIMS_MS = 60_000;

const NEVER = Number.POSITIVE_INFINITY;
const NO_ROOM = { handler: 0, http: 0 };
/** What it says of itself. */
const EXECUTOR = { version: RELEASE, types: PUSH_TYPES } as const;

/**
 * The executor's side of one (shard, lane): claims, runs, and reports in the same call that claims again. Ends when
 * the shard has no more, or when the budget is spent and everything in hand is reported; the last call then has no
 * room, upon which the shard rings for somebody else.
 *
 * An outcome that cannot be reported is given up after a few tries: its lease ends and the job runs again.
 */
export function startWorkLoop(ports: WorkPorts, options: WorkLoopOptions): WorkLoop {
  const loop = new Loop(ports, options);
  // Loops that are started together have all joined before the first of them takes a connection.
  options.connections.join(loop);
  return {
    done: Promise.resolve().then(() => loop.run()),
    claiming: () => loop.claiming(),
    look: () => loop.look(),
    worked: () => loop.worked(),
  };
}

/** `startWorkLoop`, to its end. */
export function runWorkLoop(ports: WorkPorts, options: WorkLoopOptions): Promise<void> {
  return startWorkLoop(ports, options).done;
}

class Loop {
  readonly #ports: WorkPorts;
  readonly #options: WorkLoopOptions;
  readonly #inFlight: InFlight;
  readonly #heart: Heartbeat;
  readonly #movedReports: MovedReports;
  readonly #offers: ServiceOffers;
  readonly #memory: Memory;
  readonly #warmUntil: number;
  #claimUntil: number;
  #ended = false;
  #calling = false;
  /** Jobs in hand after the last claim, but for those that have taken long already: half of them done is worth a call. */
  #batch = 0;
  #lastAskAt = Number.NEGATIVE_INFINITY;
  /** When it asked for the jobs that came last. */
  #cameAt = Number.NEGATIVE_INFINITY;
  /** The last call brought nothing. */
  #dry = false;
  /** Jobs were in hand after the last call, so that it says nothing of the time since. */
  #wasBusy = false;
  /** The last call had no room, so that the shard rings for somebody else. */
  #left = false;
  /** The last claim had no connection to offer, so `#dry` says nothing of jobs that take one. */
  #starved = false;
  /** It has had a job: others may follow soon. A loop that came in vain does not wait. */
  #hadWork = false;
  /** The last wait brought nothing. */
  #waitedInVain = false;
  #tries = 0;
  #retryAt = Number.NEGATIVE_INFINITY;
  /** Somebody said that there is work. */
  #hinted = false;
  #lookers: ((came: boolean) => void)[] = [];
  #wakePending = false;
  #wakeUp: (() => void) | null = null;

  constructor(ports: WorkPorts, options: WorkLoopOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#warmUntil = Math.min(ports.now() + Math.max(WARM_MS, options.budgetMs), options.endsAt - NO_CLAIMS_MS);
    this.#claimUntil = Math.min(ports.now() + options.budgetMs, this.#warmUntil);
    this.#memory = options.memory ?? new Memory();
    const onChange = (room: Room) => {
      if (room === "http") options.connections.give(1);
      this.#wake();
    };
    const { endsAt } = options;
    const onAnswer = () => {
      this.#hinted = true;
      this.#wake();
    };
    this.#offers = new ServiceOffers({ source: ports.permits ?? NO_PERMITS, now: () => ports.now(), onAnswer });
    this.#inFlight = new InFlight(ports, { endsAt, onChange, onSay: () => this.#heart.heard(), memory: this.#memory });
    this.#heart = new Heartbeat({ ports, inFlight: this.#inFlight, leaseMs: LEASE_MS, onChange: () => this.#wake() });
    this.#movedReports = new MovedReports({ ports, inFlight: this.#inFlight, onChange: () => this.#wake() });
  }

  claiming(): boolean {
    return !this.#ended && this.#ports.now() < this.#claimUntil;
  }

  worked(): boolean {
    return this.#hadWork;
  }

  look(): Promise<boolean> {
    if (!this.claiming()) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#hinted = true;
      this.#lookers.push(resolve);
      this.#wake();
    });
  }

  async run(): Promise<void> {
    while (!this.#ended || this.#calling || this.#heart.beating || this.#movedReports.open) {
      for (const job of this.#inFlight.expire()) this.#ports.log({ event: "job-dropped", job, reason: "lease-lost" });
      const now = this.#ports.now();
      if (!this.claiming()) this.#options.connections.leave(this);
      if (this.#heart.dueAt() <= now) void this.#heart.beat(now);
      if (this.#movedReports.dueAt() <= now) void this.#movedReports.send();
      const callAt = this.#nextCallAt(now);
      if (callAt <= now) void this.#call(now);
      else await this.#pause(Math.min(callAt, this.#nextElseAt()) - now);
    }
    this.#options.connections.leave(this);
    this.#offers.end();
    this.#tellLookers(false);
  }

  #tellLookers(came: boolean): void {
    for (const tell of this.#lookers.splice(0)) tell(came);
  }

  /** When there is something else to do than to call the shard. */
  #nextElseAt(): number {
    return Math.min(this.#heart.dueAt(), this.#movedReports.dueAt(), this.#inFlight.nextExpiryAt());
  }

  /** When to call the shard next; Infinity: not before something happens. Notices the end. */
  #nextCallAt(now: number): number {
    if (this.#calling || this.#ended) return NEVER;
    if (this.#inFlight.running === 0 && this.#inFlight.finished === 0) {
      // What it could claim next is known when the service has answered.
      if (this.#offers.asking && !this.#hinted) return Math.max(this.#retryAt, this.#askedAgainAt());
      if (this.#isOver() && !this.#offers.hasNews) {
        if (this.#movedReports.open) return NEVER;
        if (this.#mayWait(now)) return Math.max(this.#retryAt, now);
        this.#ended = true;
        this.#wake();
        return NEVER;
      }
      // Nothing to do but wait for other loops' connections: leave, another invocation has its own.
      if (this.#isStarved() && this.#options.pollMs === 0) this.#claimUntil = now;
    }
    return Math.max(this.#retryAt, this.#worthACallAt(now));
  }

  /** With nothing in hand: whether there is nothing left to ask or to tell the shard. */
  #isOver(): boolean {
    // A first claim that failed until the budget was spent has nothing to tell.
    if (this.#lastAskAt === Number.NEGATIVE_INFINITY) return !this.claiming() && this.#tries > 0;
    return this.#dry && !this.#starved && !this.#wasBusy;
  }

  /** The shard has nothing more: whether it is worth waiting there. */
  #mayWait(now: number): boolean {
    const { waitMs = 0 } = this.#options;
    return waitMs > 0 && this.#hadWork && !this.#waitedInVain && !this.#left && now < this.#warmUntil;
  }

  /** The shard may have jobs that take a connection, and there is none for them now. */
  #isStarved(): boolean {
    return this.#dry && this.#starved && this.claiming() && !this.#options.connections.available(this);
  }

  #worthACallAt(now: number): number {
    const { running, finished, finishedSince } = this.#inFlight;
    const claiming = this.claiming();
    const { connections } = this.#options;
    if (this.#hinted || (this.#starved && claiming && connections.available(this))) return now;
    const pollAt = claiming && !this.#left ? this.#pollAt() : NEVER;
    if (running === 0 && finished === 0) return this.#isStarved() ? pollAt : now;
    if (running === 0 || (finished > 0 && finished * 2 >= this.#batch)) return now;
    return Math.min(pollAt, this.#askedAgainAt(), finishedSince === null ? NEVER : finishedSince + LINGER_MS);
  }

  /**
   * When to look for more though nothing has finished. The shard rings for nobody else for half a second, because who took work mostly
   * comes back soon: what comes behind a job that takes longer would wait for its end.
   */
  #pollAt(): number {
    const { pollMs } = this.#options;
    const gap = Math.max(FIRST_POLL_MS, this.#lastAskAt - this.#cameAt);
    if (pollMs > 0) return Math.min(this.#lastAskAt + Math.min(gap, pollMs), this.#claimUntil);
    const at = this.#lastAskAt + gap;
    return at < this.#claimUntil ? at : NEVER;
  }

  /** When to look for other jobs than those of services that have been asked; Infinity: not before something happens. */
  #askedAgainAt(): number {
    return this.#offers.asking && !this.#dry ? this.#lastAskAt + ASK_PATIENCE_MS : NEVER;
  }

  /** How long the next call may wait; 0: not at all. A wait that brings something is followed by a budget of its own. */
  #waitMsOf(now: number): number {
    const { running, finished } = this.#inFlight;
    const isIdle = running === 0 && finished === 0 && !this.#offers.hasNews && !this.#offers.asking;
    if (!isIdle || !this.#isOver() || !this.#mayWait(now)) return 0;
    const { waitMs = 0 } = this.#options;
    this.#claimFor(waitMs);
    return waitMs;
  }

  /** Claims go on for another budget behind the next `ms` milliseconds. */
  #claimFor(ms: number): void {
    this.#claimUntil = Math.min(this.#warmUntil, this.#ports.now() + ms + this.#options.budgetMs);
  }

  /** Reports what is finished and claims what there is room for, in one call. */
  async #call(now: number): Promise<void> {
    this.#calling = true;
    this.#hinted = false;
    const waitMs = this.#waitMsOf(now);
    const lookers = this.#lookers.splice(0);
    let came = false;
    const { connections } = this.#options;
    const claiming = this.claiming();
    const http = claiming ? connections.take(this, () => this.#wake(), { waits: waitMs > 0 }) : 0;
    const bytes = claiming
      ? this.#memory.reserve({ little: waitMs > 0, atLeastSome: this.#inFlight.running === 0 })
      : 0;
    const request = this.#requestOf({ http: claiming && bytes > 0 ? http : null, bytes, waitMs });
    try {
      const reply = await this.#ports.work(request);
      this.#memory.giveBack(bytes);
      this.#heard(request.reports, reply);
      const sent = this.#take(reply, now + (reply.waitedMs ?? 0));
      if (waitMs > 0) this.#claimFor(0);
      this.#tries = 0;
      this.#lastAskAt = now;
      this.#offers.called(true);
      came = this.#came(reply);
      this.#waitedInVain = waitMs > 0 && !came;
      this.#dry = !came;
      this.#wasBusy = this.#inFlight.running > 0;
      this.#left = request.room === NO_ROOM;
      this.#starved = claiming && http === 0;
      this.#batch = this.#inFlight.runningSince(now - FIRST_POLL_MS) + this.#inFlight.finished;
      connections.give(Math.max(0, http - sent));
    } catch (error) {
      this.#offers.called(false);
      connections.give(http);
      this.#memory.giveBack(bytes);
      this.#failed(request.reports, error);
    }
    this.#calling = false;
    // Who began to look meanwhile may have meant what came now.
    for (const tell of [...lookers, ...(came ? this.#lookers.splice(0) : [])]) tell(came);
    this.#wake();
  }

  /** What to say to the shard. `http` is how many connections there are for jobs; null: there is no room for any job. */
  #requestOf({ http, bytes, waitMs }: { http: number | null; bytes: number; waitMs: number }): WorkRequest {
    const { connections, lane, worker } = this.#options;
    const handler = Math.max(0, MAX_CLAIM - this.#inFlight.count("handler"));
    // Who waits keeps no permit from others.
    const services = waitMs > 0 ? [] : this.#offers.offer(http ?? 0);
    return {
      v: RPC_VERSION,
      epoch: EPOCH_UNKNOWN,
      lane,
      worker,
      ...EXECUTOR,
      reports: this.#inFlight.takeReports(MAX_REPORTS),
      room: http === null ? NO_ROOM : { handler, http },
      ...(services.length > 0 ? { services } : {}),
      ...(waitMs > 0 ? { waitMs } : {}),
      bytes: Memory.utf8(bytes),
      leaseMs: LEASE_MS,
      connections: connections.lane,
    };
  }

  /** Whether there is something for it: jobs, or services of which it is given some when it comes with permits. */
  #came({ items, services = [] }: WorkReply): boolean {
    if (services.length > 0 && this.claiming()) {
      this.#offers.heard(services);
      // The services are asked first: that is not to take from the time for claims.
      this.#claimFor(0);
    }
    return items.length > 0 || services.length > 0;
  }

  /**
   * What became of the reports. One that was put off, for a queue that is being changed, is sent again in a moment; one whose
   * job is another shard's now goes there.
   */
  #heard(reports: Report[], { reports: results }: WorkReply): void {
    this.#inFlight.putBack(reports.filter((_, i) => results[i]?.status === "busy"));
    for (const [i, report] of reports.entries()) {
      const result = results[i] ?? { status: "unknown" };
      if (result.status === "busy") this.#retryAt = Math.max(this.#retryAt, this.#ports.now() + result.retryAfterMs);
      else if (result.status === "moved") this.#inFlight.putBack([report], result.to);
      else if (result.status !== "recorded") this.#ports.log({ event: "report-refused", status: result.status });
    }
  }

  /** Starts what came. Returns how many connections it needs. */
  #take(reply: WorkReply, askedAt: number): number {
    if (this.#ports.now() >= askedAt + LEASE_MS) {
      if (reply.items.length > 0) this.#ports.log({ event: "claim-late", items: reply.items.length });
      return 0;
    }
    if (this.#inFlight.running === 0) this.#heart.startAt(askedAt);
    let http = 0;
    if (reply.items.length > 0) {
      this.#hadWork = true;
      this.#cameAt = askedAt;
    }
    for (const item of reply.items) {
      if (roomOf(item.target) === "http") http++;
      this.#inFlight.start(item, { askedAt, leaseMs: LEASE_MS, permit: this.#offers.permitOf(item) });
    }
    return http;
  }

  #failed(reports: Report[], error: unknown): void {
    this.#tries++;
    this.#ports.log({ event: "call-failed", call: "work", tries: this.#tries, error: faultText(error) });
    if (this.#tries < MAX_TRIES) {
      this.#inFlight.putBack(reports);
      this.#retryAt = this.#ports.now() + retryDelayMs(this.#tries, this.#ports.random());
      return;
    }
    this.#ports.log({ event: "gave-up", reports: reports.length });
    this.#offers.called(true);
    this.#claimUntil = Number.NEGATIVE_INFINITY;
    this.#tries = 0;
    this.#dry = true;
    this.#wasBusy = false;
    this.#starved = false;
    this.#waitedInVain = true;
    this.#lastAskAt = this.#ports.now();
  }

  /** Waits `ms`, or until `#wake`. Jobs that finish in one turn wake it once, after all of them. */
  async #pause(ms: number): Promise<void> {
    if (!this.#wakePending) {
      await new Promise<void>((resolve) => {
        const cancel = Number.isFinite(ms) ? this.#ports.after(Math.max(0, ms), resolve) : null;
        this.#wakeUp = () => {
          cancel?.();
          resolve();
        };
      });
    }
    this.#wakePending = false;
  }

  #wake(): void {
    this.#wakePending = true;
    this.#wakeUp?.();
    this.#wakeUp = null;
  }
}
