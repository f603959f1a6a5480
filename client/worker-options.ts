import type { Handler } from "./running-job.ts";

export interface WorkerOptions {
  /** A pull queue. */
  queue: string;
  handler: Handler;
  /** Jobs at once. Default 10. */
  concurrency?: number;
  /** Shown in a job's attempts. */
  name?: string;
  /** The time between a crash of this worker and the next attempt; heartbeats come every third of it. Default 30. */
  leaseSeconds?: number;
  /** How long an idle claim waits at the server, and so how long `stop` may take when idle. Default 10. */
  waitSeconds?: number;
  /** Told of everything that went wrong outside handlers; the worker carries on. */
  onError?: (error: unknown) => void;
}
