import { DureError } from "./error.ts";
import type { Reported, ReportRequest } from "./generated/types.ts";
import type { Log } from "./log.ts";
import { Outbox, type Pending } from "./outbox.ts";
import { isHopeless, pauseMs } from "./pause.ts";
import { brings, isRefusedSpawn, withoutSpawn } from "./spawned.ts";
import type { WorkPort } from "./work-port.ts";

export interface ReporterOptions {
  port: WorkPort;
  log: Log;
  /** Something was confirmed, dropped or may be tried again. */
  onChange: () => void;
  /** Aborted when nothing more is to be sent. */
  closed: AbortSignal;
}

/** Delivers outcomes: one request at a time, again until the server has answered each. */
export class Reporter {
  readonly #options: ReporterOptions;
  readonly #outbox = new Outbox();
  #sending = false;
  #failures = 0;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** Nothing waits and nothing is under way. */
  get isIdle(): boolean {
    return !this.#sending && this.#outbox.size === 0;
  }

  add(report: ReportRequest): void {
    this.#outbox.add(report);
  }

  /** Outcomes for the caller to send along with something else: then `confirm` them, or `giveBack`. */
  take(): Pending[] {
    return this.#outbox.take();
  }

  giveBack(batch: Pending[]): void {
    this.#outbox.giveBack(batch);
  }

  /** A report sent twice is stale when the first sending was recorded and its answer lost: that is no news. */
  confirm(batch: Pending[], view: Reported): void {
    this.#failures = 0;
    this.#outbox.confirmed();
    view.items.forEach((item, i) => {
      const sent = batch[i];
      if (item.status === "stale" && sent?.tries === 1)
        this.#options.log.error("dure: an outcome came too late and was not recorded:", new DureError(item.problem));
      if (item.status === "refused" && sent !== undefined) this.#failInstead(sent, new DureError(item.problem));
    });
  }

  /** The success that was refused for the jobs it brought is reported as a failure: nobody else would hear of it. */
  #failInstead({ report }: Pending, error: DureError): void {
    this.#outbox.add(withoutSpawn(report, error.problem));
    this.#options.log.error("dure: a success was refused for the jobs it brings, and is a failure now:", error);
  }

  /** Sends what waits, unless a sending is under way. */
  send(): void {
    if (!this.#sending && this.#outbox.size > 0) void this.#send();
  }

  /** What the server will never take does not go out again as it is: a success becomes a failure where its jobs may be the reason. */
  #notTaken(batch: Pending[], error: unknown): void {
    const bringsJobs = batch.some(({ report }) => brings(report));
    const [only] = batch;
    if (!isHopeless(error) && !(bringsJobs && isRefusedSpawn(error))) this.#outbox.giveBack(batch);
    else if (only === undefined || batch.length > 1 || !bringsJobs) this.#outbox.refused(batch);
    else this.#outbox.add(withoutSpawn(only.report, error.problem));
  }

  async #send(): Promise<void> {
    const { port, closed, log, onChange } = this.#options;
    this.#sending = true;
    const batch = this.#outbox.take();
    try {
      const reports = batch.map(({ report }) => report);
      this.confirm(batch, await port.report(reports, { signal: closed }));
    } catch (error) {
      this.#notTaken(batch, error);
      if (!closed.aborted) log.error("dure: outcomes could not be delivered:", error);
      await port.clock.sleep(pauseMs(error, ++this.#failures, port.random()), closed);
    }
    this.#sending = false;
    onChange();
  }
}
