import { MAX_CLAIM } from "../contract/limits.ts";
import type { ClaimedJobView, ClaimView, ReportsView } from "../contract/pull.ts";
import type { Pending } from "./outbox.ts";
import { queuePath } from "./queues.ts";
import { Reporter } from "./reporter.ts";
import { runJob } from "./running-job.ts";
import type { Transport } from "./transport.ts";
import type { WorkerOptions } from "./worker-options.ts";

/** After their signal was aborted, handlers get this long to end before `stop` gives up on them. */
const ABORT_GRACE_MS = 5000;
const DEFAULT_GRACE_SECONDS = 30;

/**
 * Claims jobs, runs them, reports. At most one claim and one report are under way; outcomes ride on the next claim
 * when one is due, and go alone when the claim is waiting for work.
 */
export class Worker {
  readonly #transport: Transport;
  readonly #options: Required<Omit<WorkerOptions, "name">> & { name: string | undefined };
  readonly #reporter: Reporter;
  /** Aborted by `stop`: no new claims. */
  readonly #stopping = new AbortController();
  /** Aborted when the grace is over: handlers are interrupted. */
  readonly #graceOver = new AbortController();
  /** Aborted when everything has ended or was given up. */
  readonly #closed = new AbortController();
  #running = 0;
  #claiming = false;
  #claimFailures = 0;
  #pumpPlanned = false;
  #idle: (() => void) | null = null;

  constructor(transport: Transport, options: WorkerOptions) {
    this.#transport = transport;
    const { concurrency = 10, leaseSeconds = 30, waitSeconds = 10, onError = () => undefined, name } = options;
    this.#options = {
      queue: options.queue,
      handler: options.handler,
      concurrency,
      leaseSeconds,
      waitSeconds,
      onError,
      name,
    };
    this.#reporter = new Reporter({ transport, onError, onChange: () => this.#plan(), closed: this.#closed.signal });
    this.#plan();
  }

  /** Jobs whose handlers are running. */
  get running(): number {
    return this.#running;
  }

  /**
   * Claims no more, lets the running handlers end, delivers their outcomes. After `graceSeconds` handlers are
   * aborted; what they leave is reported as a retryable failure. A claim that is waiting is left to end, because
   * jobs it was just given would lose an attempt.
   */
  async stop({ graceSeconds = DEFAULT_GRACE_SECONDS }: { graceSeconds?: number } = {}): Promise<void> {
    const { clock } = this.#transport;
    const idle = new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
    const ended = idle.then(() => this.#closed.abort());
    this.#stopping.abort();
    this.#plan();
    await Promise.race([ended, clock.sleep(graceSeconds * 1000, this.#closed.signal)]);
    if (this.#closed.signal.aborted) return;
    this.#graceOver.abort();
    await Promise.race([ended, clock.sleep(ABORT_GRACE_MS, this.#closed.signal)]);
    this.#closed.abort();
  }

  /** One look for all that happens in this turn, so that jobs that end together are reported together. */
  #plan(): void {
    if (this.#pumpPlanned) return;
    this.#pumpPlanned = true;
    queueMicrotask(() => {
      this.#pumpPlanned = false;
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#closed.signal.aborted) return;
    const room = this.#options.concurrency - this.#running;
    if (!this.#claiming && !this.#stopping.signal.aborted && room > 0) void this.#claim(Math.min(room, MAX_CLAIM));
    this.#reporter.send();
    if (this.#running === 0 && !this.#claiming && this.#reporter.isIdle) this.#idle?.();
  }

  async #claim(max: number): Promise<void> {
    this.#claiming = true;
    const batch = this.#reporter.take();
    try {
      const jobs = await this.#exchange(batch, max);
      this.#claimFailures = 0;
      for (const job of jobs) void this.#run(job);
    } catch (error) {
      this.#reporter.giveBack(batch);
      // The outcomes do not share the claim's pause: they go alone.
      this.#plan();
      if (!this.#closed.signal.aborted) this.#options.onError(error);
      await this.#transport.clock.sleep(this.#transport.pauseMs(error, ++this.#claimFailures), this.#stopping.signal);
    }
    this.#claiming = false;
    this.#plan();
  }

  /** Waits for work only when there is nothing to report: outcomes must not wait. */
  async #exchange(batch: Pending[], max: number): Promise<ClaimedJobView[]> {
    const { queue, leaseSeconds, waitSeconds, name } = this.#options;
    const claim = { max, leaseSeconds, ...(name === undefined ? {} : { worker: name }) };
    const call = { method: "POST", repeatable: false, signal: this.#closed.signal } as const;
    if (batch.length === 0) {
      const body = { ...claim, wait: waitSeconds };
      const path = `${queuePath(queue)}/claim`;
      return (await this.#transport.once<ClaimView>({ ...call, path, body, waitSeconds })).data.jobs;
    }
    const body = { reports: batch.map(({ report }) => report), claim: { queue, ...claim } };
    const { data } = await this.#transport.once<ReportsView>({ ...call, path: "/v1/reports", body });
    this.#reporter.confirm(batch, data);
    return data.jobs;
  }

  async #run(job: ClaimedJobView): Promise<void> {
    this.#running++;
    const { handler, leaseSeconds } = this.#options;
    const report = await runJob(job, {
      transport: this.#transport,
      handler,
      leaseSeconds,
      stopped: this.#graceOver.signal,
    });
    if (report !== null) this.#reporter.add(report);
    this.#running--;
    this.#plan();
  }
}
