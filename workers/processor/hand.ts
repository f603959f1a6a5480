import type { Outcome, Report, Said, WorkItem } from "../../contract/rpc.ts";
import { alsoSaid } from "../../contract/said.ts";
import type { PushType } from "../../domain/queue.ts";
import { Stopper } from "./stopper.ts";
import { reasonOf, type WorkPorts } from "./work-ports.ts";

/** One report call stays under the 32 MiB that an RPC may carry: text may take two bytes a code unit on the wire. */
const MAX_REPORT_UNITS = 8 * 1024 * 1024;

interface Running {
  item: WorkItem;
  stopper: Stopper;
  /** The attempt's time is up. */
  deadlineAt: number;
  leaseUntil: number;
  /** What the job has said and no answer has confirmed. */
  said: Said | null;
}

/** The jobs an executor holds: those that run, and the outcomes that wait to be reported. */
export class Hand {
  readonly #ports: Pick<WorkPorts, "execute" | "now">;
  readonly #onChange: (type: PushType) => void;
  readonly #onSay: () => void;
  readonly #running = new Map<string, Running>();
  readonly #counts: Record<PushType, number> = { handler: 0, http: 0 };
  #finished: Report[] = [];
  #finishedSince: number | null = null;

  /** `onChange` is called whenever a job stops running, with the kind of room it leaves; `onSay` when one says something. */
  constructor(
    ports: Pick<WorkPorts, "execute" | "now">,
    { onChange, onSay }: { onChange: (type: PushType) => void; onSay: () => void },
  ) {
    this.#ports = ports;
    this.#onChange = onChange;
    this.#onSay = onSay;
  }

  get running(): number {
    return this.#running.size;
  }

  get finished(): number {
    return this.#finished.length;
  }

  /** When the oldest outcome came in that has not been reported; null when none waits. */
  get finishedSince(): number | null {
    return this.#finishedSince;
  }

  count(type: PushType): number {
    return this.#counts[type];
  }

  /** Everything that has a lease of ours, to extend it. */
  leases(): string[] {
    return [...this.#running.keys(), ...this.#finished.map((report) => report.lease)];
  }

  /**
   * `askedAt` is when the call was sent that brought the job. The attempt's time and its lease are counted from there,
   * so that both end here before the shard could give the job to somebody else.
   */
  start(item: WorkItem, askedAt: number, leaseMs: number): void {
    const stopper = new Stopper((said) => this.#hear(running, said));
    const deadlineAt = askedAt + item.timeoutMs;
    const running: Running = { item, stopper, deadlineAt, leaseUntil: askedAt + leaseMs, said: null };
    this.#running.set(item.lease, running);
    this.#counts[item.target.type]++;
    this.#ports.execute(item, stopper).then(
      (outcome) => this.#settle(running, outcome),
      (error: unknown) => this.#settle(running, failure("executor-error", reasonOf(error))),
    );
  }

  extended(lease: string, until: number): void {
    const running = this.#running.get(lease);
    if (running !== undefined) running.leaseUntil = until;
  }

  /** What running jobs have said and no answer has confirmed, by lease. */
  said(): Map<string, Said> {
    const said = new Map<string, Said>();
    for (const [lease, running] of this.#running) if (running.said !== null) said.set(lease, running.said);
    return said;
  }

  /** The shard has what `said()` answered for this lease, unless the job has said more since. */
  confirmed(lease: string, said: Said): void {
    const running = this.#running.get(lease);
    if (running?.said === said) running.said = null;
  }

  /** Stops a job whose outcome nobody wants. Returns its id, or null when it does not run. */
  drop(lease: string): string | null {
    const running = this.#running.get(lease);
    if (running === undefined) return null;
    this.#remove(running);
    running.stopper.stop();
    return running.item.id;
  }

  /** Fails what has run out of time, and drops what has run out of lease. Returns the ids of the latter. */
  expire(): string[] {
    const now = this.#ports.now();
    const lost: string[] = [];
    for (const running of [...this.#running.values()]) {
      if (now >= running.deadlineAt) {
        this.#settle(running, failure("timeout", `no outcome within ${running.item.timeoutMs / 1000} s`));
        running.stopper.stop();
      } else if (now >= running.leaseUntil) {
        this.drop(running.item.lease);
        lost.push(running.item.id);
      }
    }
    return lost;
  }

  /** When `expire` next has something to do; Infinity when nothing runs. */
  nextExpiryAt(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { deadlineAt, leaseUntil } of this.#running.values()) next = Math.min(next, deadlineAt, leaseUntil);
    return next;
  }

  /** At most `max` outcomes, oldest first, no more than one call may carry. They are the caller's until `putBack`. */
  takeReports(max: number): Report[] {
    let count = 0;
    let units = 0;
    for (const report of this.#finished.slice(0, max)) {
      units += unitsOf(report.outcome);
      units += report.said?.checkpoint?.length ?? 0;
      if (count > 0 && units > MAX_REPORT_UNITS) break;
      count++;
    }
    const taken = this.#finished.slice(0, count);
    this.#finished = this.#finished.slice(count);
    if (this.#finished.length === 0) this.#finishedSince = null;
    return taken;
  }

  putBack(reports: Report[]): void {
    if (reports.length === 0) return;
    this.#finished = [...reports, ...this.#finished];
    this.#finishedSince ??= this.#ports.now();
  }

  #settle(running: Running, outcome: Outcome): void {
    // A job that was dropped or timed out has been dealt with: what it still says is not heard.
    if (this.#running.get(running.item.lease) !== running) return;
    const { item, said } = running;
    // A job that goes on later does so from what it said last; one that succeeded needs it no more.
    const last = said === null || outcome.ok ? {} : { said };
    this.#finished.push({ lease: item.lease, outcome, ...last });
    this.#finishedSince ??= this.#ports.now();
    this.#remove(running);
  }

  #hear(running: Running, said: Said): void {
    if (this.#running.get(running.item.lease) !== running) return;
    running.said = alsoSaid(running.said, said);
    this.#onSay();
  }

  #remove(running: Running): void {
    this.#running.delete(running.item.lease);
    this.#counts[running.item.target.type]--;
    this.#onChange(running.item.target.type);
  }
}

/** Of its long texts. */
function unitsOf(outcome: Outcome): number {
  if (!outcome.ok) return outcome.error.message.length;
  const spawned = (outcome.spawn ?? []).reduce((sum, { payload }) => sum + payload.length, 0);
  return (outcome.result?.length ?? 0) + spawned;
}

function failure(code: string, message: string): Outcome {
  return { ok: false, error: { code, message, retryable: true }, retryAfterMs: null };
}
