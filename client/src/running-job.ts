import type { ClaimedJob, ReleaseRequest, ReportRequest, SubmitRequest } from "./generated/types.ts";
import { Heartbeat } from "./heartbeat.ts";
import type { Log } from "./log.ts";
import { failureReport, successReport } from "./outcome.ts";
import type { ProgressUpdate } from "./progress.ts";
import { Released, releaseReport } from "./released.ts";
import { Spawned } from "./spawned.ts";
import type { WorkPort } from "./work-port.ts";

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

/** What a handler is given beside its job, whose `checkpoint` is the last one of an earlier attempt. */
export interface HandlerContext {
  /** Aborted when the outcome is no longer wanted; its reason is an `Interrupted`. */
  signal: AbortSignal;
  /**
   * Says how far the job is, and where the next attempt may go on. What is left out stays as it was. It resolves at once:
   * updates go out once a second at most, the last one wins, and what was said before a failure is delivered before it.
   * Throws a RangeError for a checkpoint that is not JSON or is larger than 64 KiB.
   */
  progress(update: ProgressUpdate): Promise<void>;
  /**
   * A job, as `submit` takes one, that is accepted when this attempt succeeds, together with its success and only then: never
   * without it, never twice. It is taken as it is now. Throws a RangeError for what is not JSON, and beyond 100 jobs; what
   * the server refuses of it fails the attempt with the code `invalid-spawn`. The key needs the scope `submit` for it.
   */
  spawn(job: SubmitRequest): void;
  /**
   * Gives the job back to its place without spending an attempt, to start again after `delay` seconds (left out: at once), and
   * ends the handler: it throws, and whatever the handler then does is not reported. A job that was deferred for longer than its
   * queue's `maxDeferral` spends an attempt all the same.
   */
  release(release?: ReleaseRequest): never;
}

/** A claimed job of a queue whose payloads are of a known type. */
export type TypedJob<Payload = unknown> = Omit<ClaimedJob, "payload"> & { payload: Payload };

/** What it returns (or resolves to) is the result; what it throws fails the attempt. Heed `signal`. */
export type Handler<Payload = unknown, Result = unknown> = (
  job: TypedJob<Payload>,
  context: HandlerContext,
) => Result | Promise<Result>;

export interface RunOptions {
  port: WorkPort;
  handler: Handler;
  /** Told of what a handler threw, and of progress that is never taken. */
  log: Log;
  leaseSeconds: number;
  end: End;
  /** Aborted when handlers are to give up. */
  stopped: AbortSignal;
}

/** That whoever runs the jobs comes to an end. */
export interface End {
  /** Aborted when it does: no more jobs are begun. */
  signal: AbortSignal;
  /** Why jobs are given back then. */
  reason: string;
  /** A job that ran so long and then gives up has had all the time that there is for it: it has failed. */
  wholeRunMs: number;
}

/** Runs one claimed job with heartbeats. Never rejects. Null: the outcome is no longer ours to report. */
export async function runJob(job: ClaimedJob, options: RunOptions): Promise<ReportRequest | null> {
  const { port, leaseSeconds, end, stopped, handler, log } = options;
  const startedAt = port.clock.now();
  const interrupt = new AbortController();
  const done = new AbortController();
  const stop = () => interrupt.abort(new Interrupted("worker-stopped"));
  if (stopped.aborted) stop();
  stopped.addEventListener("abort", stop);
  const onLost = (why: "cancelled" | "lease-lost") => interrupt.abort(new Interrupted(why));
  const heart = new Heartbeat({ job, port, log, leaseSeconds, onLost });
  const beating = heart.run(done.signal);
  const spawned = new Spawned();
  const released: { as: ReleaseRequest | null } = { as: null };
  const report = await outcome(job, handler, {
    signal: interrupt.signal,
    spawned,
    spawn: (child) => spawned.add(child),
    release: (release = {}) => {
      released.as ??= release;
      throw new Released();
    },
    log,
    // Not `async`: a faulty update fails the handler that gives it, whether it waits for the answer or not.
    progress: (update) => {
      if (!done.signal.aborted) heart.say(update);
      return Promise.resolve();
    },
  });
  stopped.removeEventListener("abort", stop);
  done.abort();
  await beating;
  const { reason } = interrupt.signal;
  const isLost = reason instanceof Interrupted && reason.code !== "worker-stopped";
  // Nothing is wrong with a job whose worker was stopped: it goes to the next one, with all of its attempts.
  const gaveUp = end.signal.aborted && reason !== undefined && !isLost && !report.ok;
  if (gaveUp && port.clock.now() - startedAt < end.wholeRunMs) released.as ??= { reason: end.reason };
  // A job that goes on later does so from what it said last; one that succeeded needs it no more.
  if (!report.ok || released.as !== null) await heart.flush();
  if (isLost) return null;
  return released.as === null ? report : releaseReport(job.lease, released.as);
}

async function outcome(
  job: ClaimedJob,
  handler: Handler,
  { spawned, log, ...context }: HandlerContext & { spawned: Spawned; log: Log },
): Promise<ReportRequest> {
  try {
    const result = await handler(job, context);
    return successReport(job.lease, result, spawned.jobs);
  } catch (error) {
    if (error instanceof Released) return failureReport(job.lease, error);
    // A handler that gave up because we told it to did not fail by itself, whatever it threw.
    if (context.signal.aborted) return failureReport(job.lease, context.signal.reason);
    log.warn(`dure: attempt ${job.attempt} of the job ${job.id} has failed:`, error);
    return failureReport(job.lease, error);
  }
}
