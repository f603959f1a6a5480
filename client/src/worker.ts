import { DureError } from "./error.ts";
import { MAX_CLAIM, MAX_WAIT_SECONDS } from "./generated/limits.ts";
import { httpPort } from "./http-port.ts";
import { JobRunner } from "./job-runner.ts";
import { consoleLog, type Log, silentLog } from "./log.ts";
import { pauseMs } from "./pause.ts";
import type { Handler } from "./running-job.ts";
import type { Transport } from "./transport.ts";
import type { WorkPort } from "./work-port.ts";

/** After their signal was aborted, handlers get this long to end before `stop` gives up on them. */
const ABORT_GRACE_MS = 5000;
const DEFAULT_GRACE_SECONDS = 30;
/** How many seconds an idle claim waits at first, and how long one that waits longer is left to end when the worker stops. */
const FIRST_WAIT_SECONDS = 10;
/** Answers to a claim that stay what they are, however long one waits. */
const HOPELESS = new Set([401, 403, 404, 409]);

/** How a worker runs jobs. */
export interface WorkerOptions {
  /** Jobs at once. Default 10. */
  concurrency?: number;
  /** Shown in a job's attempts. */
  name?: string;
  /** How many seconds lie between a crash of this worker and the next attempt; heartbeats come every third of it. Default 30. */
  leaseSeconds?: number;
  /**
   * How many seconds an idle claim waits at the server, at most 60, and so how long `stop` may take when idle. Left out: 10, and twice as
   * long each time that nothing came, up to 60, because each claim is paid for; `stop` takes 10 all the same.
   */
  waitSeconds?: number;
  /** Where it says what happens. Left out: the console. `null`: nowhere. */
  log?: Log | null;
}

/** What a worker runs. */
interface Work {
  queue: string;
  handler: Handler;
}

/**
 * Claims jobs, runs them, reports. At most one claim and one report are under way; outcomes ride on the next claim
 * when one is due, and go alone when the claim is waiting for work.
 *
 * It goes on after whatever time may mend: no answer, a 429, a 5xx. A claim that is refused with 401, 403, 404 or 409 stops
 * it: it says why, lets the running handlers end, and `closed` rejects.
 */
export class Worker {
  /** Resolves when the worker has stopped because it was told to; rejects with a `DureError` when Dure refuses its claims. */
  readonly closed: Promise<void>;
  readonly #port: WorkPort;
  readonly #work: Work;
  readonly #log: Log;
  readonly #concurrency: number;
  /** How long an idle claim waits: given, or by what came of the ones before. */
  readonly #waitSeconds: number | null;
  #nextWaitSeconds: number;
  readonly #runner: JobRunner;
  /** Aborted by `stop`: no new claims. */
  readonly #stopping = new AbortController();
  /** Aborted when the grace is over: handlers are interrupted. */
  readonly #graceOver = new AbortController();
  /** Aborted some time after `stop`: a claim that would go on waiting is left. */
  readonly #leaving = new AbortController();
  /** Aborted when everything has ended or was given up. */
  readonly #ended = new AbortController();
  #claiming = false;
  #claimFailures = 0;
  /** Why it stops by itself. */
  #refusal: DureError | null = null;

  /** @internal */
  constructor(transport: Transport, work: Work, options: WorkerOptions) {
    const { concurrency = 10, leaseSeconds = 30, waitSeconds = null, log, name } = options;
    this.#port = httpPort(transport);
    this.#work = work;
    this.#concurrency = concurrency;
    this.#waitSeconds = waitSeconds;
    this.#nextWaitSeconds = waitSeconds ?? FIRST_WAIT_SECONDS;
    this.#log = log === null ? silentLog : (log ?? consoleLog);
    this.#runner = new JobRunner({
      port: this.#port,
      leaseSeconds,
      name,
      log: this.#log,
      onChange: () => this.#pump(),
      end: {
        signal: this.#stopping.signal,
        reason: "The worker was stopped.",
        wholeRunMs: Number.POSITIVE_INFINITY,
      },
      stopped: this.#graceOver.signal,
      closed: this.#ended.signal,
    });
    this.closed = new Promise<void>((resolve, reject) => {
      this.#ended.signal.addEventListener("abort", () => (this.#refusal === null ? resolve() : reject(this.#refusal)));
    });
    // Who does not wait for it has the log.
    this.closed.catch(() => undefined);
    this.#log.info(`dure: claims jobs of the queue ${work.queue} at ${transport.url}, ${concurrency} at once`);
    this.#runner.plan();
  }

  /** Jobs whose handlers are running. */
  get running(): number {
    return this.#runner.running;
  }

  /**
   * Claims no more, lets the running handlers end, delivers their outcomes. After `graceSeconds` (30) handlers are
   * aborted; the jobs of those that then give up are given back, without spending an attempt. A claim that is waiting is left to
   * end for as long as an idle one waits at first, and what it brings is given back.
   */
  async stop({ graceSeconds = DEFAULT_GRACE_SECONDS }: { graceSeconds?: number } = {}): Promise<void> {
    const { clock } = this.#port;
    const ended = this.#ended.signal;
    this.#stopping.abort();
    this.#runner.plan();
    void clock.sleep(FIRST_WAIT_SECONDS * 1000, ended).then(() => this.#leaving.abort());
    await clock.sleep(graceSeconds * 1000, ended);
    if (ended.aborted) return;
    this.#graceOver.abort();
    await clock.sleep(ABORT_GRACE_MS, ended);
    this.#end();
  }

  #pump(): void {
    if (this.#ended.signal.aborted) return;
    const room = this.#concurrency - this.#runner.running;
    const stops = this.#stopping.signal.aborted;
    if (!this.#claiming && !stops && room > 0) void this.#claim(Math.min(room, MAX_CLAIM));
    this.#runner.send();
    if (stops && !this.#claiming && this.#runner.isIdle) this.#end();
  }

  async #claim(max: number): Promise<void> {
    this.#claiming = true;
    const waitSeconds = this.#nextWaitSeconds;
    // Where jobs come often it does not wait for longer than at first, and ends by itself. Of those that wait longer hardly any is given a
    // job just as it is left.
    const left = waitSeconds > FIRST_WAIT_SECONDS && this.#waitSeconds === null ? this.#leaving.signal : undefined;
    const outcome = await this.#runner.claim({ ...this.#work, max, waitSeconds, left });
    if (!outcome.ok) await this.#failed(outcome);
    else {
      this.#claimFailures = 0;
      if (this.#waitSeconds === null) this.#nextWaitSeconds = nextWait(waitSeconds, outcome);
    }
    this.#claiming = false;
    this.#runner.plan();
  }

  async #failed({ error, wasAlone }: { error: unknown; wasAlone: boolean }): Promise<void> {
    // The outcomes do not share the claim's pause: they go alone.
    this.#runner.plan();
    if (this.#ended.signal.aborted || this.#leaving.signal.aborted) return;
    const { queue } = this.#work;
    if (wasAlone && error instanceof DureError && HOPELESS.has(error.status)) {
      this.#refusal = error;
      this.#log.error(
        `dure: the worker of the queue ${queue} stops, because waiting does not mend this: ${error.message}`,
        error,
      );
      void this.stop();
      return;
    }
    this.#log.error(`dure: the queue ${queue} cannot be claimed from, and will be tried again:`, error);
    const pause = pauseMs(error, ++this.#claimFailures, this.#port.random());
    await this.#port.clock.sleep(pause, this.#stopping.signal);
  }

  #end(): void {
    if (this.#ended.signal.aborted) return;
    this.#log.info(`dure: the worker of the queue ${this.#work.queue} has stopped`);
    this.#ended.abort();
  }
}

/** How long the next idle claim waits, after one that waited for so long. */
function nextWait(seconds: number, { count, waited }: { count: number; waited: boolean }): number {
  if (count > 0) return FIRST_WAIT_SECONDS;
  return waited ? Math.min(2 * seconds, MAX_WAIT_SECONDS) : seconds;
}
