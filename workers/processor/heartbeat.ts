import { type ExtendReply, type Extension, RPC_VERSION } from "../../contract/rpc.ts";
import type { Hand } from "./hand.ts";
import { reasonOf, type WorkPorts } from "./work-ports.ts";

/** A cancelled job learns of it within this, and the time of a call. */
const HEARTBEAT_MS = 5_000;
const HEARTBEAT_RETRY_MS = 1_000;
/** What jobs say of their progress goes out this often at most, all of them together. */
const SAY_MS = 1_000;
/** The caller knows no map: shards serve the processor at any epoch. */
const EPOCH_UNKNOWN = 0;

const NEVER = Number.POSITIVE_INFINITY;

export interface HeartbeatOptions {
  ports: Pick<WorkPorts, "extend" | "now" | "log">;
  hand: Hand;
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
  #saidAt = Number.NEGATIVE_INFINITY;
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
    this.#sayAt = Math.min(this.#sayAt, Math.max(this.#options.ports.now(), this.#saidAt + SAY_MS));
    this.#options.onChange();
  }

  /** When `beat` is next to be called; Infinity: not before something happens. */
  dueAt(): number {
    return this.#beating || this.#options.hand.running === 0 ? NEVER : Math.min(this.#nextAt, this.#sayAt);
  }

  /** Asks for every lease in hand, or only tells what was said, in one call; drops the jobs whose lease is gone. */
  async beat(now: number): Promise<void> {
    const { ports, hand, leaseMs, onChange } = this.#options;
    this.#beating = true;
    const whole = now >= this.#nextAt;
    if (whole) this.#nextAt = now + HEARTBEAT_MS;
    this.#sayAt = NEVER;
    const said = hand.said();
    if (said.size > 0) this.#saidAt = now;
    const leases = (whole ? hand.leases() : [...said.keys()]).map((lease): Extension => {
      const one = said.get(lease);
      return { lease, leaseMs, unlessLeftMs: leaseMs / 2, ...(one === undefined ? {} : { said: one }) };
    });
    try {
      if (leases.length > 0) {
        const request = { v: RPC_VERSION, epoch: EPOCH_UNKNOWN, namespace: null, leases };
        this.#take(leases, await ports.extend(request), now);
      }
    } catch (error) {
      // What was said is still unconfirmed, and goes out with the next beat.
      this.#nextAt = Math.min(this.#nextAt, ports.now() + HEARTBEAT_RETRY_MS);
      ports.log({ event: "call-failed", call: "extend", tries: 1, error: reasonOf(error) });
    }
    this.#beating = false;
    onChange();
  }

  #take(leases: Extension[], reply: ExtendReply, sentAt: number): void {
    if (reply.type === "moved") throw new Error("the shard has handed its slots over");
    const { hand, leaseMs, ports } = this.#options;
    for (const [index, { lease, said }] of leases.entries()) {
      const result = reply.results[index] ?? { status: "unknown" };
      if (result.status === "extended") {
        // Counted from before the call was sent. An older shard has moved the lease whatever was left of it.
        hand.extended(lease, sentAt + Math.min(leaseMs, result.leaseLeftMs ?? leaseMs));
        if (said !== undefined) hand.confirmed(lease, said);
        continue;
      }
      const job = hand.drop(lease);
      if (job !== null) ports.log({ event: "job-dropped", job, reason: result.status });
    }
  }
}
