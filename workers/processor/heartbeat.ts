import { type ExtendResult, type Extension, RPC_VERSION } from "../../contract/rpc.ts";
import { faultText } from "../../domain/fault.ts";
import type { InFlight } from "./in-flight.ts";
import { EPOCH_UNKNOWN, type WorkPorts } from "./work-ports.ts";

/** A cancelled job learns of it within this, and the time of a call. */
const HEARTBEAT_MS = 5_000;
const HEARTBEAT_RETRY_MS = 1_000;
/** What jobs say of their progress goes out this often at most, all of them together. */
const SAY_MS = 1_000;
/** A beat follows a job from shard to shard this often; the next one goes on from there. */
const MAX_MOVES = 2;

const NEVER = Number.POSITIVE_INFINITY;

/** One lease to be asked for, and the shard to ask: null is the one that gave the job. */
interface Beat {
  home: string | null;
  extension: Extension;
}

export interface HeartbeatOptions {
  ports: Pick<WorkPorts, "extend" | "now" | "log">;
  inFlight: InFlight;
  leaseMs: number;
  /** Called when a beat has ended, and when one is due sooner than it was. */
  onChange: () => void;
}

/**
 * Keeps the leases of everything in hand, and carries what running jobs say. Each beat asks for every lease; only those of
 * which less than half is left are moved, because the question is free and the answer is a row.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #nextAt = NEVER;
  /** When something that was said goes out. */
  #sayAt = NEVER;
  #patchSentAt = Number.NEGATIVE_INFINITY;
  #beating = false;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  /** A call is under way. */
  get beating(): boolean {
    return this.#beating;
  }

  /** The first jobs came in hand, with a call that was sent at `askedAt`. */
  startAt(askedAt: number): void {
    this.#nextAt = askedAt + HEARTBEAT_MS;
  }

  /** A job in hand has said something. */
  heard(): void {
    this.#sayAt = Math.min(this.#sayAt, Math.max(this.#options.ports.now(), this.#patchSentAt + SAY_MS));
    this.#options.onChange();
  }

  /** When `beat` is next to be called; Infinity: not before something happens. */
  dueAt(): number {
    return this.#beating || this.#options.inFlight.running === 0 ? NEVER : Math.min(this.#nextAt, this.#sayAt);
  }

  /** Asks for every lease in flight, or only tells what was said, in one call a shard; drops the jobs whose lease is gone. */
  async beat(now: number): Promise<void> {
    const { inFlight, leaseMs, onChange } = this.#options;
    this.#beating = true;
    const whole = now >= this.#nextAt;
    if (whole) this.#nextAt = now + HEARTBEAT_MS;
    this.#sayAt = NEVER;
    const patches = inFlight.unconfirmed();
    if (patches.size > 0) this.#patchSentAt = now;
    const asked = inFlight.leases().filter(({ lease }) => whole || patches.has(lease));
    await this.#ask(
      asked.map(({ lease, home }): Beat => {
        const one = patches.get(lease);
        return {
          home,
          extension: { lease, leaseMs, unlessLeftMs: leaseMs / 2, ...(one === undefined ? {} : { progress: one }) },
        };
      }),
      { sentAt: now, moves: 0 },
    );
    this.#beating = false;
    onChange();
  }

  /** One call a shard. Leases whose slots have moved are asked for where they are now, in the same beat. */
  async #ask(beats: Beat[], { sentAt, moves }: { sentAt: number; moves: number }): Promise<void> {
    const { ports } = this.#options;
    const byHome = Map.groupBy(beats, ({ home }) => home);
    const moved = await Promise.all(
      [...byHome].map(async ([home, theirs]) => {
        const leases = theirs.map(({ extension }) => extension);
        try {
          const request = { v: RPC_VERSION, epoch: EPOCH_UNKNOWN, namespace: null, leases };
          return this.#take(leases, (await ports.extend(request, home)).results, sentAt);
        } catch (error) {
          // What was said is still unconfirmed, and goes out with the next beat.
          this.#beatWithin(HEARTBEAT_RETRY_MS);
          ports.log({ event: "call-failed", call: "extend", tries: 1, error: faultText(error) });
          return [];
        }
      }),
    );
    const left = moved.flat();
    if (left.length === 0) return;
    if (moves < MAX_MOVES) return this.#ask(left, { sentAt, moves: moves + 1 });
    this.#beatWithin(HEARTBEAT_RETRY_MS);
  }

  /** Notes what was answered. Those that another shard has to be asked for are given back. */
  #take(leases: Extension[], results: ExtendResult[], sentAt: number): Beat[] {
    const { inFlight, leaseMs, ports } = this.#options;
    return leases.flatMap((extension, index): Beat[] => {
      const { lease, progress } = extension;
      const result = results[index] ?? { status: "unknown" };
      switch (result.status) {
        case "extended":
          // Counted from before the call was sent.
          inFlight.extended(lease, sentAt + Math.min(leaseMs, result.leaseLeftMs));
          if (progress !== undefined) inFlight.confirmed(lease, progress);
          return [];
        case "moved":
          inFlight.moved(lease, result.to);
          return [{ home: result.to, extension }];
        case "busy":
          this.#beatWithin(result.retryAfterMs);
          return [];
        default: {
          const job = inFlight.drop(lease);
          if (job !== null) ports.log({ event: "job-dropped", job, reason: result.status });
          return [];
        }
      }
    });
  }

  #beatWithin(ms: number): void {
    this.#nextAt = Math.min(this.#nextAt, this.#options.ports.now() + ms);
  }
}
