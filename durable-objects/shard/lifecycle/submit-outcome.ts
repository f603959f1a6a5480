import type { NewJob, Submitted } from "../../../contract/rpc.ts";
import type { QueueSettings } from "../../../domain/queue.ts";
import type { KnownQueue } from "../queues/known-queue.ts";

/** What becomes of a submission: `settings` and `busy` have changed nothing. `retryAfterMs` is milliseconds. */
export type SubmitOutcome =
  | { type: "submitted"; results: Submitted[] }
  | { type: "settings"; settings: QueueSettings }
  | { type: "busy"; retryAfterMs: number };

/** A job of a transaction that commits: its place was taken when it was prepared. `forced`: see `Intake.take`. */
export interface DecidedJob {
  queue: KnownQueue;
  job: NewJob;
  seq: number;
  forced: boolean;
}
