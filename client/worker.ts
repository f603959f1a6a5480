import { MAX_CLAIM } from "../contract/limits.ts";
import { httpPort } from "./http-port.ts";
import { JobRunner } from "./job-runner.ts";
import { pauseMs } from "./pause.ts";
import type { Transport } from "./transport.ts";
import type { WorkPort } from "./work-port.ts";
import type { WorkerOptions } from "./worker-options.ts";

/** After their signal was aborted, handlers get this long to end before `stop` gives up on them. */
const ABORT_GRACE_MS = 5000;
const DEFAULT_GRACE_SECONDS = 30;

/**
 * Claims jobs, runs them, reports. At most one claim and one report are under way; outcomes ride on the next claim
 * when one is due, and go alone when the claim is waiting for work.
 */
export class Worker {
  readonly #port: WorkPort;
  readonly #options: Required<Omit<WorkerOptions, "name" | "leaseSeconds">>;
  readonly #runner: JobRunner;
  /** Aborted by `stop`: no new claims. */
  readonly #stopping = new AbortController();
  /** Aborted when the grace is over: handlers are interrupted. */
  readonly #graceOver = new AbortController();
  /** Aborted when everything has ended or was given up. */
  readonly #closed = new AbortController();
  #claiming = false;
  #claimFailures = 0;
  #idle: (() => void) | null = null;

  constructor(transport: Transport, options: WorkerOptions) {
    const { concurrency = 10, leaseSeconds = 30, waitSeconds = 10, onError = () => undefined, name } = options;
    const { queue, handler } = options;
    this.#port = httpPort(transport);
    this.#options = { queue, handler, concurrency, waitSeconds, onError };
    this.#runner = new JobRunner({
      port: this.#port,
      leaseSeconds,
      name,
      onError,
      onChange: () => this.#pump(),
      stopped: this.#graceOver.signal,
      closed: this.#closed.signal,
    });
    this.#runner.plan();
  }

  /** Jobs whose handlers are running. */
  get running(): number {
    return this.#runner.running;
  }

  /**
   * Claims no more, lets the running handlers end, delivers their outcomes. After `graceSeconds` handlers are
   * aborted; what they leave is reported as a retryable failure. A claim that is waiting is left to end, because
   * jobs it was just given would lose an attempt.
   */
  async stop({ graceSeconds = DEFAULT_GRACE_SECONDS }: { graceSeconds?: number } = {}): Promise<void> {
    const { clock } = this.#port;
    const idle = new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
    const ended = idle.then(() => this.#closed.abort());
    this.#stopping.abort();
    this.#runner.plan();
    await Promise.race([ended, clock.sleep(graceSeconds * 1000, this.#closed.signal)]);
    if (this.#closed.signal.aborted) return;
    this.#graceOver.abort();
    await Promise.race([ended, clock.sleep(ABORT_GRACE_MS, this.#closed.signal)]);
    this.#closed.abort();
  }

  #pump(): void {
    if (this.#closed.signal.aborted) return;
    const room = this.#options.concurrency - this.#runner.running;
    if (!this.#claiming && !this.#stopping.signal.aborted && room > 0) void this.#claim(Math.min(room, MAX_CLAIM));
    this.#runner.send();
    if (!this.#claiming && this.#runner.isIdle) this.#idle?.();
  }

  async #claim(max: number): Promise<void> {
    const { queue, handler, waitSeconds, onError } = this.#options;
    this.#claiming = true;
    try {
      await this.#runner.claim({ queue, handler, max, waitSeconds });
      this.#claimFailures = 0;
    } catch (error) {
      // The outcomes do not share the claim's pause: they go alone.
      this.#runner.plan();
      if (!this.#closed.signal.aborted) onError(error);
      const pause = pauseMs(error, ++this.#claimFailures, this.#port.random());
      await this.#port.clock.sleep(pause, this.#stopping.signal);
    }
    this.#claiming = false;
    this.#runner.plan();
  }
}
