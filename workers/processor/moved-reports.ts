import { MAX_REPORTS } from "../../contract/limits.ts";
import { type Report, type ReportReply, RPC_VERSION } from "../../contract/rpc.ts";
import { faultText } from "../../domain/fault.ts";
import type { InFlight } from "./in-flight.ts";
import { MAX_TRIES, retryDelayMs } from "./retry.ts";
import { EPOCH_UNKNOWN, type WorkPorts } from "./work-ports.ts";

const NEVER = Number.POSITIVE_INFINITY;

export interface MovedReportsOptions {
  ports: Pick<WorkPorts, "report" | "now" | "random" | "log">;
  inFlight: InFlight;
  /** Called when all calls have ended. */
  onChange: () => void;
}

/**
 * Reports outcomes of jobs whose slots have moved to another shard since they were claimed: to the one that was named by the
 * shard that was asked last. An outcome that cannot be reported is given up after a few tries: its lease ends and the job runs
 * again.
 */
export class MovedReports {
  readonly #options: MovedReportsOptions;
  #calling = false;
  #tries = 0;
  #retryAt = Number.NEGATIVE_INFINITY;

  constructor(options: MovedReportsOptions) {
    this.#options = options;
  }

  /** Whether something waits to be sent, or is on its way. */
  get open(): boolean {
    return this.#calling || this.#options.inFlight.homes().length > 0;
  }

  /** When `send` is next to be called, epoch ms; Infinity: not before something happens. */
  dueAt(): number {
    return this.#calling || this.#options.inFlight.homes().length === 0 ? NEVER : this.#retryAt;
  }

  /** Sends what there is, to one shard after the other. Never rejects. */
  async send(): Promise<void> {
    this.#calling = true;
    for (const home of this.#options.inFlight.homes()) await this.#sendTo(home);
    this.#calling = false;
    this.#options.onChange();
  }

  async #sendTo(home: string): Promise<void> {
    const { ports, inFlight } = this.#options;
    const reports = inFlight.takeReports(MAX_REPORTS, home);
    try {
      const head = { v: RPC_VERSION, epoch: EPOCH_UNKNOWN };
      const request = { ...head, namespace: null, reports, withJobs: false, queues: [], waitMs: 0 };
      this.#heard(home, reports, await ports.report(home, request));
    } catch (error) {
      this.#inVain([{ home, reports }]);
      ports.log({ event: "call-failed", call: "report", tries: this.#tries, error: faultText(error) });
    }
  }

  #heard(home: string, reports: Report[], reply: ReportReply): void {
    const { ports, inFlight } = this.#options;
    if (reply.type === "busy") {
      inFlight.putBack(reports, home);
      this.#retryAt = ports.now() + reply.retryAfterMs;
      return;
    }
    const moved: { home: string; reports: Report[] }[] = [];
    for (const [i, report] of reports.entries()) {
      const result = reply.results[i] ?? { status: "unknown" };
      if (result.status === "moved") moved.push({ home: result.to, reports: [report] });
      else if (result.status === "busy") {
        inFlight.putBack([report], home);
        this.#retryAt = ports.now() + result.retryAfterMs;
      } else if (result.status !== "recorded") ports.log({ event: "report-refused", status: result.status });
    }
    if (moved.length > 0) this.#inVain(moved);
    else this.#tries = 0;
  }

  /** These were not recorded: they are sent again in a moment, to their homes, or given up. */
  #inVain(sent: { home: string; reports: Report[] }[]): void {
    const { ports, inFlight } = this.#options;
    this.#tries++;
    if (this.#tries >= MAX_TRIES) {
      ports.log({ event: "gave-up", reports: sent.reduce((sum, { reports }) => sum + reports.length, 0) });
      this.#tries = 0;
      return;
    }
    for (const { home, reports } of sent) inFlight.putBack(reports, home);
    this.#retryAt = ports.now() + retryDelayMs(this.#tries, ports.random());
  }
}
