import { backoffMs } from "./clock.ts";
import { DureError } from "./error.ts";
import type { ClaimedJob } from "./generated/types.ts";
import type { Log } from "./log.ts";
import { isHopeless } from "./pause.ts";
import { extendBody, mergeProgress, normalizeProgress, type ProgressPatch, type ProgressUpdate } from "./progress.ts";
import type { WorkPort } from "./work-port.ts";

/** What a handler says of its progress goes out this often at most. */
const SAY_MS = 1000;
/** Tries to deliver what was said before a failure. */
const MAX_FLUSHES = 3;

type Verdict = "extended" | "cancelled" | "lease-lost" | "refused" | "no-answer";

export interface HeartbeatOptions {
  job: ClaimedJob;
  port: WorkPort;
  /** Told of what was said and is never taken. */
  log: Log;
  leaseSeconds: number;
  /** Called once, when there is nothing left to extend. */
  onLost: (why: "cancelled" | "lease-lost") => void;
}

/** Keeps the lease of one running job, and delivers what its handler says. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #timeoutAt: number;
  #leaseEndsAt: number;
  #beatAt: number;
  #failures = 0;
  #lost = false;
  /** What no answer has confirmed yet. */
  #progress: ProgressPatch | null = null;
  #patchSentAt = Number.NEGATIVE_INFINITY;
  /** Ends the pause that is under way. */
  #nudge = new AbortController();

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    const { job } = options;
    const now = options.port.clock.now();
    this.#timeoutAt = now + job.timeout * 1000;
    this.#leaseEndsAt = now + this.#leaseMs;
    // The first says that the job was begun: it comes before the attempt's time is up, however short that is.
    this.#beatAt = now + Math.min(this.#leaseMs / 3, job.timeout * 500);
  }

  /** Takes what the handler says. Throws a RangeError when it cannot be sent. */
  say(update: ProgressUpdate): void {
    this.#progress = mergeProgress(this.#progress, normalizeProgress(update));
    this.#nudge.abort();
  }

  /** Extends the lease every third of it until `done`, or until it is lost. Never rejects. */
  async run(done: AbortSignal): Promise<void> {
    const { clock } = this.#options.port;
    while (!done.aborted) {
      const endsAt = Math.min(this.#leaseEndsAt, this.#timeoutAt);
      if (clock.now() >= endsAt) return this.#lose("lease-lost");
      const nextAt = this.#nextAt();
      if (clock.now() >= nextAt) {
        await this.#beat(done);
        if (this.#lost) return;
        continue;
      }
      this.#nudge = new AbortController();
      await clock.sleep(Math.min(nextAt, endsAt) - clock.now(), AbortSignal.any([done, this.#nudge.signal]));
    }
  }

  /** Delivers what was said and is not confirmed: the next attempt goes on from there. Gives up after a few tries. */
  async flush(): Promise<void> {
    const { clock } = this.#options.port;
    for (let tries = 0; tries < MAX_FLUSHES && this.#progress !== null && !this.#lost; tries++) {
      if (clock.now() >= Math.min(this.#leaseEndsAt, this.#timeoutAt)) return;
      await this.#beat(new AbortController().signal);
    }
  }

  get #leaseMs(): number {
    return this.#options.leaseSeconds * 1000;
  }

  /** A beat that failed is waited for, whatever else there is to say. */
  #nextAt(): number {
    if (this.#progress === null || this.#failures > 0) return this.#beatAt;
    return Math.min(this.#beatAt, this.#patchSentAt + SAY_MS);
  }

  async #beat(stop: AbortSignal): Promise<void> {
    const { clock, random } = this.#options.port;
    const sentAt = clock.now();
    const patch = this.#progress;
    if (patch !== null) this.#patchSentAt = sentAt;
    const verdict = await this.#send(patch, AbortSignal.any([stop, clock.deadline(this.#leaseEndsAt - sentAt)]));
    if (verdict === "cancelled" || verdict === "lease-lost") return this.#lose(verdict);
    // What the server will never take must not stand in the way of the heartbeats.
    if (verdict !== "no-answer" && this.#progress === patch) this.#progress = null;
    this.#failures = verdict === "extended" ? 0 : this.#failures + 1;
    if (verdict === "extended") this.#leaseEndsAt = sentAt + this.#leaseMs;
    const third = this.#leaseMs / 3;
    this.#beatAt = clock.now() + (this.#failures === 0 ? third : Math.min(third, backoffMs(this.#failures, random())));
  }

  async #send(patch: ProgressPatch | null, signal: AbortSignal): Promise<Verdict> {
    const { job, log, port, leaseSeconds } = this.#options;
    try {
      const { cancelled } = await port.extend(job.lease, extendBody(leaseSeconds, patch), signal);
      return cancelled ? "cancelled" : "extended";
    } catch (error) {
      if (!(error instanceof DureError)) return "no-answer";
      if (error.status === 409 || error.status === 404) return "lease-lost";
      if (!isHopeless(error)) return "no-answer";
      if (patch !== null) log.error(`dure: progress of the job ${job.id} was refused, and is not sent again:`, error);
      return "refused";
    }
  }

  #lose(why: "cancelled" | "lease-lost"): void {
    this.#lost = true;
    this.#options.onLost(why);
  }
}
