// Made from the API's definition by `npm run openapi`. Not to be edited.

/**
 * A job as it is submitted. Durations are in seconds, times in RFC 3339.
 */
export interface SubmitRequest {
    queue?: string | undefined;
    payload: unknown;
    orderingKey?: string | undefined;
    concurrencyKey?: string | undefined;
    dedup?: Deduplication | undefined;
    idempotencyKey?: string | undefined;
    priority?: number | undefined;
    delay?: number | undefined;
    /** Format: date-time */
    runAt?: string | undefined;
    /** Format: date-time */
    expiresAt?: string | undefined;
    timeout?: number | undefined;
    retry?: RetryOverrides | undefined;
    tags?: string[] | undefined;
}

/**
 * How the attempts of a job follow one another, where it differs from the queue's policy. Delays are in seconds.
 */
export interface RetryOverrides {
    maxAttempts?: number | undefined;
    /** @enum {string} */
    backoff?: ("exponential" | "linear" | "constant") | undefined;
    delay?: number | undefined;
    maxDelay?: number | undefined;
    /** @enum {string} */
    jitter?: ("full" | "none") | undefined;
}

/**
 * That a job is the same as an earlier one, and what then happens. Durations are in seconds.
 */
export interface Deduplication {
    key: string;
    window?: (number | "forever") | undefined;
    /** @enum {string} */
    onConflict?: ("return" | "reject" | "replace" | "runAfter") | undefined;
    maxDelay?: number | undefined;
}

/**
 * Several jobs in one submission; atomic: all of them are accepted, or none.
 */
export interface BatchRequest {
    /** @default false */
    atomic?: boolean | undefined;
    jobs: SubmitRequest[];
}

/**
 * The settings of a queue; what is left out gets its default. Durations are in seconds.
 */
export interface QueueRequest {
    target?: TargetRequest | undefined;
    partitions?: number | undefined;
    /** @enum {string} */
    lane?: ("default" | "slow" | "bulk") | undefined;
    concurrency?: (number | null) | undefined;
    rate?: ({
        limit: number;
        period: number;
    } | null) | undefined;
    perKeyConcurrency?: (number | null) | undefined;
    perKeyRate?: ({
        limit: number;
        period: number;
    } | null) | undefined;
    weight?: number | undefined;
    priorityAging?: (number | null) | undefined;
    maxBacklog?: (number | null) | undefined;
    /** @enum {string} */
    onFailure?: ("continue" | "block") | undefined;
    retry?: RetryOverrides | undefined;
    timeout?: number | undefined;
    retention?: number | undefined;
    idempotencyWindow?: number | undefined;
    /** @enum {string} */
    consistency?: ("strong" | "available") | undefined;
    paused?: boolean | undefined;
}

/**
 * Where the jobs of a queue run: pull workers, a consumer, a handler or a URL.
 */
export type TargetRequest = {
    /** @constant */
    type: "pull";
} | {
    /** @constant */
    type: "consumer";
} | {
    /** @constant */
    type: "handler";
    name: string;
} | {
    /** @constant */
    type: "http";
    /** Format: uri */
    url: string;
    /** @default {} */
    headers?: {
        [key: string]: string;
    } | undefined;
};

/**
 * Which failed jobs run again, where, and what of them is changed.
 */
export interface RedriveRequest {
    filter?: {
        errorCode?: string | undefined;
        fingerprint?: string | undefined;
        tag?: string | undefined;
        orderingKey?: string | undefined;
        /** Format: date-time */
        finishedAfter?: string | undefined;
        /** Format: date-time */
        finishedBefore?: string | undefined;
        /** Format: date-time */
        createdAfter?: string | undefined;
        /** Format: date-time */
        createdBefore?: string | undefined;
    } | undefined;
    patch?: unknown;
    queue?: string | undefined;
    ratePerSecond?: number | undefined;
    dryRun?: boolean | undefined;
}

/**
 * What is taken out of a queue: the jobs that wait, or failed jobs.
 */
export interface PurgeRequest {
    failed?: boolean | undefined;
    filter?: {
        errorCode?: string | undefined;
        fingerprint?: string | undefined;
        tag?: string | undefined;
        orderingKey?: string | undefined;
        /** Format: date-time */
        finishedAfter?: string | undefined;
        /** Format: date-time */
        finishedBefore?: string | undefined;
        /** Format: date-time */
        createdAfter?: string | undefined;
        /** Format: date-time */
        createdBefore?: string | undefined;
    } | undefined;
}

/**
 * The ordering key that a call is about.
 */
export interface OrderingKeyRequest {
    key: string;
}

/**
 * What becomes of the failed job that blocks an ordering key.
 */
export interface UnblockKeyRequest {
    key: string;
    /** @enum {string} */
    action: "retry" | "skip" | "discard";
    jobId?: string | undefined;
}

/**
 * How many jobs are claimed, how many seconds the claim waits for them and their leases last.
 */
export interface ClaimRequest {
    /** @default 10 */
    max?: number | undefined;
    /** @default 0 */
    wait?: number | undefined;
    leaseSeconds?: number | undefined;
    worker?: string | undefined;
}

/**
 * The outcome of one attempt: its result and the jobs that it brings, or its error. Durations are in seconds.
 */
export type ReportRequest = {
    lease: string;
    /** @constant */
    ok: true;
    result?: unknown;
    spawn?: SubmitRequest[] | undefined;
} | {
    lease: string;
    /** @constant */
    ok: false;
    error: ErrorReport;
    retryAfter?: number | undefined;
};

/**
 * The outcomes of several attempts, and the next claim in the same call.
 */
export interface ReportsRequest {
    reports: ReportRequest[];
    claim?: {
        queue: string;
        /** @default 10 */
        max?: number | undefined;
        /** @default 0 */
        wait?: number | undefined;
        leaseSeconds?: number | undefined;
        worker?: string | undefined;
    } | undefined;
}

/**
 * Why an attempt failed, as the one who ran it says it.
 */
export interface ErrorReport {
    code: string;
    /** @default  */
    message?: string | undefined;
    /** @default true */
    retryable?: boolean | undefined;
}

/**
 * The result of an attempt, and the jobs that are accepted together with it.
 */
export interface SucceedRequest {
    result?: unknown;
    spawn?: SubmitRequest[] | undefined;
}

/**
 * Why an attempt failed, and after how many seconds the next may start.
 */
export interface FailRequest {
    error: ErrorReport;
    retryAfter?: number | undefined;
}

/**
 * A heartbeat: how many seconds the lease lasts from now on, and how far the job is.
 */
export interface ExtendRequest {
    leaseSeconds?: number | undefined;
    progress?: {
        percent?: number | undefined;
        message?: string | undefined;
    } | undefined;
    checkpoint?: unknown;
}

/**
 * An API key to be made, with its scopes.
 */
export interface KeyRequest {
    name: string;
    scopes: ("submit" | "read" | "work" | "admin")[];
    namespace?: string | undefined;
    /** Format: date-time */
    expiresAt?: string | undefined;
}

/**
 * The settings of a namespace.
 */
export type NamespaceRequest = Record<string, never>;

/**
 * A schedule: when a job recurs, and the job. Durations are in seconds.
 */
export interface ScheduleRequest {
    cron: string;
    timezone?: string | undefined;
    job: ScheduledJobRequest;
    /** @enum {string} */
    overlap?: ("allow" | "skip" | "queue") | undefined;
    catchUp?: {
        window?: number | undefined;
    } | undefined;
    jitter?: number | undefined;
    paused?: boolean | undefined;
}

/**
 * The job of a schedule. Durations are in seconds.
 */
export interface ScheduledJobRequest {
    queue?: string | undefined;
    payload: unknown;
    orderingKey?: string | undefined;
    concurrencyKey?: string | undefined;
    priority?: number | undefined;
    timeout?: number | undefined;
    retry?: RetryOverrides | undefined;
    tags?: string[] | undefined;
    expiresAfter?: number | undefined;
}

/**
 * Which events are sent, and where to.
 */
export interface SubscriptionRequest {
    events: ("job.accepted" | "job.started" | "job.retrying" | "job.succeeded" | "job.failed" | "job.cancelled" | "job.redriven")[];
    filter?: {
        queue?: string | undefined;
        tag?: string | undefined;
    } | undefined;
    target: {
        /** @constant */
        type: "http";
        /** Format: uri */
        url: string;
        /** @default {} */
        headers?: {
            [key: string]: string;
        } | undefined;
    } | {
        /** @constant */
        type: "queue";
        binding: string;
    };
    paused?: boolean | undefined;
}

/**
 * A body without fields.
 */
export type EmptyRequest = Record<string, never>;

/**
 * One action on every job that a filter selects.
 */
export interface OperationRequest {
    /** @enum {string} */
    action: "cancel" | "retry" | "delete";
    filter?: {
        queue?: string | undefined;
        /** @enum {string} */
        state?: ("scheduled" | "queued" | "running" | "succeeded" | "failed" | "cancelled") | undefined;
        tag?: string | undefined;
        orderingKey?: string | undefined;
        errorCode?: string | undefined;
        fingerprint?: string | undefined;
        /** Format: date-time */
        createdAfter?: string | undefined;
        /** Format: date-time */
        createdBefore?: string | undefined;
        /** Format: date-time */
        finishedBefore?: string | undefined;
    } | undefined;
    ratePerSecond?: number | undefined;
    dryRun?: boolean | undefined;
}

/**
 * What another Worker sends to the ingest Queue: one job, or a batch of them.
 */
export type IngestMessage = {
    /** @constant */
    type: "submit";
    namespace?: string | undefined;
    key?: string | undefined;
    job: SubmitRequest;
} | {
    /** @constant */
    type: "submitBatch";
    namespace?: string | undefined;
    key?: string | undefined;
    /** @default false */
    atomic?: boolean | undefined;
    idempotencyKey?: string | undefined;
    jobs: SubmitRequest[];
};

/**
 * What went wrong, after RFC 9457.
 */
export type Problem = {
    type: string;
    title: string;
    status: number;
    detail: string;
    code: string;
    errors?: {
        pointer: string;
        detail: string;
    }[] | undefined;
} & {
    [key: string]: unknown;
};

/**
 * A job as it is. Durations are in seconds, times in RFC 3339; what does not apply is null.
 */
export interface Job {
    id: string;
    namespace: string;
    queue: string;
    /** @enum {string} */
    state: "accepted" | "scheduled" | "queued" | "running" | "succeeded" | "failed" | "cancelled";
    attempt: number;
    maxAttempts: number;
    priority: number;
    orderingKey: string | null;
    concurrencyKey: string | null;
    dedupKey: string | null;
    idempotencyKey: string | null;
    parent: string | null;
    tags: string[];
    timeout: number;
    retry: RetryPolicy;
    payload: unknown;
    result: unknown;
    resultTruncated: boolean;
    error: JobError | null;
    /** Format: date-time */
    createdAt: string;
    /** Format: date-time */
    runAt: string;
    startedAt: string | null;
    finishedAt: string | null;
    expiresAt: string | null;
    leaseExpiresAt: string | null;
    progress: {
        percent: number | null;
        message: string | null;
        /** Format: date-time */
        at: string;
    } | null;
    attempts: Attempt[];
}

/**
 * A job in a list: payload, result and attempts are there only where they were asked for.
 */
export interface JobListItem {
    id: string;
    namespace: string;
    queue: string;
    /** @enum {string} */
    state: "scheduled" | "queued" | "running" | "succeeded" | "failed" | "cancelled";
    attempt: number;
    maxAttempts: number;
    priority: number;
    orderingKey: string | null;
    concurrencyKey: string | null;
    dedupKey: string | null;
    idempotencyKey: string | null;
    parent: string | null;
    tags: string[];
    timeout: number;
    retry: RetryPolicy;
    payload?: unknown;
    result?: unknown;
    resultTruncated: boolean;
    error: JobError | null;
    /** Format: date-time */
    createdAt: string;
    /** Format: date-time */
    runAt: string;
    startedAt: string | null;
    finishedAt: string | null;
    expiresAt: string | null;
    leaseExpiresAt: string | null;
    progress: {
        percent: number | null;
        message: string | null;
        /** Format: date-time */
        at: string;
    } | null;
    attempts?: Attempt[] | undefined;
}

/**
 * One page of jobs, newest first; `nextCursor` is null on the last page.
 */
export interface JobList {
    items: JobListItem[];
    nextCursor: string | null;
}

/**
 * One run of a job. Times are in RFC 3339.
 */
export interface Attempt {
    number: number;
    /** Format: date-time */
    startedAt: string;
    finishedAt: string | null;
    outcome: ("succeeded" | "failed" | "leaseExpired" | "cancelled") | null;
    error: JobError | null;
    worker: string | null;
}

/**
 * How the attempts of a job follow one another. Delays are in seconds.
 */
export interface RetryPolicy {
    maxAttempts: number;
    /** @enum {string} */
    backoff: "exponential" | "linear" | "constant";
    delay: number;
    maxDelay: number;
    /** @enum {string} */
    jitter: "full" | "none";
}

/**
 * Why an attempt failed.
 */
export interface JobError {
    code: string;
    message: string;
    retryable: boolean;
}

/**
 * Why a job is not running.
 */
export interface Explanation {
    /** @enum {string} */
    state: "accepted" | "scheduled" | "queued" | "running" | "succeeded" | "failed" | "cancelled";
    /** @enum {string} */
    reason: "ready" | "scheduled" | "retrying" | "paused" | "ordering" | "concurrency" | "rate" | "priority" | "fairness" | "parked" | "deduplication" | "no-worker" | "running" | "final" | "accepted";
    detail: string;
    blockedBy: string | null;
    ahead: number | null;
    estimatedStartAt: string | null;
}

/**
 * What became of each job of a batch, in the order in which they were sent.
 */
export interface Batch {
    id: string;
    atomic: boolean;
    accepted: number;
    items: ({
        id: string;
        /** @enum {string} */
        state: "accepted" | "scheduled" | "queued" | "running" | "succeeded" | "failed" | "cancelled";
        replayed: boolean;
    } | {
        problem: Problem;
    })[];
}

/**
 * A queue with its settings. Durations are in seconds, times in RFC 3339.
 */
export interface Queue {
    name: string;
    target: Target;
    partitions: number;
    /** @enum {string} */
    lane: "default" | "slow" | "bulk";
    concurrency: number | null;
    rate: {
        limit: number;
        period: number;
    } | null;
    perKeyConcurrency: number | null;
    perKeyRate: {
        limit: number;
        period: number;
    } | null;
    weight: number;
    priorityAging: number | null;
    maxBacklog: number | null;
    /** @enum {string} */
    onFailure: "continue" | "block";
    retry: RetryPolicy;
    timeout: number;
    retention: number;
    idempotencyWindow: number;
    /** @enum {string} */
    consistency: "strong" | "available";
    paused: boolean;
    version: number;
    /** Format: date-time */
    createdAt: string;
    /** Format: date-time */
    updatedAt: string;
}

/**
 * Where the jobs of a queue run.
 */
export type Target = {
    /** @constant */
    type: "pull";
} | {
    /** @constant */
    type: "consumer";
} | {
    /** @constant */
    type: "handler";
    name: string;
} | {
    /** @constant */
    type: "http";
    url: string;
    headers: {
        [key: string]: string;
    };
};

/**
 * One page of queues; `nextCursor` is null on the last page.
 */
export interface QueueList {
    items: Queue[];
    nextCursor: string | null;
}

/**
 * How many jobs of a queue are in each state. Ages are in seconds.
 */
export interface QueueStats {
    queue: string;
    counts: {
        scheduled: number;
        queued: number;
        running: number;
        succeeded: number;
        failed: number;
        cancelled: number;
    };
    oldestQueuedAt: string | null;
    backlog: {
        waiting: number;
        max: number | null;
    };
    inFlight: number;
    parkedKeys: number;
    perSecond: {
        accepted: number;
        started: number;
        finished: number;
    };
    latencyMs: {
        p50: number | null;
        p95: number | null;
        p99: number | null;
    };
}

/**
 * How many failed jobs run again, and whether more are left.
 */
export interface Redriven {
    matched: number;
    redriven: number;
    skipped: number;
    more: boolean;
}

/**
 * How many jobs were taken out of the queue, and whether more are left.
 */
export interface Purged {
    cancelled: number;
    discarded?: number | undefined;
    more?: boolean | undefined;
}

/**
 * One kind of failure of a queue, and how often it was seen. Times are in RFC 3339.
 */
export interface Failure {
    fingerprint: string;
    code: string;
    message: string;
    count: number;
    /** Format: date-time */
    first: string;
    /** Format: date-time */
    last: string;
    sample: string;
}

/**
 * One page of kinds of failures, the most frequent first.
 */
export interface FailureList {
    items: Failure[];
    nextCursor: string | null;
}

/**
 * An ordering key that is parked: blocked by a failed job, or paused.
 */
export interface OrderingKey {
    key: string;
    /** @enum {string} */
    state: "blocked" | "paused" | "open";
    jobId: string | null;
    error: JobError | null;
    since: string | null;
    waiting: number;
}

/**
 * One page of parked ordering keys; `nextCursor` is null on the last page.
 */
export interface OrderingKeyList {
    items: OrderingKey[];
    nextCursor: string | null;
}

/**
 * A schedule as it is. Durations are in seconds, times in RFC 3339.
 */
export interface Schedule {
    name: string;
    cron: string;
    timezone: string;
    job: ScheduledJob;
    /** @enum {string} */
    overlap: "allow" | "skip" | "queue";
    catchUp: {
        window: number;
    };
    jitter: number;
    paused: boolean;
    version: number;
    /** Format: date-time */
    createdAt: string;
    /** Format: date-time */
    updatedAt: string;
    nextFireAt: string | null;
    lastFireAt: string | null;
}

/**
 * The job of a schedule as it is. Durations are in seconds.
 */
export interface ScheduledJob {
    queue: string;
    payload: unknown;
    orderingKey: string | null;
    concurrencyKey: string | null;
    priority: number;
    timeout: number | null;
    retry: {
        maxAttempts?: number | undefined;
        /** @enum {string} */
        backoff?: ("exponential" | "linear" | "constant") | undefined;
        delay?: number | undefined;
        maxDelay?: number | undefined;
        /** @enum {string} */
        jitter?: ("full" | "none") | undefined;
    } | null;
    tags: string[];
    expiresAfter: number | null;
}

/**
 * One page of schedules; `nextCursor` is null on the last page.
 */
export interface ScheduleList {
    items: Schedule[];
    nextCursor: string | null;
}

/**
 * One instant of a schedule and what came of it. Times are in RFC 3339.
 */
export interface Fire {
    /** Format: date-time */
    scheduledAt: string;
    firedAt: string | null;
    lateSeconds: number | null;
    /** @enum {string} */
    outcome: "fired" | "skipped" | "missed";
    reason: string | null;
    jobId: string | null;
    count: number;
}

/**
 * One page of instants, newest first; `nextCursor` is null on the last page.
 */
export interface FireList {
    items: Fire[];
    nextCursor: string | null;
}

/**
 * A subscription with how its delivery goes. Times are in RFC 3339.
 */
export interface Subscription {
    name: string;
    events: ("job.accepted" | "job.started" | "job.retrying" | "job.succeeded" | "job.failed" | "job.cancelled" | "job.redriven")[];
    filter: {
        queue: string | null;
        tag: string | null;
    };
    target: {
        /** @constant */
        type: "http";
        url: string;
        headers: {
            [key: string]: string;
        };
    } | {
        /** @constant */
        type: "queue";
        binding: string;
    };
    paused: boolean;
    version: number;
    /** Format: date-time */
    createdAt: string;
    /** Format: date-time */
    updatedAt: string;
    delivery: {
        delivered: number;
        dropped: number;
        pending: number;
        oldestPendingAt: string | null;
        failures: number;
        lastError: {
            code: string;
            message: string;
            /** Format: date-time */
            at: string;
        } | null;
        lastDeliveredAt: string | null;
    };
}

/**
 * One page of subscriptions; `nextCursor` is null on the last page.
 */
export interface SubscriptionList {
    items: Subscription[];
    nextCursor: string | null;
}

/**
 * One change of one job, as a subscriber is told of it. Times are in RFC 3339.
 */
export interface LifecycleEvent {
    id: string;
    /** @enum {string} */
    type: "job.accepted" | "job.started" | "job.retrying" | "job.succeeded" | "job.failed" | "job.cancelled" | "job.redriven";
    /** Format: date-time */
    at: string;
    subscription: string;
    job: {
        id: string;
        namespace: string;
        queue: string;
        /** @enum {string} */
        state: "scheduled" | "queued" | "running" | "succeeded" | "failed" | "cancelled";
        version: number;
        attempt: number;
        orderingKey: string | null;
        tags: string[];
        error: JobError | null;
    };
}

/**
 * A job with the lease under which it is reported, and the last checkpoint of an earlier attempt.
 */
export interface ClaimedJob {
    id: string;
    namespace: string;
    queue: string;
    /** @enum {string} */
    state: "accepted" | "scheduled" | "queued" | "running" | "succeeded" | "failed" | "cancelled";
    attempt: number;
    maxAttempts: number;
    priority: number;
    orderingKey: string | null;
    concurrencyKey: string | null;
    dedupKey: string | null;
    idempotencyKey: string | null;
    parent: string | null;
    tags: string[];
    timeout: number;
    retry: RetryPolicy;
    payload: unknown;
    result: unknown;
    resultTruncated: boolean;
    error: JobError | null;
    /** Format: date-time */
    createdAt: string;
    /** Format: date-time */
    runAt: string;
    startedAt: string | null;
    finishedAt: string | null;
    expiresAt: string | null;
    leaseExpiresAt: string | null;
    progress: {
        percent: number | null;
        message: string | null;
        /** Format: date-time */
        at: string;
    } | null;
    attempts: Attempt[];
    lease: string;
    checkpoint: unknown;
}

/**
 * The jobs that were claimed; none when none is ready.
 */
export interface Claimed {
    jobs: ClaimedJob[];
}

/**
 * What became of each report, in the order in which they were sent, and the jobs of the claim that came with them.
 */
export interface Reported {
    items: ({
        /** @constant */
        status: "recorded";
        spawned?: string[] | undefined;
    } | {
        /** @constant */
        status: "stale";
        problem: Problem;
        cancelled?: boolean | undefined;
    } | {
        /** @constant */
        status: "refused";
        problem: Problem;
    })[];
    jobs: ClaimedJob[];
}

/**
 * The job, and the ids of the jobs that its success brought.
 */
export interface Succeeded {
    id: string;
    namespace: string;
    queue: string;
    /** @enum {string} */
    state: "accepted" | "scheduled" | "queued" | "running" | "succeeded" | "failed" | "cancelled";
    attempt: number;
    maxAttempts: number;
    priority: number;
    orderingKey: string | null;
    concurrencyKey: string | null;
    dedupKey: string | null;
    idempotencyKey: string | null;
    parent: string | null;
    tags: string[];
    timeout: number;
    retry: RetryPolicy;
    payload: unknown;
    result: unknown;
    resultTruncated: boolean;
    error: JobError | null;
    /** Format: date-time */
    createdAt: string;
    /** Format: date-time */
    runAt: string;
    startedAt: string | null;
    finishedAt: string | null;
    expiresAt: string | null;
    leaseExpiresAt: string | null;
    progress: {
        percent: number | null;
        message: string | null;
        /** Format: date-time */
        at: string;
    } | null;
    attempts: Attempt[];
    spawned?: string[] | undefined;
}

/**
 * When the lease ends (RFC 3339), or that the job was cancelled.
 */
export interface Extended {
    leaseExpiresAt: string | null;
    cancelled: boolean;
}

/**
 * An API key, without its secret.
 */
export interface Key {
    id: string;
    name: string;
    scopes: ("submit" | "read" | "work" | "admin")[];
    namespace: string;
    /** Format: date-time */
    createdAt: string;
    expiresAt: string | null;
}

/**
 * An API key with its secret, which is told once.
 */
export interface CreatedKey {
    id: string;
    name: string;
    scopes: ("submit" | "read" | "work" | "admin")[];
    namespace: string;
    /** Format: date-time */
    createdAt: string;
    expiresAt: string | null;
    key: string;
}

/**
 * The API keys of a namespace.
 */
export interface KeyList {
    items: Key[];
    nextCursor: string | null;
}

/**
 * A namespace with its settings.
 */
export interface Namespace {
    name: string;
    /** Format: date-time */
    createdAt: string;
}

/**
 * The slot map: which shard owns which slots.
 */
export interface Cluster {
    epoch: number;
    slots: number;
    shards: {
        id: string;
        slots: [
            number,
            number
        ][];
        live: number;
        bytes: number;
    }[];
}

/**
 * What the audit of the shards has found.
 */
export interface Audit {
    ok: boolean;
    /** Format: date-time */
    checkedAt: string;
    shards: number;
    violations: {
        shard: string;
        rule: string;
        detail: string;
    }[];
}

/**
 * The secrets that sign webhooks: the current one, and the one before it while it still signs.
 */
export interface WebhookSecret {
    current: string;
    previous: string | null;
}

/**
 * Whether the platform can take work.
 */
export interface Ready {
    /** @enum {string} */
    status: "ok" | "degraded" | "down";
    checks: {
        d1: {
            ok: boolean;
            latencyMs: number;
        };
        kv: {
            ok: boolean;
            latencyMs: number;
        };
        queues: {
            ok: boolean;
            latencyMs: number;
        };
        shards: {
            ok: boolean;
            latencyMs: number;
        };
        directory: {
            ok: boolean;
            latencyMs: number;
        };
    };
}

/**
 * A bulk operation and how far it is. Times are in RFC 3339.
 */
export interface Operation {
    id: string;
    /** @enum {string} */
    action: "cancel" | "retry" | "delete";
    filter: {
        queue?: string | undefined;
        /** @enum {string} */
        state?: ("scheduled" | "queued" | "running" | "succeeded" | "failed" | "cancelled") | undefined;
        tag?: string | undefined;
        orderingKey?: string | undefined;
        errorCode?: string | undefined;
        fingerprint?: string | undefined;
        /** Format: date-time */
        createdAfter?: string | undefined;
        /** Format: date-time */
        createdBefore?: string | undefined;
        /** Format: date-time */
        finishedBefore?: string | undefined;
    };
    ratePerSecond: number | null;
    dryRun: boolean;
    /** @enum {string} */
    state: "running" | "done";
    createdAt: string;
    finishedAt: string | null;
    progress: {
        scanned: number;
        matched: number;
        changed: number;
    };
}

/**
 * One page of bulk operations, newest first; `nextCursor` is null on the last page.
 */
export interface OperationList {
    items: Operation[];
    nextCursor: string | null;
}

/**
 * The query of the call "List jobs, newest first".
 */
export interface ListJobsQuery {
    queue?: string | undefined;
    state?: ("scheduled" | "queued" | "running" | "succeeded" | "failed" | "cancelled") | undefined;
    tag?: string | undefined;
    orderingKey?: string | undefined;
    createdAfter?: string | undefined;
    createdBefore?: string | undefined;
    consistency?: ("strong" | "session" | "eventual") | undefined;
    include?: string | undefined;
    limit?: number | undefined;
    cursor?: string | undefined;
}

/**
 * The query of the call "Read a job, or wait until it is final".
 */
export interface GetJobQuery {
    consistency?: ("strong" | "session" | "eventual") | undefined;
}

/**
 * The query of the call "List queues".
 */
export interface ListQueuesQuery {
    limit?: number | undefined;
    cursor?: string | undefined;
}

/**
 * The query of the call "List the kinds of failures of a queue, the most frequent first".
 */
export interface ListFailuresQuery {
    limit?: number | undefined;
    cursor?: string | undefined;
}

/**
 * The query of the call "List ordering keys that stand still, the latest first".
 */
export interface ListOrderingKeysQuery {
    state?: ("blocked" | "paused") | undefined;
    limit?: number | undefined;
    cursor?: string | undefined;
}

/**
 * The query of the call "List schedules".
 */
export interface ListSchedulesQuery {
    limit?: number | undefined;
    cursor?: string | undefined;
}

/**
 * The query of the call "What came of a schedule's instants".
 */
export interface ListFiresQuery {
    limit?: number | undefined;
    cursor?: string | undefined;
}

/**
 * The query of the call "List subscriptions".
 */
export interface ListSubscriptionsQuery {
    limit?: number | undefined;
    cursor?: string | undefined;
}

/**
 * The query of the call "List bulk operations, newest first".
 */
export interface ListOperationsQuery {
    limit?: number | undefined;
    cursor?: string | undefined;
}

/**
 * The query of the call "List API keys".
 */
export interface ListKeysQuery {
    limit?: number | undefined;
    cursor?: string | undefined;
}
