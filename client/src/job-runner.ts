import type { ClaimedJob } from "./generated/types.ts";
import type { Log } from "./log.ts";
import type { Pending } from "./outbox.ts";
import { releaseReport } from "./released.ts";
import { Reporter } from "./reporter.ts";
import { type End, type Handler, runJob } from "./running-job.ts";
import type { WorkPort } from "./work-port.ts";

export interface JobRunnerOptions {
  port: WorkPort;
  leaseSeconds: number;
  /** Shown in a job's attempts. */
  name: string | undefined;
  log: Log;
  /** Something ended, was answered or may be tried again: called once for all of it that happens in one turn. */
  onChange: () => void;
  /** A handler of this queue has ended. */
  onEnd?: (queue: string) => void;
  /** Jobs that a claim brings after it are given back. */
  end: End;
  /** Aborted when handlers are to give up. */
  stopped: AbortSignal;
  /** Aborted when nothing more is to be sent. */
  closed: AbortSignal;
}

export interface ClaimOptions {
  queue: string;
  handler: Handler;
  max: number;
  /** How long the claim waits when there is nothing. */
  waitSeconds: number;
  /** Aborted when a claim that waits is not waited for any more. */
  left?: AbortSignal | undefined;
}

/**
 * What came of a claim. `waited`: it could wait for jobs, as far as it was asked to. `wasAlone`: it brought no outcomes, so that it was
 * refused for itself.
 */
export type ClaimOutcome =
  | { ok: true; count: number; waited: boolean }
  | { ok: false; error: unknown; wasAlone: boolean };

/**
 * The jobs that run, of a worker or of one invocation of a consumer: claims, runs, delivers outcomes. When to claim is
 * its owner's business. Outcomes ride on a claim, or go alone.
 */
export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #reporter: Reporter;
  #running = 0;
  #planned = false;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
    const { port, log, closed } = options;
    this.#reporter = new Reporter({ port, log, onChange: () => this.plan(), closed });
  }

  /** Jobs whose handlers are running. */
  get running(): number {
    return this.#running;
  }

  /** Nothing runs, and every outcome is delivered. */
  get isIdle(): boolean {
    return this.#running === 0 && this.#reporter.isIdle;
  }

  /** Calls `onChange` when this turn is over, so that jobs that end together are reported together. */
  plan(): void {
    if (this.#planned) return;
    this.#planned = true;
    queueMicrotask(() => {
      this.#planned = false;
      this.#options.onChange();
    });
  }

  /** Sends the outcomes that wait, unless a sending is under way. */
  send(): void {
    this.#reporter.send();
  }

  /** Claims and starts what it is given, and says so: heartbeats tell which jobs were begun. Never rejects; where it fails, the outcomes that it brought are kept. */
  async claim(options: ClaimOptions): Promise<ClaimOutcome> {
    const batch = this.#reporter.take();
    try {
      const jobs = await this.#exchange(batch, options);
      for (const job of jobs) void this.#run(job, options);
      return { ok: true, count: jobs.length, waited: batch.length === 0 };
    } catch (error) {
      this.#reporter.giveBack(batch);
      return { ok: false, error, wasAlone: batch.length === 0 };
    }
  }

  /** Waits for work only when there is nothing to report: outcomes must not wait. */
  async #exchange(batch: Pending[], { queue, max, waitSeconds, left }: ClaimOptions): Promise<ClaimedJob[]> {
    const { port, leaseSeconds, name, closed: signal } = this.#options;
    const claim = { begins: true, max, leaseSeconds, ...(name === undefined ? {} : { worker: name }) };
    if (batch.length === 0) {
      const ended = left === undefined ? signal : AbortSignal.any([signal, left]);
      return port.claim(queue, waitSeconds === 0 ? claim : { ...claim, wait: waitSeconds }, ended);
    }
    const reports = batch.map(({ report }) => report);
    const view = await port.report(reports, { claim: { queue, ...claim }, signal });
    this.#reporter.confirm(batch, view);
    return view.jobs;
  }

  async #run(job: ClaimedJob, { queue, handler }: ClaimOptions): Promise<void> {
    const { port, leaseSeconds, end, stopped, onEnd, log } = this.#options;
    this.#running++;
    if (end.signal.aborted) this.#reporter.add(releaseReport(job.lease, { reason: end.reason }));
    else {
      const report = await runJob(job, { port, handler, log, leaseSeconds, end, stopped });
      if (report !== null) this.#reporter.add(report);
    }
    this.#running--;
    onEnd?.(queue);
    this.plan();
  }
}
