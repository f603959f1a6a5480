import {
  claimJobs,
  extendByLease,
  failByLease,
  releaseByLease,
  reportJobs,
  succeedByLease,
} from "./generated/calls.ts";
import type {
  ClaimedJob,
  ClaimRequest,
  Extended,
  FailRequest,
  Job,
  ReleaseRequest,
  Reported,
  ReportRequest,
  ReportsRequest,
  SubmitRequest,
  Succeeded,
} from "./generated/types.ts";
import { extendBody, normalizeProgress, type ProgressUpdate } from "./progress.ts";
import type { Transport } from "./transport.ts";

/** What pull workers do, one call at a time. `Worker` does all of it in a loop. */
export class Leases {
  readonly #transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Not sent again after a lost answer: its jobs would be claimed twice over. */
  async claim(queue: string, options: ClaimRequest = {}, signal?: AbortSignal): Promise<ClaimedJob[]> {
    const input = { params: { queue }, body: options, waitSeconds: options.wait ?? 0, repeatable: false, signal };
    return (await this.#transport.call(claimJobs, input)).jobs;
  }

  /**
   * Outcomes, and a claim in the same call. Without a claim it may be sent again: an outcome that was recorded the
   * first time then answers `stale`.
   */
  async report(reports: ReportRequest[], claim?: NonNullable<ReportsRequest["claim"]>): Promise<Reported> {
    const body = claim === undefined ? { reports } : { reports, claim };
    const input = { body, waitSeconds: claim?.wait ?? 0, repeatable: claim === undefined };
    return this.#transport.call(reportJobs, input);
  }

  /** `spawn`: jobs that are accepted with the success, or neither is. It answers their ids in `spawned`. */
  async succeed(lease: string, result: unknown = null, spawn: SubmitRequest[] = []): Promise<Succeeded> {
    const body = spawn.length === 0 ? { lease, result } : { lease, result, spawn };
    return this.#transport.call(succeedByLease, { body, repeatable: true });
  }

  /** The attempt has failed; the next starts by the retry policy of the job, unless the failure is not retryable. */
  async fail(lease: string, failure: FailRequest): Promise<Job> {
    return this.#transport.call(failByLease, { body: { lease, ...failure }, repeatable: true });
  }

  /** The job goes back to its place without an attempt being spent, and may start again after `delay` seconds (left out: at once). */
  async release(lease: string, release: ReleaseRequest = {}): Promise<Job> {
    return this.#transport.call(releaseByLease, { body: { lease, ...release }, repeatable: true });
  }

  /**
   * A heartbeat: the lease ends `leaseSeconds` (left out: the job's timeout) from now. `cancelled: true` means stop. What
   * `update` leaves out stays as it was. Throws a RangeError for a checkpoint that is not JSON or is larger than 64 KiB.
   */
  async extend(lease: string, leaseSeconds?: number, update: ProgressUpdate = {}): Promise<Extended> {
    const body = { lease, ...extendBody(leaseSeconds, normalizeProgress(update)) };
    return this.#transport.call(extendByLease, { body, repeatable: true });
  }
}
