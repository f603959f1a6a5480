import { WHOLE_INVOCATION_SECONDS } from "../../contract/limits.ts";
import { mergeProgress } from "../../contract/progress-patch.ts";
import type { HandedOver, Outcome, ProgressPatch, Report, WorkItem } from "../../contract/rpc.ts";
import { secondsToMs } from "../../contract/time.ts";
import { faultText } from "../../domain/fault.ts";
import { type Room, roomOf } from "../../domain/target.ts";
import type { Memory } from "./memory.ts";
import type { KeptPermit } from "./services/permit-ports.ts";
import { Stopper } from "./stopper.ts";
import type { WorkPorts } from "./work-ports.ts";

/** One report call stays under the 32 MiB that an RPC may carry: text may take two bytes a code unit on the wire. */
const MAX_REPORT_UNITS = 8 * 1024 * 1024;

interface Running {
  item: WorkItem;
  /** The shard that its slot has moved to; null while it is the one that gave the job. */
  home: string | null;
  stopper: Stopper;
  /** When the call was sent that brought it. */
  askedAt: number;
  /** The attempt's time is up, or that of the invocation. */
  deadlineAt: number;
  leaseUntil: number;
  /** What the job has said and no answer has confirmed. */
  progress: ProgressPatch | null;
}

/** An outcome, and where it is to be reported, as in `Running`. */
interface Finished {
  report: Report;
  home: string | null;
}

/** How a job comes in hand. */
interface Starting {
  /** When the call was sent that brought it, epoch milliseconds. */
  askedAt: number;
  leaseMs: number;
  permit: KeptPermit | null;
}

interface InFlightOptions {
  /** When the invocation comes to its end. */
  endsAt: number;
  /** Called whenever a job stops running, with what it took. */
  onChange: (room: Room) => void;
  /** Called when one says something. */
  onSay: () => void;
  memory: Memory;
}

/** The jobs an executor has in flight: those that run, and the outcomes that wait to be reported. */
export class InFlight {
  readonly #ports: Pick<WorkPorts, "execute" | "now">;
  readonly #endsAt: number;
  readonly #onChange: (room: Room) => void;
  readonly #onSay: () => void;
  readonly #memory: Memory;
  readonly #running = new Map<string, Running>();
  readonly #counts: Record<Room, number> = { handler: 0, http: 0 };
  #finished: Finished[] = [];
  #finishedSince: number | null = null;

  constructor(ports: Pick<WorkPorts, "execute" | "now">, { endsAt, onChange, onSay, memory }: InFlightOptions) {
    this.#endsAt = endsAt;
    this.#memory = memory;
    this.#ports = ports;
    this.#onChange = onChange;
    this.#onSay = onSay;
  }

  get running(): number {
    return this.#running.size;
  }

  /** How many of the running jobs were asked for at `at` or later, epoch milliseconds. */
  runningSince(at: number): number {
    let count = 0;
    for (const { askedAt } of this.#running.values()) if (askedAt >= at) count++;
    return count;
  }

  /** Outcomes that wait to be reported to the shard that gave the jobs. */
  get finished(): number {
    return this.#finished.filter(({ home }) => home === null).length;
  }

  /** Other shards that outcomes wait to be reported to, each once. */
  homes(): string[] {
    return [...new Set(this.#finished.flatMap(({ home }) => home ?? []))];
  }

  /** When the oldest outcome came in that waits to be reported to the shard that gave the job; null when none does. */
  get finishedSince(): number | null {
    return this.#finishedSince;
  }

  /** How many of the running jobs take this. */
  count(room: Room): number {
    return this.#counts[room];
  }

  /** Everything that has a lease of ours, to extend it, and the shard to ask. */
  leases(): { lease: string; home: string | null }[] {
    const running = [...this.#running.values()].map(({ item: { lease }, home }) => ({ lease, home }));
    return [...running, ...this.#finished.map(({ report: { lease }, home }) => ({ lease, home }))];
  }

  /** The slot of the lease's job is `home`'s now. */
  moved(lease: string, home: string): void {
    const running = this.#running.get(lease);
    if (running !== undefined) running.home = home;
    for (const finished of this.#finished) if (finished.report.lease === lease) finished.home = home;
    this.#noteOldest();
  }

  /** The attempt's time and its lease are counted from `askedAt`, so that both end here before the shard could give the job to somebody else. */
  start(item: WorkItem, { askedAt, leaseMs, permit }: Starting): void {
    const deadlineAt = Math.min(askedAt + item.timeoutMs, this.#endsAt);
    const stopper = new Stopper((patch) => this.#hear(running, patch), deadlineAt, permit);
    const running: Running = {
      item,
      home: null,
      stopper,
      askedAt,
      deadlineAt,
      leaseUntil: askedAt + leaseMs,
      progress: null,
    };
    this.#running.set(item.lease, running);
    this.#counts[roomOf(item.target)]++;
    this.#memory.hold(itemUnits(item));
    this.#ports.execute(item, stopper).then(
      (outcome) => this.#recordOutcome(running, outcome),
      (error: unknown) => this.#recordOutcome(running, failure("executor-error", faultText(error))),
    );
  }

  extended(lease: string, until: number): void {
    const running = this.#running.get(lease);
    if (running !== undefined) running.leaseUntil = until;
  }

  /** What running jobs have said and no answer has confirmed, by lease. */
  unconfirmed(): Map<string, ProgressPatch> {
    const patches = new Map<string, ProgressPatch>();
    for (const [lease, running] of this.#running) if (running.progress !== null) patches.set(lease, running.progress);
    return patches;
  }

  /** The shard has what `unconfirmed()` answered for this lease, unless the job has said more since. */
  confirmed(lease: string, patch: ProgressPatch): void {
    const running = this.#running.get(lease);
    if (running?.progress === patch) running.progress = null;
  }

  /** Stops a job whose outcome nobody wants. Returns its id, or null when it does not run. */
  drop(lease: string): string | null {
    const running = this.#running.get(lease);
    if (running === undefined) return null;
    this.#remove(running);
    running.stopper.stop();
    return running.item.id;
  }

  /** Ends what has run out of time, and drops what has run out of lease. Returns the ids of the latter. */
  expire(): string[] {
    const now = this.#ports.now();
    const lost: string[] = [];
    for (const running of [...this.#running.values()]) {
      if (now >= running.deadlineAt) {
        this.#recordOutcome(running, cutShort(running));
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

  /**
   * At most `max` outcomes for one shard, oldest first, no more than one call may carry. They are the caller's until `putBack`.
   * `home` null: for the shard that gave the jobs.
   */
  takeReports(max: number, home: string | null = null): Report[] {
    const taken = new Set<Finished>();
    let units = 0;
    for (const finished of this.#finished) {
      if (finished.home !== home) continue;
      units += reportUnits(finished.report);
      if (taken.size >= max || (taken.size > 0 && units > MAX_REPORT_UNITS)) break;
      taken.add(finished);
    }
    this.#finished = this.#finished.filter((finished) => !taken.has(finished));
    for (const { report } of taken) this.#memory.hold(-reportUnits(report));
    this.#noteOldest();
    return [...taken].map(({ report }) => report);
  }

  /** Outcomes that were not reported after all, and are to be, to `home`. */
  putBack(reports: Report[], home: string | null = null): void {
    this.#finished = [...reports.map((report) => ({ report, home })), ...this.#finished];
    for (const report of reports) this.#memory.hold(reportUnits(report));
    this.#noteOldest();
  }

  #recordOutcome(running: Running, outcome: Outcome | HandedOver): void {
    // A job that was dropped or timed out has been dealt with: what it still says is not heard.
    if (this.#running.get(running.item.lease) !== running) return;
    const { item, progress } = running;
    // A job that goes on later does so from what it said last; one that succeeded needs it no more.
    const last = progress === null || outcome.ok ? {} : { progress };
    const report = { lease: item.lease, outcome, ...last };
    this.#finished.push({ report, home: running.home });
    this.#memory.hold(reportUnits(report));
    this.#noteOldest();
    this.#remove(running);
  }

  #noteOldest(): void {
    if (this.finished === 0) this.#finishedSince = null;
    else this.#finishedSince ??= this.#ports.now();
  }

  #hear(running: Running, patch: ProgressPatch): void {
    if (this.#running.get(running.item.lease) !== running) return;
    running.progress = mergeProgress(running.progress, patch);
    this.#onSay();
  }

  #remove(running: Running): void {
    this.#running.delete(running.item.lease);
    // Of a job that ended before it used it.
    running.stopper.permit?.release();
    this.#memory.hold(-itemUnits(running.item));
    const room = roomOf(running.item.target);
    this.#counts[room]--;
    this.#onChange(room);
  }
}

/**
 * What comes of a job whose time is up. The end of the invocation is not its fault, as long as another one has more time for it: then it
 * goes back without having spent an attempt.
 */
function cutShort({ item, askedAt, deadlineAt }: Running): Outcome {
  const ms = deadlineAt - askedAt;
  if (ms >= item.timeoutMs) return failure("timeout", `no outcome within ${item.timeoutMs / 1000} s`);
  if (ms >= secondsToMs(WHOLE_INVOCATION_SECONDS)) return failure("timeout", TOO_LONG);
  const error = { code: "released", message: ENDED, retryable: true };
  return { ok: false, error, retryAfterMs: 0, putBack: "released" };
}

const TOO_LONG = `no outcome within the ${WHOLE_INVOCATION_SECONDS / 60} minutes that the processor has for a job`;
const ENDED = "the invocation of the processor that ran it has come to its end";

/** Of what may be long, in code units. */
function itemUnits({ payload, checkpoint }: WorkItem): number {
  return payload.length + (checkpoint?.length ?? 0);
}

function reportUnits({ outcome, progress }: Report): number {
  return unitsOf(outcome) + (progress?.checkpoint?.length ?? 0);
}

/** Of its long texts. */
function unitsOf(outcome: Outcome | HandedOver): number {
  if (outcome.ok === null) return 0;
  if (!outcome.ok) return outcome.error.message.length;
  const spawned = (outcome.spawn ?? []).reduce((sum, { payload }) => sum + payload.length, 0);
  return (outcome.result?.length ?? 0) + spawned;
}

function failure(code: string, message: string): Outcome {
  return { ok: false, error: { code, message, retryable: true }, retryAfterMs: null };
}
