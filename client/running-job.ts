import type { ClaimedJobView, ExtendView, ReportInput } from "../contract/pull.ts";
import { backoffMs } from "./clock.ts";
import { DureError } from "./error.ts";
import { leasePath } from "./leases.ts";
import { failureReport, successReport } from "./outcome.ts";
import type { Transport } from "./transport.ts";

/**
 * The reason of an aborted handler's signal. `cancelled`: the job was. `lease-lost`: the lease or the job's timeout
 * ended, so another attempt may be running. `stopped`: the worker was told to stop and its grace is over.
 */
export class Interrupted extends Error {
  readonly code: "cancelled" | "lease-lost" | "worker-stopped";

  constructor(code: "cancelled" | "lease-lost" | "worker-stopped") {
    super(`the attempt was interrupted: ${code}`);
    this.name = "Interrupted";
    this.code = code;
  }
}

/** What it returns (or resolves to) is the result; what it throws fails the attempt. Heed `signal`. */
export type Handler = (job: ClaimedJobView, context: { signal: AbortSignal }) => unknown;

export interface RunOptions {
  transport: Transport;
  handler: Handler;
  leaseSeconds: number;
  /** Aborted when the worker's grace is over. */
  stopped: AbortSignal;
}

/** Runs one claimed job with heartbeats. Never rejects. Null: the outcome is no longer ours to report. */
export async function runJob(job: ClaimedJobView, options: RunOptions): Promise<ReportInput | null> {
  const interrupt = new AbortController();
  const done = new AbortController();
  const stop = () => interrupt.abort(new Interrupted("worker-stopped"));
  if (options.stopped.aborted) stop();
  options.stopped.addEventListener("abort", stop);
  const heart = beat(job, options, { interrupt, done: done.signal });
  const report = await outcome(job, options.handler, interrupt.signal);
  options.stopped.removeEventListener("abort", stop);
  done.abort();
  await heart;
  const { reason } = interrupt.signal;
  return reason instanceof Interrupted && reason.code !== "worker-stopped" ? null : report;
}

async function outcome(job: ClaimedJobView, handler: Handler, signal: AbortSignal): Promise<ReportInput> {
  try {
    return successReport(job.lease, await handler(job, { signal }));
  } catch (error) {
    // A handler that gave up because we told it to did not fail by itself, whatever it threw.
    return failureReport(job.lease, signal.aborted ? signal.reason : error);
  }
}

/** Extends the lease every third of it until `done`; interrupts the handler when there is nothing left to extend. */
async function beat(
  job: ClaimedJobView,
  { transport, leaseSeconds }: RunOptions,
  { interrupt, done }: { interrupt: AbortController; done: AbortSignal },
): Promise<void> {
  const { clock } = transport;
  const leaseMs = leaseSeconds * 1000;
  const timeoutAt = clock.now() + job.timeout * 1000;
  let leaseEndsAt = clock.now() + leaseMs;
  let failures = 0;
  while (!done.aborted) {
    const left = Math.min(leaseEndsAt, timeoutAt) - clock.now();
    if (left <= 0) return interrupt.abort(new Interrupted("lease-lost"));
    const pause = failures === 0 ? leaseMs / 3 : Math.min(leaseMs / 3, backoffMs(failures, transport.random()));
    await clock.sleep(Math.min(pause, left), done);
    if (done.aborted || clock.now() >= Math.min(leaseEndsAt, timeoutAt)) continue;
    const sentAt = clock.now();
    const verdict = await extend(job.lease, transport, {
      leaseSeconds,
      signal: AbortSignal.any([done, clock.deadline(leaseEndsAt - sentAt)]),
    });
    if (verdict === "cancelled" || verdict === "lease-lost") return interrupt.abort(new Interrupted(verdict));
    failures = verdict === "extended" ? 0 : failures + 1;
    if (verdict === "extended") leaseEndsAt = sentAt + leaseMs;
  }
}

async function extend(
  lease: string,
  transport: Transport,
  { leaseSeconds, signal }: { leaseSeconds: number; signal: AbortSignal },
): Promise<"extended" | "cancelled" | "lease-lost" | "no-answer"> {
  try {
    const path = `${leasePath(lease)}/extend`;
    const { data } = await transport.once<ExtendView>({
      method: "POST",
      path,
      body: { leaseSeconds },
      repeatable: true,
      signal,
    });
    return data.cancelled ? "cancelled" : "extended";
  } catch (error) {
    const refused = error instanceof DureError && (error.status === 409 || error.status === 404);
    return refused ? "lease-lost" : "no-answer";
  }
}
