import { INVOCATION_SECONDS, MAX_CLAIM, WHOLE_INVOCATION_SECONDS } from "./generated/limits.ts";
import { JobRunner } from "./job-runner.ts";
import type { Log } from "./log.ts";
import type { Handler } from "./running-job.ts";
import type { WorkPort } from "./work-port.ts";

/** Then handlers are told that the invocation ends. */
const MAX_RUN_MS = INVOCATION_SECONDS * 1000;
/** Nothing is claimed in the minute before: most of it would only be given back. */
const NO_CLAIMS_MS = 60_000;
/** What handlers get to end, and their outcomes to be delivered. */
const ABORT_GRACE_MS = 15_000;

const ENDED = "The invocation of the consumer that ran it has come to its end.";

export interface RunOptions {
  port: WorkPort;
  /** By queue. They are asked in this order, around and around. */
  handlers: [queue: string, handler: Handler][];
  concurrency: number;
  leaseSeconds: number;
  /** No claims after this long, nor in the invocation's last minute. */
  budgetMs: number;
  /** Who claims: tells this invocation from others. */
  name: string;
  log: Log;
}

/**
 * One invocation of a consumer: claims from its queues in turn until all are dry or the time is spent, and ends when the
 * jobs in hand have ended and their outcomes are delivered. What it leaves behind when it is killed comes back when the
 * leases end.
 */
export class ConsumerRun {
  readonly #options: RunOptions;
  readonly #runner: JobRunner;
  readonly #stopped = new AbortController();
  readonly #closed = new AbortController();
  readonly #claimsUntil: number;
  /** Queues that had less than was asked for, until one of their jobs ends: that may have made room for the next. */
  readonly #dry = new Set<string>();
  /** Queues that could not be claimed from. Their bells ring again. */
  readonly #failed = new Set<string>();
  #next = 0;
  #claiming = false;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#claimsUntil = options.port.clock.now() + Math.min(options.budgetMs, MAX_RUN_MS - NO_CLAIMS_MS);
    this.#runner = new JobRunner({
      ...options,
      onChange: () => this.#pump(),
      onEnd: (queue) => this.#dry.delete(queue),
      end: { signal: this.#stopped.signal, reason: ENDED, wholeRunMs: WHOLE_INVOCATION_SECONDS * 1000 },
      stopped: this.#stopped.signal,
      closed: this.#closed.signal,
    });
  }

  /** Never rejects. */
  async run(): Promise<void> {
    const { clock } = this.#options.port;
    const closed = this.#closed.signal;
    this.#runner.plan();
    await clock.sleep(MAX_RUN_MS, closed);
    if (closed.aborted) return;
    this.#stopped.abort();
    await clock.sleep(ABORT_GRACE_MS, closed);
    this.#closed.abort();
  }

  #pump(): void {
    if (this.#closed.signal.aborted) return;
    const turn = this.#takeTurn();
    if (turn !== null) void this.#claim(turn);
    this.#runner.send();
    if (this.#claiming || this.#runner.running > 0) return;
    if (this.#runner.isIdle) this.#closed.abort();
    else void this.#giveUpLater();
  }

  /** The queue to claim from now; null when none is to be. */
  #takeTurn(): [queue: string, handler: Handler] | null {
    const { port, handlers, concurrency } = this.#options;
    if (this.#claiming || this.#stopped.signal.aborted || this.#runner.running >= concurrency) return null;
    if (port.clock.now() >= this.#claimsUntil) return null;
    const order = [...handlers.slice(this.#next), ...handlers.slice(0, this.#next)];
    const passed = order.findIndex(([queue]) => !this.#dry.has(queue) && !this.#failed.has(queue));
    this.#next = (this.#next + passed + 1) % handlers.length;
    return order[passed] ?? null;
  }

  async #claim([queue, handler]: [queue: string, handler: Handler]): Promise<void> {
    const max = Math.min(MAX_CLAIM, this.#options.concurrency - this.#runner.running);
    this.#claiming = true;
    // Before the call: a job that ends meanwhile may open another, which this claim came too early for.
    this.#dry.add(queue);
    const outcome = await this.#runner.claim({ queue, handler, max, waitSeconds: 0 });
    if (!outcome.ok) {
      this.#failed.add(queue);
      if (!this.#closed.signal.aborted)
        this.#options.log.error(`dure: the queue ${queue} cannot be claimed from:`, outcome.error);
    } else if (outcome.count === max) this.#dry.delete(queue);
    this.#claiming = false;
    this.#runner.plan();
  }

  /** Only outcomes are left, and Dure does not take them: after a lease it never will. */
  async #giveUpLater(): Promise<void> {
    await this.#options.port.clock.sleep(this.#options.leaseSeconds * 1000, this.#closed.signal);
    this.#closed.abort();
  }
}
