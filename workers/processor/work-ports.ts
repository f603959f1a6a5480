import type {
  ExtendReply,
  ExtendRequest,
  HandedOver,
  Outcome,
  ProgressPatch,
  ReportReply,
  ReportRequest,
  WorkItem,
  WorkReply,
  WorkRequest,
} from "../../contract/rpc.ts";

import type { KeptPermit, PermitSource } from "./services/permit-ports.ts";

/**
 * Everything the work loop touches outside itself: one shard's RPC, the executors, time and randomness. The Worker
 * gives the real ones, the simulation its own.
 */
export interface WorkPorts {
  work(request: WorkRequest): Promise<WorkReply>;
  /** Asks the shard `home`; null is the one that the loop works for. */
  extend(request: ExtendRequest, home: string | null): Promise<ExtendReply>;
  /** Reports to the shard `home`, which is another than the one that the loop works for. */
  report(home: string, request: ReportRequest): Promise<ReportReply>;
  /** Runs one job, or hands it over. It is to stop when the attempt's time is up, or when nobody wants its outcome any more. */
  execute(item: WorkItem, control: Control): Promise<Outcome | HandedOver>;
  /** Epoch milliseconds. */
  now(): number;
  /** Uniform in [0, 1). */
  random(): number;
  /** Calls `wake` once, `ms` from now. Returns the way to call that off. */
  after(ms: number, wake: () => void): () => void;
  log(event: WorkEvent): void;
  /** The permits of services. Left out: there are none, and no job of a service comes. */
  permits?: PermitSource;
}

/** Tells a running job to stop. */
export interface Stop {
  /** Aborts then. Made when it is first asked for: most handlers never do, and making one costs more than they do. */
  readonly signal: AbortSignal;
}

/** What a running job hears, and says. */
export interface Control extends Stop {
  /** When the attempt's time, or that of the invocation, is up, epoch milliseconds: an outcome that comes later does not count. */
  readonly deadlineAt: number;
  /** The permit that it was claimed with; null, or left out: none. */
  readonly permit?: KeptPermit | null;
  /** Takes what the job says of its progress. It goes out within a second or so, and before the job's outcome. */
  say(patch: ProgressPatch): void;
}

/** What a loop has to say, for logs and for tests. */
export type WorkEvent =
  /** A report was refused: the lease had ended, or never was. Normal after a late or repeated report. */
  | { event: "report-refused"; status: "stale" | "unknown" | "refused" }
  /** A job in flight was given up: its lease is no longer ours. */
  | { event: "job-dropped"; job: string; reason: "cancelled" | "stale" | "unknown" | "lease-lost" }
  | { event: "call-failed"; call: "work" | "extend" | "report"; tries: number; error: string }
  /** The shard could not be told about `reports` outcomes: their leases end, and the jobs run again. */
  | { event: "gave-up"; reports: number }
  /** The answer to a claim came after its leases had ended: `items` jobs were not started. */
  | { event: "claim-late"; items: number };

/** The caller knows no map: shards serve the processor at any epoch. */
export const EPOCH_UNKNOWN = 0;
