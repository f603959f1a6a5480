import type { JobView, SubmitBody } from "../contract/job.ts";
import { normalizeProgress, type ProgressUpdate } from "../contract/progress-patch.ts";
import type {
  ClaimedJobView,
  ClaimInput,
  ClaimView,
  ExtendBody,
  ExtendView,
  FailInput,
  ReportInput,
  ReportsView,
  SucceededView,
} from "../contract/pull.ts";
import type { ProgressPatch } from "../contract/rpc/work.ts";
import { queuePath } from "./queues.ts";
import type { Call, Transport } from "./transport.ts";

/** What pull workers do, one call at a time. `Worker` does all of it in a loop. */
export class Leases {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Not sent again after a lost answer: its jobs would be claimed twice over. */
  async claim(queue: string, options: ClaimInput = {}, signal?: AbortSignal): Promise<ClaimedJobView[]> {
    const path = `${queuePath(queue)}/claim`;
    return (
      await this.#post<ClaimView>({ path, body: options, waitSeconds: options.wait ?? 0, repeatable: false, signal })
    ).jobs;
  }

  /**
   * Outcomes, and a claim in the same call. Without a claim it may be sent again: an outcome that was recorded the
   * first time then answers `stale`.
   */
  report(reports: ReportInput[], claim?: ClaimInput & { queue: string }): Promise<ReportsView> {
    const body = claim === undefined ? { reports } : { reports, claim };
    return this.#post({ path: "/v1/reports", body, waitSeconds: claim?.wait ?? 0, repeatable: claim === undefined });
  }

  /** `spawn`: jobs that are accepted with the success, or neither is. It answers their ids in `spawned`. */
  succeed(lease: string, result: unknown = null, spawn: SubmitBody[] = []): Promise<SucceededView> {
    const body = spawn.length === 0 ? { result } : { result, spawn };
    return this.#post({ path: `${leasePath(lease)}/succeed`, body });
  }

  fail(lease: string, failure: FailInput): Promise<JobView> {
    return this.#post({ path: `${leasePath(lease)}/fail`, body: failure });
  }

  /**
   * A heartbeat: the lease ends `leaseSeconds` (left out: the job's timeout) from now. `cancelled: true` means stop. What
   * `update` leaves out stays as it was. Throws a RangeError for a checkpoint that is not JSON or is larger than 64 KiB.
   */
  async extend(lease: string, leaseSeconds?: number, update: ProgressUpdate = {}): Promise<ExtendView> {
    const body = extendBody(leaseSeconds, normalizeProgress(update));
    return this.#post({ path: `${leasePath(lease)}/extend`, body });
  }

  async #post<T>(call: Omit<Call, "method" | "repeatable"> & { repeatable?: boolean }): Promise<T> {
    return (await this.#transport.call<T>({ method: "POST", repeatable: true, ...call })).data;
  }
}

/** A heartbeat as it is sent. */
export function extendBody(leaseSeconds: number | undefined, patch: ProgressPatch | null): ExtendBody {
  const { percent, message, checkpoint } = patch ?? {};
  const progress = {
    ...(percent === undefined ? {} : { percent }),
    ...(message === undefined ? {} : { message }),
  };
  return {
    ...(leaseSeconds === undefined ? {} : { leaseSeconds }),
    ...(percent === undefined && message === undefined ? {} : { progress }),
    ...(checkpoint === undefined ? {} : { checkpoint: checkpoint === null ? null : JSON.parse(checkpoint) }),
  };
}

export function leasePath(lease: string): string {
  return `/v1/leases/${encodeURIComponent(lease)}`;
}
