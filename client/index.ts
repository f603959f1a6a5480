/** The TypeScript client of Dure. It needs `fetch` and nothing else. */

export type { EventView } from "../contract/event.ts";
export type { IngestMessage } from "../contract/ingest.ts";
export type { ProgressUpdate } from "../contract/progress-patch.ts";
export type { Clock } from "./clock.ts";
export { type BellBatch, type Consumer, type ConsumerOptions, consumer, type Handlers } from "./consumer.ts";
export { Dure } from "./dure.ts";
export { DureError, NonRetryable } from "./error.ts";
export type { ListOptions, ReadOptions } from "./read-options.ts";
export { type Handler, type HandlerContext, Interrupted } from "./running-job.ts";
export type { ClientOptions, Fetch } from "./transport.ts";
export type { Worker } from "./worker.ts";
export type { WorkerOptions } from "./worker-options.ts";
