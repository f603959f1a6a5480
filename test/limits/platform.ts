/**
 * What Cloudflare allows a Worker of the paid plan, as its documentation says it (developers.cloudflare.com, 2026). Sizes are in
 * bytes, times in milliseconds. Where the documentation leaves something open, the stricter reading stands here.
 */
export interface PlatformLimits {
  /** Uses of bindings, requests and edge caches of one invocation (workers/platform/limits). */
  subrequests: number;
  /** Requests, uses of KV and edge caches, and sends to Queues that wait for an answer; the next one stands in line (the same). */
  connections: number;
  /** How long one may stand in that line here before it is refused: there it would wait for as long as the others do. */
  connectionWaitMs: number;
  /** Statements of one invocation, each of a batch (d1/platform/limits; whether a batch counts as one is left open). */
  d1Queries: number;
  d1Parameters: number;
  d1SqlBytes: number;
  /** A text or blob that is bound; a row may have no more either. */
  d1ValueBytes: number;
  /** All rows of one statement. */
  d1ResultBytes: number;
  /** Statements that wait for an answer at a time. */
  d1Connections: number;
  /** Uses of KV of one invocation; a read of many keys is one (kv/platform/limits). */
  kvOperations: number;
  kvKeyBytes: number;
  kvValueBytes: number;
  /** Keys of one read. */
  kvBulkKeys: number;
  /** Between two writes of one key, anywhere. */
  kvWriteEveryMs: number;
  /** A message with what the Queue adds to it (queues/platform/limits). */
  messageBytes: number;
  messageOverheadBytes: number;
  batchMessages: number;
  batchBytes: number;
  delaySeconds: number;
  /** The memory of an isolate is 128 MB; a quarter is left to the code and to V8. */
  aliveBytes: number;
  /** CPU time of one invocation or of one event of an object. */
  cpuMs: number;
}

const MB = 1_000_000;

export const PLATFORM_LIMITS: PlatformLimits = {
  subrequests: 10_000,
  connections: 6,
  connectionWaitMs: 15_000,
  d1Queries: 1_000,
  d1Parameters: 100,
  d1SqlBytes: 100_000,
  d1ValueBytes: 2 * MB,
  d1ResultBytes: 50 * MB,
  d1Connections: 6,
  kvOperations: 1_000,
  kvKeyBytes: 512,
  kvValueBytes: 25 * 1024 * 1024,
  kvBulkKeys: 100,
  kvWriteEveryMs: 1_000,
  messageBytes: 128_000,
  messageOverheadBytes: 100,
  batchMessages: 100,
  batchBytes: 256_000,
  delaySeconds: 86_400,
  aliveBytes: 96 * MB,
  cpuMs: 30_000,
};
