// Made from the API's definition by `npm run openapi`. Not to be edited.

/**
 * A job as it is submitted. Durations are in seconds, times in RFC 3339.
 */
export interface SubmitRequest {
    queue?: string;
    payload: unknown;
    orderingKey?: string;
    concurrencyKey?: string;
    dedup?: Deduplication;
    idempotencyKey?: string;
    priority?: number;
    delay?: number;
    /** Format: date-time */
    runAt?: string;
    /** Format: date-time */
    expiresAt?: string;
    timeout?: number;
    retry?: RetryOverrides;
    tags?: string[];
}

/**
 * How the attempts of a job follow one another, where it differs from the queue's policy. Delays are in seconds.
 */
export interface RetryOverrides {
    maxAttempts?: number;
    /** @enum {string} */
    backoff?: "exponential" | "linear" | "constant";
    delay?: number;
    maxDelay?: number;
    /** @enum {string} */
    jitter?: "full" | "none";
}

/**
 * That a job is the same as an earlier one, and what then happens. Durations are in seconds.
 */
export interface Deduplication {
    key: string;
    window?: number | "forever";
    /** @enum {string} */
    onConflict?: "return" | "reject" | "replace" | "runAfter";
    maxDelay?: number;
}

/**
 * Several jobs in one submission; atomic: all of them are accepted, or none.
 */
export interface BatchRequest {
    /** @default false */
    atomic?: boolean;
    jobs: SubmitRequest[];
}

/**
 * The settings of a queue; what is left out gets its default. Durations are in seconds.
 */
export interface QueueRequest {
    target?: TargetRequest;
    partitions?: number;
    /** @enum {string} */
    lane?: "default" | "slow" | "bulk";
    concurrency?: number | null;
    rate?: {
        limit: number;
        period: number;
    } | null;
    perKeyConcurrency?: number | null;
    perKeyRate?: {
        limit: number;
        period: number;
    } | null;
    weight?: number;
    priorityAging?: number | null;
    maxBacklog?: number | null;
    /** @enum {string} */
    onFailure?: "continue" | "block";
    retry?: RetryOverrides;
    timeout?: number;
    retention?: number;
    idempotencyWindow?: number;
    /** @enum {string} */
    consistency?: "strong" | "available";
    paused?: boolean;
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
    };
};

/**
 * Which failed jobs run again, where, and what of them is changed.
 */
export interface RedriveRequest {
    filter?: {
        errorCode?: string;
        fingerprint?: string;
        tag?: string;
        orderingKey?: string;
        /** Format: date-time */
        finishedAfter?: string;
        /** Format: date-time */
        finishedBefore?: string;
        /** Format: date-time */
        createdAfter?: string;
        /** Format: date-time */
        createdBefore?: string;
    };
    patch?: unknown;
    queue?: string;
    ratePerSecond?: number;
    dryRun?: boolean;
}

/**
 * What is taken out of a queue: the jobs that wait, or failed jobs.
 */
export interface PurgeRequest {
    failed?: boolean;
    filter?: {
        errorCode?: string;
        fingerprint?: string;
        tag?: string;
        orderingKey?: string;
        /** Format: date-time */
        finishedAfter?: string;
        /** Format: date-time */
        finishedBefore?: string;
        /** Format: date-time */
        createdAfter?: string;
        /** Format: date-time */
        createdBefore?: string;
    };
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
    jobId?: string;
}

/**
 * How many jobs are claimed, how many seconds the claim waits for them and their leases last.
 */
export interface ClaimRequest {
    /** @default 10 */
    max?: number;
    /** @default 0 */
    wait?: number;
    leaseSeconds?: number;
    worker?: string;
}

/**
 * The outcome of one attempt: its result and the jobs that it brings, or its error. Durations are in seconds.
 */
export type ReportRequest = {
    lease: string;
    /** @constant */
    ok: true;
    result?: unknown;
    spawn?: SubmitRequest[];
} | {
    lease: string;
    /** @constant */
    ok: false;
    error: ErrorReport;
    retryAfter?: number;
};

/**
 * The outcomes of several attempts, and the next claim in the same call.
 */
export interface ReportsRequest {
    reports: ReportRequest[];
    claim?: {
        queue: string;
        /** @default 10 */
        max?: number;
        /** @default 0 */
        wait?: number;
        leaseSeconds?: number;
        worker?: string;
    };
}

/**
 * Why an attempt failed, as the one who ran it says it.
 */
export interface ErrorReport {
    code: string;
    /** @default  */
    message?: string;
    /** @default true */
    retryable?: boolean;
}

/**
 * The result of an attempt, and the jobs that are accepted together with it.
 */
export interface SucceedRequest {
    result?: unknown;
    spawn?: SubmitRequest[];
}

/**
 * Why an attempt failed, and after how many seconds the next may start.
 */
export interface FailRequest {
    error: ErrorReport;
    retryAfter?: number;
}

/**
 * A heartbeat: how many seconds the lease lasts from now on, and how far the job is.
 */
export interface ExtendRequest {
    leaseSeconds?: number;
    progress?: {
        percent?: number;
        message?: string;
    };
    checkpoint?: unknown;
}

/**
 * An API key to be made, with its scopes.
 */
export interface KeyRequest {
    name: string;
    scopes: ("submit" | "read" | "work" | "admin")[];
    namespace?: string;
    /** Format: date-time */
    expiresAt?: string;
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
    timezone?: string;
    job: ScheduledJobRequest;
    /** @enum {string} */
    overlap?: "allow" | "skip" | "queue";
    catchUp?: {
        window?: number;
    };
    jitter?: number;
    paused?: boolean;
}

/**
 * The job of a schedule. Durations are in seconds.
 */
export interface ScheduledJobRequest {
    queue?: string;
    payload: unknown;
    orderingKey?: string;
    concurrencyKey?: string;
    priority?: number;
    timeout?: number;
    retry?: RetryOverrides;
    tags?: string[];
    expiresAfter?: number;
}

/**
 * Which events are sent, and where to.
 */
export interface SubscriptionRequest {
    events: ("job.accepted" | "job.started" | "job.retrying" | "job.succeeded" | "job.failed" | "job.cancelled" | "job.redriven")[];
    filter?: {
        queue?: string;
        tag?: string;
    };
    target: {
        /** @constant */
        type: "http";
        /** Format: uri */
        url: string;
        /** @default {} */
        headers?: {
            [key: string]: string;
        };
    } | {
        /** @constant */
        type: "queue";
        binding: string;
    };
    paused?: boolean;
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
        queue?: string;
        /** @enum {string} */
        state?: "scheduled" | "queued" | "running" | "succeeded" | "failed" | "cancelled";
        tag?: string;
        orderingKey?: string;
        errorCode?: string;
        fingerprint?: string;
        /** Format: date-time */
        createdAfter?: string;
        /** Format: date-time */
        createdBefore?: string;
        /** Format: date-time */
        finishedBefore?: string;
    };
    ratePerSecond?: number;
    dryRun?: boolean;
}

/**
 * What another Worker sends to the ingest Queue: one job, or a batch of them.
 */
export type IngestMessage = {
    /** @constant */
    type: "submit";
    namespace?: string;
    key?: string;
    job: SubmitRequest;
} | {
    /** @constant */
    type: "submitBatch";
    namespace?: string;
    key?: string;
    /** @default false */
    atomic?: boolean;
    idempotencyKey?: string;
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
    }[];
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
    attempts?: Attempt[];
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
    discarded?: number;
    more?: boolean;
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
        maxAttempts?: number;
        /** @enum {string} */
        backoff?: "exponential" | "linear" | "constant";
        delay?: number;
        maxDelay?: number;
        /** @enum {string} */
        jitter?: "full" | "none";
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
        spawned?: string[];
    } | {
        /** @constant */
        status: "stale";
        problem: Problem;
        cancelled?: boolean;
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
    spawned?: string[];
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
        queue?: string;
        /** @enum {string} */
        state?: "scheduled" | "queued" | "running" | "succeeded" | "failed" | "cancelled";
        tag?: string;
        orderingKey?: string;
        errorCode?: string;
        fingerprint?: string;
        /** Format: date-time */
        createdAfter?: string;
        /** Format: date-time */
        createdBefore?: string;
        /** Format: date-time */
        finishedBefore?: string;
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
    queue?: string;
    state?: "scheduled" | "queued" | "running" | "succeeded" | "failed" | "cancelled";
    tag?: string;
    orderingKey?: string;
    createdAfter?: string;
    createdBefore?: string;
    consistency?: "strong" | "session" | "eventual";
    include?: string;
    limit?: number;
    cursor?: string;
}

/**
 * The query of the call "Read a job, or wait until it is final".
 */
export interface GetJobQuery {
    consistency?: "strong" | "session" | "eventual";
}

/**
 * The query of the call "List queues".
 */
export interface ListQueuesQuery {
    limit?: number;
    cursor?: string;
}

/**
 * The query of the call "List the kinds of failures of a queue, the most frequent first".
 */
export interface ListFailuresQuery {
    limit?: number;
    cursor?: string;
}

/**
 * The query of the call "List ordering keys that stand still, the latest first".
 */
export interface ListOrderingKeysQuery {
    state?: "blocked" | "paused";
    limit?: number;
    cursor?: string;
}

/**
 * The query of the call "List schedules".
 */
export interface ListSchedulesQuery {
    limit?: number;
    cursor?: string;
}

/**
 * The query of the call "What came of a schedule's instants".
 */
export interface ListFiresQuery {
    limit?: number;
    cursor?: string;
}

/**
 * The query of the call "List subscriptions".
 */
export interface ListSubscriptionsQuery {
    limit?: number;
    cursor?: string;
}

/**
 * The query of the call "List bulk operations, newest first".
 */
export interface ListOperationsQuery {
    limit?: number;
    cursor?: string;
}

/**
 * The query of the call "List API keys".
 */
export interface ListKeysQuery {
    limit?: number;
    cursor?: string;
}
