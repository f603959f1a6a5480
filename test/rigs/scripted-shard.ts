/** A shard reduced to a backlog and leases, and the world of one work loop around it, in virtual time. */
import { INVOCATION_SECONDS } from "../../contract/limits.ts";
import type {
  ExtendRequest,
  ExtendResult,
  HandedOver,
  Outcome,
  ProgressPatch,
  Report,
  ReportResult,
  WorkItem,
  WorkRequest,
} from "../../contract/rpc.ts";
import { secondsToMs } from "../../contract/time.ts";
import { roomOf } from "../../domain/target.ts";
import { Connections } from "../../workers/processor/connections.ts";
import type { WorkLoopOptions } from "../../workers/processor/loop-options.ts";
import type { Control, WorkEvent, WorkPorts } from "../../workers/processor/work-ports.ts";
import { Clock } from "../simulation/clock.ts";

export const START = 1_000_000;
/** One way to the shard and back. */
export const RPC_MS = 2;

export function item(number: number, over: Partial<WorkItem> = {}): WorkItem {
  return {
    id: `job-${number}`,
    namespace: "default",
    queue: "q",
    attempt: 1,
    lease: `lease-${number}`,
    payload: "{}",
    timeoutMs: 60_000,
    target: { type: "handler", name: "noop" },
    checkpoint: null,
    ...over,
  };
}

export function httpItem(number: number, over: Partial<WorkItem> = {}): WorkItem {
  return item(number, { target: { type: "http", url: "https://example.com", headers: {} }, ...over });
}

export interface WorkCall {
  at: number;
  request: WorkRequest;
  given: number;
}

export class ScriptedShard {
  readonly clock: Clock;
  readonly connections = new Connections(6);
  backlog: WorkItem[] = [];
  /** How long a call that may wait is held at most, when nothing is there. */
  worthWaitingMs = 250;
  #waiting: (() => void)[] = [];
  readonly calls: WorkCall[] = [];
  readonly beats: { at: number; leases: string[] }[] = [];
  readonly events: WorkEvent[] = [];
  /** What jobs said and the shard took. */
  readonly heard: { at: number; lease: string; progress: ProgressPatch }[] = [];
  readonly controls = new Map<string, Control>();
  readonly reported = new Map<string, Outcome | HandedOver>();
  readonly started: { id: string; at: number }[] = [];
  readonly signals = new Map<string, AbortSignal>();
  /** How the n-th work call fails (0 is the first): before the shard acts, or after. */
  workFault: (call: number) => "before" | "after" | null = () => null;
  /** What the shard says is left of a lease; null where it moved it by all of its length. */
  leftMs: (lease: string) => number | null = () => null;
  extendResult: (lease: string) => "extended" | "cancelled" | "stale" | "unknown" | "throw" = () => "extended";
  /** The shard that a lease's job lies on; null is the one that the loop works for. */
  homeOf: (lease: string) => string | null = () => null;
  /** Reports to shards other than the one that the loop works for. */
  readonly reportsTo: { at: number; home: string; leases: string[] }[] = [];
  outcome: (item: WorkItem) => Outcome | HandedOver = () => ({ ok: true, result: null, resultTruncated: false });
  /** How long a job runs; 0 finishes in microtasks. */
  runMs: (item: WorkItem) => number = () => 0;
  #works = 0;
  readonly #ends = new Map<number, Promise<void>>();

  constructor(clock = new Clock(START)) {
    this.clock = clock;
  }

  options(over: Partial<WorkLoopOptions> = {}): WorkLoopOptions {
    const endsAt = this.clock.now() + secondsToMs(INVOCATION_SECONDS);
    const { connections } = this;
    return { lane: "default", worker: "w", budgetMs: 750, endsAt, pollMs: 0, connections, ...over };
  }

  ports(): WorkPorts {
    return {
      work: async (request) => {
        const call = this.#works++;
        await this.sleep(RPC_MS / 2);
        if (this.workFault(call) === "before") throw new Error("not reached");
        const results = request.reports.map((report) => this.#record(report, null));
        const beganAt = this.clock.now();
        const waitMs = Math.min(request.waitMs ?? 0, this.worthWaitingMs);
        if (waitMs > 0 && this.backlog.length === 0) await this.#untilWork(waitMs);
        const items = this.#claim(request.room);
        this.calls.push({ at: this.clock.now() - START, request, given: items.length });
        await this.sleep(RPC_MS / 2);
        if (this.workFault(call) === "after") throw new Error("reply lost");
        return { type: "work", reports: results, items, waitedMs: this.clock.now() - RPC_MS / 2 - beganAt };
      },
      report: async (home, { reports }) => {
        this.reportsTo.push({ at: this.clock.now() - START, home, leases: reports.map(({ lease }) => lease) });
        await this.sleep(RPC_MS);
        return { type: "reported", results: reports.map((report) => this.#record(report, home)) };
      },
      extend: async (request: ExtendRequest, home: string | null) => {
        const at = this.clock.now() - START;
        this.beats.push({ at, leases: request.leases.map(({ lease }) => lease) });
        await this.sleep(RPC_MS);
        const results = request.leases.map(({ lease, leaseMs, progress }): ExtendResult => {
          const to = this.homeOf(lease);
          if (to !== null && to !== home) return { status: "moved", to };
          const status = this.extendResult(lease);
          if (status === "throw") throw new Error("no heartbeat");
          if (status === "extended" && progress !== undefined) this.heard.push({ at, lease, progress });
          if (status !== "extended") return { status };
          const left = this.leftMs(lease) ?? leaseMs ?? 0;
          return { status, leaseExpiresAt: this.clock.now() + left, leaseLeftMs: left };
        });
        return { type: "extended", results };
      },
      execute: async (one, control) => {
        this.started.push({ id: one.id, at: this.clock.now() - START });
        this.controls.set(one.id, control);
        this.signals.set(one.id, control.signal);
        const ms = this.runMs(one);
        if (ms > 0) await this.#endAt(this.clock.now() + ms);
        return this.outcome(one);
      },
      now: () => this.clock.now(),
      random: () => 1,
      after: (ms, wake) => {
        let called = false;
        this.clock.after(ms, () => {
          if (!called) wake();
        });
        return () => {
          called = true;
        };
      },
      log: (event) => this.events.push(event),
    };
  }

  /** Jobs come in `ms` from now, and those who wait are told. */
  comes(ms: number, ...items: WorkItem[]): void {
    this.clock.after(ms, () => {
      this.backlog.push(...items);
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }

  #untilWork(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.clock.after(ms, resolve);
    });
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.after(ms, resolve));
  }

  /** Runs the world until `done` settles, and says when that was. Fails when it has not within an hour. */
  async until(done: Promise<void>): Promise<number> {
    let at = -1;
    void done.then(() => {
      at = this.clock.now() - START;
    });
    await this.clock.run(START + 3_600_000, () => at >= 0);
    if (at < 0) throw new Error("the loop has not ended within an hour");
    return at;
  }

  /** Jobs that end at one instant end together, in one turn. */
  #endAt(at: number): Promise<void> {
    const end = this.#ends.get(at) ?? this.sleep(at - this.clock.now());
    this.#ends.set(at, end);
    return end;
  }

  #record({ lease, outcome }: Report, home: string | null): ReportResult {
    const to = this.homeOf(lease);
    if (to !== null && to !== home) return { status: "moved", to };
    const seen = this.reported.has(lease);
    if (!seen) this.reported.set(lease, outcome);
    return { status: seen ? "stale" : "recorded" };
  }

  #claim(room: { handler: number; http: number }): WorkItem[] {
    const left = { ...room };
    const given = this.backlog.filter((one) => left[roomOf(one.target)]-- > 0);
    this.backlog = this.backlog.filter((one) => !given.includes(one));
    return given;
  }
}
