/** Every limit of the API, in one place. Sizes in bytes of UTF-8, durations in seconds unless named otherwise. */
export const MAX_BODY_BYTES = 1024 * 1024;
/** Levels of JSON: deeper helps nobody, and whatever walks it recursively would run out of stack. */
export const MAX_JSON_DEPTH = 512;
/** Values of a body outside of what is kept as text. A batch of 1000 jobs with all of their members has 40,000. */
export const MAX_JSON_VALUES = 50_000;
/** Values of a body that are kept as text: 100 reports whose jobs spawn 100 each have 10,100. */
export const MAX_JSON_TEXTS = 11_000;
/** Different names of members outside of these: more than any call knows, the headers of a target among them. */
export const MAX_JSON_NAMES = 200;
export const MAX_PAYLOAD_BYTES = 256 * 1024;
export const MAX_RESULT_BYTES = 256 * 1024;
export const MAX_KEY_BYTES = 256;
/** Unicode code points of the name of an API key. */
export const MAX_KEY_NAME_CHARACTERS = 64;
/** Keys above a key: who made it, who made that one, and so on. Each is looked for when D1 does not answer. */
export const MAX_KEY_ANCESTORS = 16;
export const MAX_TAGS = 10;
export const MAX_TAG_BYTES = 64;
export const MAX_BATCH_JOBS = 1000;
export const MAX_REPORTS = 100;
/** Jobs that one success brings with it. */
export const MAX_SPAWN = 100;
/** Of their payloads together: as much as one request may carry. */
export const MAX_SPAWN_BYTES = 1024 * 1024;
/** 100 jobs x 256 KiB of payload = 25.6 MB, under the 32 MiB that one RPC may carry. */
export const MAX_CLAIM = 100;
export const MAX_WAIT_SECONDS = 60;
export const MAX_LEASE_SECONDS = 86_400;
export const MAX_DELAY_SECONDS = 366 * 86_400;
export const MAX_PUSH_TIMEOUT_SECONDS = 15 * 60;
/** What an invocation of a Queue's consumer has for jobs. Cloudflare ends it after 15 minutes: what it has then could no longer be told. */
export const INVOCATION_SECONDS = 14.5 * 60;
/** A job that had so much of one, and is not done, will not be in another: it has failed. One that came later is given back. */
export const WHOLE_INVOCATION_SECONDS = 14 * 60;
export const MAX_PULL_TIMEOUT_SECONDS = 24 * 3600;
export const MAX_ATTEMPTS = 100;
export const MAX_PARTITIONS = 4096;
export const MAX_IDEMPOTENCY_WINDOW_SECONDS = 2_592_000;
export const MAX_RETENTION_SECONDS = 366 * 86_400;
export const MAX_LIST_LIMIT = 200;
export const DEFAULT_LIST_LIMIT = 50;
export const MAX_PRIORITY = 9;
export const DEFAULT_PRIORITY = 4;
/**
 * The retry policy of a queue that says nothing of it, and what one that says something is laid over. It carries a job through
 * an outage of some hours: the eleven waits are 10, 20, 40, … 2,560, 3,600 and 3,600 s, which is 3.4 hours in all, and 2.6 on average.
 */
export const DEFAULT_RETRY = {
  maxAttempts: 12,
  backoff: "exponential",
  delay: 10,
  maxDelay: 3600,
  jitter: "half",
} as const;
export const DEFAULT_PARTITIONS = 16;
export const DEFAULT_TIMEOUT_SECONDS = 60;
/** How long an HTTP target may take until the headers of its answer come, where its queue does not say. */
export const DEFAULT_FIRST_BYTE_TIMEOUT_SECONDS = 30;
export const DEFAULT_RETENTION_SECONDS = 7 * 86_400;
export const DEFAULT_IDEMPOTENCY_WINDOW_SECONDS = 86_400;
/** How long jobs may be deferred where their queue does not say: a day. */
export const DEFAULT_MAX_DEFERRAL_SECONDS = 86_400;
export const MAX_MAX_DEFERRAL_SECONDS = 30 * 86_400;
/** How far a target's `Retry-After` is believed. */
export const MAX_RETRY_AFTER_SECONDS = 86_400;
export const MAX_ERROR_CODE_BYTES = 128;
export const MAX_ERROR_MESSAGE_BYTES = 4096;
export const MAX_WORKER_BYTES = 128;
export const MAX_CONCURRENCY = 1_000_000;
/** As many jobs of one concurrency key stand open at once, and opening them is one step. */
export const MAX_KEY_CONCURRENCY = 1000;
export const MAX_RATE = 1_000_000;
export const MAX_RATE_PERIOD_SECONDS = 86_400;
export const MAX_WEIGHT = 100;
export const MAX_PRIORITY_AGING_SECONDS = 366 * 86_400;
export const MAX_BACKLOG = 1_000_000_000;
export const DEFAULT_DEDUP_WINDOW_SECONDS = 86_400;
export const MAX_DEDUP_WINDOW_SECONDS = 366 * 86_400;
export const MAX_REDRIVES_PER_SECOND = 100_000;
/** Bulk operations of a namespace that are not finished. */
export const MAX_RUNNING_OPERATIONS = 20;
export const MAX_CRON_BYTES = 128;
export const MIN_EVERY_SECONDS = 1;
export const MAX_EVERY_SECONDS = 366 * 86_400;
/** By which a shard of an earlier version goes where a schedule names no window. */
export const EARLIER_CATCH_UP_SECONDS = 60;
/** An alarm may be seconds late by itself: a shorter window would miss fires with nothing being wrong. */
export const MIN_CATCH_UP_SECONDS = 10;
export const MAX_CATCH_UP_SECONDS = 30 * 86_400;
export const MAX_SCHEDULE_JITTER_SECONDS = 86_400;
export const MAX_CURSOR_BYTES = 1024;
/** Of one `Dure-Bookmark` header: a reader whose calls overlap has several. Each is 4096 characters at most. */
export const MAX_BOOKMARKS = 16;
export const MAX_URL_BYTES = 2048;
/** Headers of an HTTP target. */
export const MAX_TARGET_HEADERS = 32;
/** Queues that one HTTP target may submit to. */
export const MAX_SPAWN_QUEUES = 32;
export const MAX_HEADER_NAME_BYTES = 128;
export const MAX_HEADER_VALUE_BYTES = 4096;
export const MAX_PROGRESS_MESSAGE_BYTES = 1024;
/** Of its JSON text. */
export const MAX_CHECKPOINT_BYTES = 64 * 1024;
/** Target and headers of a request that goes through the proxy, as they are sent: Node takes heads of 16 KiB, of which the runtime adds some. */
export const MAX_PROXY_HEAD_BYTES = 15 * 1024;
/** A pull worker that names no number gets this many jobs a claim. */
export const DEFAULT_CLAIM = 10;
export const MAX_SERVICE_INSTANCES = 64;
export const MAX_SERVICE_PATH_BYTES = 1024;
export const MAX_ZONE_BYTES = 64;
/** What a service is put with that says nothing of it. Where Envoy has a default it is Envoy's: docs/services.md says which are not. */
export const DEFAULT_SERVICE = {
  strategy: "p2c",
  healthCheck: { interval: 10, timeout: 5, healthyThreshold: 2, unhealthyThreshold: 3, expect: { from: 200, to: 299 } },
  outlier: { consecutiveFailures: 5, baseEjection: 30, maxEjectedPercent: 10 },
  breaker: { failureRate: 0.5, minRequests: 20, window: 10, openFor: 30, halfOpenProbes: 5 },
  bulkhead: { maxInFlight: 1024, maxWaiting: 1024 },
  timeout: DEFAULT_TIMEOUT_SECONDS,
  firstByteTimeout: DEFAULT_FIRST_BYTE_TIMEOUT_SECONDS,
  retry: { attempts: 2, budgetPercent: 20 },
} as const;
/** While a service is in use each of its instances is asked so often, and no more. */
export const MIN_HEALTH_INTERVAL_SECONDS = 1;
export const MAX_HEALTH_INTERVAL_SECONDS = 3600;
/** Six probes of a service are under way at a time: of 64 instances that all hang one round takes eleven times as long. */
export const MAX_HEALTH_TIMEOUT_SECONDS = 30;
export const MAX_HEALTH_THRESHOLD = 100;
export const MAX_CONSECUTIVE_FAILURES = 1000;
export const MAX_EJECTION_SECONDS = 3600;
export const MAX_BREAKER_WINDOW_SECONDS = 3600;
export const MAX_BREAKER_OPEN_SECONDS = 3600;
export const MAX_BREAKER_REQUESTS = 1_000_000;
export const MAX_HALF_OPEN_PROBES = 1000;
export const MAX_IN_FLIGHT = 100_000;
/** They wait in the memory of an isolate. */
export const MAX_PROXY_WAITING = 10_000;
export const MAX_PROXY_ATTEMPTS = 10;
