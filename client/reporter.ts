import type { ReportInput, ReportsView } from "../contract/pull.ts";
import { DureError } from "./error.ts";
import { Outbox, type Pending } from "./outbox.ts";
import type { Transport } from "./transport.ts";

export interface ReporterOptions {
  transport: Transport;
  onError: (error: unknown) => void;
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

  add(report: ReportInput): void {
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
  confirm(batch: Pending[], view: ReportsView): void {
    this.#failures = 0;
    this.#outbox.confirmed();
    view.items.forEach((item, i) => {
      if (item.status === "stale" && batch[i]?.tries === 1) this.#options.onError(new DureError(item.problem));
    });
  }

  /** Sends what waits, unless a sending is under way. */
  send(): void {
    if (!this.#sending && this.#outbox.size > 0) void this.#send();
  }

  async #send(): Promise<void> {
    const { transport, closed, onChange } = this.#options;
    this.#sending = true;
    const batch = this.#outbox.take();
    try {
      const body = { reports: batch.map(({ report }) => report) };
      const call = { method: "POST", path: "/v1/reports", body, repeatable: true, signal: closed } as const;
      this.confirm(batch, (await transport.once<ReportsView>(call)).data);
    } catch (error) {
      if (isHopeless(error)) this.#outbox.refused(batch);
      else this.#outbox.giveBack(batch);
      if (!closed.aborted) this.#options.onError(error);
      await transport.clock.sleep(transport.pauseMs(error, ++this.#failures), closed);
    }
    this.#sending = false;
    onChange();
  }
}

/** The request is wrong by itself: sending it again changes nothing. */
function isHopeless(error: unknown): boolean {
  return error instanceof DureError && (error.status === 400 || error.status === 413 || error.status === 422);
}
