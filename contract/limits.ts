/** Every limit of the API, in one place. Sizes in bytes of UTF-8, durations in seconds unless named otherwise. */
export const MAX_BODY_BYTES = 1024 * 1024;
export const MAX_PAYLOAD_BYTES = 256 * 1024;
export const MAX_RESULT_BYTES = 256 * 1024;
export const MAX_KEY_BYTES = 256;
export const MAX_TAGS = 10;
export const MAX_TAG_BYTES = 64;
export const MAX_BATCH_JOBS = 1000;
export const MAX_REPORTS = 100;
/** 100 jobs x 256 KiB of payload = 25.6 MB, under the 32 MiB that one RPC may carry. */
export const MAX_CLAIM = 100;
export const MAX_WAIT_SECONDS = 60;
export const MAX_LEASE_SECONDS = 86_400;
export const MAX_DELAY_SECONDS = 366 * 86_400;
export const MAX_PUSH_TIMEOUT_SECONDS = 15 * 60;
export const MAX_PULL_TIMEOUT_SECONDS = 24 * 3600;
export const MAX_ATTEMPTS = 100;
export const MAX_PARTITIONS = 4096;
export const MAX_IDEMPOTENCY_WINDOW_SECONDS = 2_592_000;
export const MAX_RETENTION_SECONDS = 366 * 86_400;
export const MAX_LIST_LIMIT = 200;
export const DEFAULT_LIST_LIMIT = 50;
export const MAX_PRIORITY = 9;
export const DEFAULT_PRIORITY = 4;
/** How far a target's `Retry-After` is believed. */
export const MAX_RETRY_AFTER_SECONDS = 86_400;
export const MAX_ERROR_CODE_BYTES = 128;
export const MAX_ERROR_MESSAGE_BYTES = 4096;
export const MAX_WORKER_BYTES = 128;
/** Handlers that live in `workers/processor/handlers/`; the processor's registry is typed by this list. */
export const HANDLER_NAMES = ["wordcount", "noop"] as const;
export type HandlerName = (typeof HANDLER_NAMES)[number];
export const MAX_CONCURRENCY = 1_000_000;
export const MAX_REDRIVES_PER_SECOND = 100_000;
export const MAX_CURSOR_BYTES = 1024;
export const MAX_URL_BYTES = 2048;
/** Headers of an HTTP target. */
export const MAX_TARGET_HEADERS = 32;
export const MAX_HEADER_NAME_BYTES = 128;
export const MAX_HEADER_VALUE_BYTES = 4096;
/** A pull worker that names no number gets this many jobs a claim. */
export const DEFAULT_CLAIM = 10;
