// Made from the API's definition by `npm run openapi`. Not to be edited.

/**
 * A job to be accepted. Only `payload` is required.
 */
export interface SubmitRequest {
    /**
     * @description The name of the queue, which has to exist. Left out: `default`.
     * @example emails
     */
    queue?: string | undefined;
    /**
     * @description The input of the job: any JSON value, null too, of at most 256 KiB as the text that is sent, which is kept as it is.
     * @example {
     *       "to": "a@b.example"
     *     }
     */
    payload: unknown;
    /**
     * @description Jobs of one queue and ordering key run one at a time, in the order of their acceptance. 1 to 256 bytes. Left out: the job is in no order.
     * @example user-42
     */
    orderingKey?: string | undefined;
    /**
     * @description Whose limits the job counts under, where its queue has `perKeyConcurrency` or `perKeyRate`. 1 to 256 bytes. Left out: no limit of a key holds it.
     * @example customer-7
     */
    concurrencyKey?: string | undefined;
    /** @description What happens while an earlier job is about the same thing. Left out: nothing is looked for. */
    dedup?: Deduplication | undefined;
    /**
     * @description Names this call, so that sending it again is answered with the first one's job for as long as the queue's `idempotencyWindow`. Another body is refused: two are the same where they mean the same, numbers compared to the last digit. 1 to 256 bytes. The header `Idempotency-Key` says the same.
     * @example order-991
     */
    idempotencyKey?: string | undefined;
    /**
     * @description From 0 to 9; the higher goes first. Left out: 4.
     * @example 5
     */
    priority?: number | undefined;
    /**
     * @description How many seconds after its acceptance the job is due: at most 31,622,400, fractions allowed. Excludes `runAt`. Left out: at once.
     * @example 30
     */
    delay?: number | undefined;
    /**
     * Format: date-time
     * @description When the job is due: at most a year ahead; a time that is past means at once. Excludes `delay`.
     * @example 2026-12-01T00:00:00Z
     */
    runAt?: string | undefined;
    /**
     * Format: date-time
     * @description A job whose first attempt has not begun by then fails and never runs. It lies in the future. Left out: the job waits without end.
     * @example 2026-12-02T00:00:00Z
     */
    expiresAt?: string | undefined;
    /**
     * @description How many seconds one attempt may take: at most 900, or 86,400 in a queue whose target is of type `pull`, or of type `http` with `async`. Left out: as the queue has it.
     * @example 60
     */
    timeout?: number | undefined;
    /** @description How failed attempts are tried again, laid over the queue's policy. Left out: as the queue has it. */
    retry?: RetryOverrides | undefined;
    /**
     * @description Words to find the job by: at most 10, each of 1 to 64 bytes. Left out: none.
     * @example [
     *       "welcome"
     *     ]
     */
    tags?: string[] | undefined;
}

/**
 * Changes of a job that waits. What is left out stays.
 */
export interface JobPatch {
    /**
     * @description Another input, in place of the whole payload: any JSON value, of at most 256 KiB as the text that is sent, which is kept as it is. Null is the payload null. Left out: it stays.
     * @example {
     *       "to": "b@c.example"
     *     }
     */
    payload?: unknown;
    /**
     * @description When the job is due: at most 366 days ahead; a time that is past, and null, mean at once. Of a job that waits for its next attempt it is the time of that. Left out: it stays.
     * @example 2026-12-01T00:00:00Z
     */
    runAt?: (string | null) | undefined;
    /**
     * @description From 0 to 9; the higher goes first. Null: 4. Left out: it stays.
     * @example 9
     */
    priority?: (number | null) | undefined;
    /**
     * @description All of the words to find the job by: at most 10, each of 1 to 64 bytes. Null: none. Left out: they stay.
     * @example [
     *       "welcome"
     *     ]
     */
    tags?: (string[] | null) | undefined;
    /**
     * @description A job that has not started by then fails and never runs. It lies in the future. Null: the job waits without end. Left out: it stays.
     * @example 2026-12-02T00:00:00Z
     */
    expiresAt?: (string | null) | undefined;
}

/**
 * How failed attempts are tried again, laid over another policy: what is left out stays as it is there.
 */
export interface RetryOverrides {
    /**
     * @description The most attempts of a job, the first one included, counted from its acceptance or its last redrive: 1 to 100. Left out: as in the policy that this is laid over; in a queue's own policy 12.
     * @example 12
     */
    maxAttempts?: number | undefined;
    /**
     * @description How the wait grows from one failed attempt to the next: `exponential` doubles it, `linear` adds the first wait each time, `constant` leaves it. Left out: as in the policy that this is laid over; in a queue's own policy `exponential`.
     * @example exponential
     * @enum {string}
     */
    backoff?: ("exponential" | "linear" | "constant") | undefined;
    /**
     * @description How many seconds to wait after the first failed attempt: at most 31,622,400, fractions allowed. Left out: as in the policy that this is laid over; in a queue's own policy 10.
     * @example 10
     */
    delay?: number | undefined;
    /**
     * @description The longest wait between two attempts, in seconds, however much it grows: at most 31,622,400. Left out: as in the policy that this is laid over; in a queue's own policy 3,600.
     * @example 3600
     */
    maxDelay?: number | undefined;
    /**
     * @description What chance does to a wait, so that jobs do not come back all at once: `full` makes it any time from none to the whole wait, `half` any from half of it to all of it, `none` leaves it. Left out: as in the policy that this is laid over; in a queue's own policy `half`.
     * @example half
     * @enum {string}
     */
    jitter?: ("full" | "half" | "none") | undefined;
}

/**
 * Deduplication of one call: what happens while an earlier job of the queue holds the same key.
 */
export interface Deduplication {
    /**
     * @description The deduplication key: what the job is about. 1 to 256 bytes.
     * @example report-7
     */
    key: string;
    /**
     * @description How many seconds the job holds its key, from its acceptance on, or `forever`. Left out: 86,400.
     * @example 3600
     * @example forever
     */
    window?: (number | "forever") | undefined;
    /**
     * @description What becomes of the call while an earlier job holds the key. `return` answers with the earlier job; `reject` refuses with 409; `replace` gives the earlier job the new payload and run-at as long as it waits; `runAfter` answers with the earlier job while that waits, and runs the new one after it once that runs. Left out: `return`.
     * @example replace
     * @enum {string}
     */
    onConflict?: ("return" | "reject" | "replace" | "runAfter") | undefined;
    /**
     * @description With `replace` only: the job runs at most so many seconds after its first acceptance, however often it is put off. Left out: without bound.
     * @example 60
     */
    maxDelay?: number | undefined;
}

/**
 * Several jobs in one submission.
 */
export interface BatchRequest {
    /**
     * @description Whether the batch is accepted whole or not at all. False, or left out: a bad job costs only itself.
     * @default false
     * @example true
     */
    atomic?: boolean | undefined;
    /**
     * @description The jobs, each as `POST /v1/jobs` takes it: 1 to 1,000.
     * @example [
     *       {
     *         "payload": {
     *           "to": "a@b.example"
     *         }
     *       }
     *     ]
     */
    jobs: SubmitRequest[];
}

/**
 * The settings of a queue, all of them: what is left out gets its default, but `partitions` and `paused` of a queue that exists stay.
 */
export interface QueueRequest {
    /** @description Where the jobs of the queue run. Left out: `pull`. */
    target?: TargetRequest | undefined;
    /**
     * @description In how many parts the queue is kept. More parts carry more jobs a second; with one, limits and priority are exact over the whole queue. 1 to 4,096. Left out: 16, or 1 when `concurrency`, `rate` or `maxBacklog` is set; a queue that exists keeps its number. It cannot change while the queue has unfinished jobs or remembers keys.
     * @example 1
     */
    partitions?: number | undefined;
    /**
     * @description The lane that carries the queue's doorbells: `default`, `slow`, `bulk`. Work in one lane does not delay another. Left out: `default`.
     * @example slow
     * @enum {string}
     */
    lane?: ("default" | "slow" | "bulk") | undefined;
    /**
     * @description The most jobs of the queue that run at once, divided over its partitions: 1 to 1,000,000, and at least `partitions`. Null, or left out: no limit.
     * @example 5
     * @example null
     */
    concurrency?: (number | null) | undefined;
    /** @description The most jobs of the queue that start in any window of a length, divided over its partitions; its `limit` is at least `partitions`. Null, or left out: no limit. */
    rate?: ({
        /**
         * @description The most starts in any window of `period` seconds, wherever the window begins: 1 to 1,000,000.
         * @example 100
         */
        limit: number;
        /**
         * @description The length of the window in seconds, fractions allowed: 0.001 to 86,400.
         * @example 1
         */
        period: number;
    } | null) | undefined;
    /**
     * @description The most jobs of one concurrency key that run at once: 1 to 1,000. Null, or left out: no limit.
     * @example 1
     * @example null
     */
    perKeyConcurrency?: (number | null) | undefined;
    /** @description The most jobs of one concurrency key that start in any window of a length. Null, or left out: no limit. */
    perKeyRate?: ({
        /**
         * @description The most starts in any window of `period` seconds, wherever the window begins: 1 to 1,000,000.
         * @example 100
         */
        limit: number;
        /**
         * @description The length of the window in seconds, fractions allowed: 0.001 to 86,400.
         * @example 1
         */
        period: number;
    } | null) | undefined;
    /**
     * @description The queue's share of the turns of its namespace in its lane, beside other queues that the processor works for: 1 to 100. Left out: 1.
     * @example 3
     */
    weight?: number | undefined;
    /**
     * @description How many seconds of waiting are worth one step of priority, for jobs accepted from now on. Null makes priority strict, so that a low one may wait for ever: 1 to 31,622,400 seconds. Left out: 3,600.
     * @example 60
     * @example null
     */
    priorityAging?: (number | null) | undefined;
    /**
     * @description The most jobs that may wait, scheduled and queued together; who comes after that is refused with 429, low priorities first. It is divided over the partitions: 1 to 1,000,000,000, and at least `partitions`. Null, or left out: no limit.
     * @example 10000
     * @example null
     */
    maxBacklog?: (number | null) | undefined;
    /**
     * @description What a job that failed for good does to its ordering key: `continue` lets the next job start, `block` parks the key until somebody decides. Left out: `continue`.
     * @example block
     * @enum {string}
     */
    onFailure?: ("continue" | "block") | undefined;
    /** @description How failed attempts of the queue's jobs are tried again, laid over the defaults. Left out: the defaults. */
    retry?: RetryOverrides | undefined;
    /**
     * @description How many seconds a job may be deferred without spending attempts, counted from the first time since its acceptance or its last redrive: by a target that answers 429 or 503 with a `Retry-After`, or by a worker that releases it. After that a deferral spends an attempt: 0 to 2,592,000; with 0 each does. Left out: 86,400, a day.
     * @example 3600
     */
    maxDeferral?: number | undefined;
    /**
     * @description How many seconds one attempt may take where the job does not say: at most 900, or 86,400 when the target is of type `pull`, or of type `http` with `async`. Left out: 60.
     * @example 60
     */
    timeout?: number | undefined;
    /**
     * @description How many seconds a final job is kept: 1 to 31,622,400. Left out: 604,800, seven days.
     * @example 604800
     */
    retention?: number | undefined;
    /**
     * @description How many seconds after its acceptance a job answers for its idempotency key: 1 to 2,592,000. Left out: 86,400, a day.
     * @example 86400
     */
    idempotencyWindow?: number | undefined;
    /**
     * @description Which finished jobs are copied to history, where they are read after they have left their shard: `all`; `failed`, those that failed or were cancelled; or `none`. It is asked when a job ends, and changes nothing of what history has. A job that is not copied is read from its shard alone: one that succeeded for an hour, or as long as its retention where that is shorter, and for as long as its idempotency or deduplication key answers; one that failed or was cancelled until its retention ends, and until then it can be redriven. After that it is 404 `job-not-found`. Left out: `all`.
     * @example failed
     * @enum {string}
     */
    history?: ("all" | "failed" | "none") | undefined;
    /**
     * @description Whether history keeps the payloads of the jobs that it keeps. Without, a job that has left its shard has `payload: null` and `payloadKept: false`, and cannot be redriven any more. Left out: true.
     * @example false
     */
    keepPayload?: boolean | undefined;
    /**
     * @description What a submission meets while the job's shard is away: `strong` refuses it with 503, so that a 202 means committed; `available` takes it into a durable Queue and commits it later, in state `accepted` until then, without order between such jobs. Left out: `strong`.
     * @example available
     * @enum {string}
     */
    consistency?: ("strong" | "available") | undefined;
    /**
     * @description Whether no job of the queue starts. Running ones go on. Left out: false, or as the queue that exists has it.
     * @example false
     */
    paused?: boolean | undefined;
}

/**
 * Changes of a queue's settings, as a JSON merge patch (RFC 7396): what it does not name stays. Null puts a member back to its default, and takes away one that has none. Null is a value like any other of `concurrency`, `rate`, `perKeyConcurrency`, `perKeyRate`, `priorityAging`, `maxBacklog`. Of another `type`, `target` is replaced whole.
 */
export interface QueuePatch {
    /**
     * @description Where the jobs of the queue run. Left out: `pull`.
     * @example {
     *       "type": "handler",
     *       "name": "wordcount"
     *     }
     */
    target?: ({
        /**
         * @description The kind. Of another kind, all other members are those of the patch alone.
         * @example pull
         */
        type?: (("pull" | "consumer" | "handler" | "http" | "worker" | "queue" | "service") | null) | undefined;
        /**
         * @description The name of the handler, which the processor has to have.
         * @example wordcount
         */
        name?: (string | null) | undefined;
        /**
         * @description Where to send. Private, loopback and link-local addresses, and ports below 1024 other than 80 and 443, are refused unless the deployment allows them; hosts of the platform itself, and those that are not on the deployment's list where it has one, always. An http or https URL of at most 2 KiB. A user name, a password, the values of the query and the fragment are encrypted and shown as `***`, the path is not; the URL as it is shown keeps what is there.
         * @example https://example.com/hook
         */
        url?: (string | null) | undefined;
        /**
         * @description Headers to send beside Dure's own, which none of them may replace. Headers of the connection, and those by which proxies tell for whom they forward, cannot be set. Values are encrypted where they are kept and never shown; `***` keeps the one that is there, as long as scheme, host and port of the URL stay. At most 32. Left out: none.
         * @example {
         *       "x-token": "s3cret"
         *     }
         */
        headers?: ({
            [key: string]: string | null;
        } | null) | undefined;
        /**
         * @description How many seconds the target may take until the headers of its answer come; the job's timeout, where that is shorter: from 0.001 to 900. Left out: 30.
         * @example 30
         */
        firstByteTimeout?: (number | null) | undefined;
        /**
         * @description Lets the answers of the target submit jobs, by a member `dure-spawn`, to these queues of its namespace and to no other. Left out: an answer submits nothing, and its attempt has a `warning` where it would.
         * @example {
         *       "queues": [
         *         "receipts"
         *       ]
         *     }
         */
        spawn?: ({
            /**
             * @description The names of the queues. A job that an answer brings for any other is not submitted, and the attempt has a `warning`. One that names no queue is for `default`. From 1 to 32 of them, which need not exist yet.
             * @example [
             *       "receipts"
             *     ]
             */
            queues?: (string[] | null) | undefined;
        } | null) | undefined;
        /**
         * @description Lets the target finish a job later: its answer with status 202 and the header `dure-async: true` keeps the job running, and the target reports the outcome itself, under the lease in the request's header `dure-lease` and with a key that has the scope `work`, within the job's timeout. Left out: false, and such an answer succeeds the attempt like any other, with a `warning`.
         * @example true
         */
        async?: (boolean | null) | undefined;
        /**
         * @description A producer binding of the processor, as its wrangler.toml has it and the variable `TARGET_BINDINGS` of the deployment lists it.
         * @example OUT
         */
        binding?: (string | null) | undefined;
        /**
         * @description The name of the service, which has to exist.
         * @example mailer
         */
        service?: (string | null) | undefined;
        /**
         * @description What follows the URL of the instance that is asked. It begins with a slash, and has no segment of two dots, no fragment, no spaces and no other characters than those of a URL. It is not secret: put no token there.
         * @example /send
         */
        path?: (string | null) | undefined;
    } | null) | undefined;
    /**
     * @description In how many parts the queue is kept. More parts carry more jobs a second; with one, limits and priority are exact over the whole queue. 1 to 4,096. Left out: 16, or 1 when `concurrency`, `rate` or `maxBacklog` is set; a queue that exists keeps its number. It cannot change while the queue has unfinished jobs or remembers keys.
     * @example 1
     */
    partitions?: (number | null) | undefined;
    /**
     * @description The lane that carries the queue's doorbells: `default`, `slow`, `bulk`. Work in one lane does not delay another. Left out: `default`.
     * @example slow
     */
    lane?: (("default" | "slow" | "bulk") | null) | undefined;
    /**
     * @description The most jobs of the queue that run at once, divided over its partitions: 1 to 1,000,000, and at least `partitions`. Null, or left out: no limit.
     * @example 5
     */
    concurrency?: (number | null) | undefined;
    /**
     * @description The most jobs of the queue that start in any window of a length, divided over its partitions; its `limit` is at least `partitions`. Null, or left out: no limit.
     * @example {
     *       "limit": 100,
     *       "period": 1
     *     }
     */
    rate?: ({
        /**
         * @description The most starts in any window of `period` seconds, wherever the window begins: 1 to 1,000,000.
         * @example 100
         */
        limit?: (number | null) | undefined;
        /**
         * @description The length of the window in seconds, fractions allowed: 0.001 to 86,400.
         * @example 1
         */
        period?: (number | null) | undefined;
    } | null) | undefined;
    /**
     * @description The most jobs of one concurrency key that run at once: 1 to 1,000. Null, or left out: no limit.
     * @example 1
     */
    perKeyConcurrency?: (number | null) | undefined;
    /**
     * @description The most jobs of one concurrency key that start in any window of a length. Null, or left out: no limit.
     * @example {
     *       "limit": 100,
     *       "period": 1
     *     }
     */
    perKeyRate?: ({
        /**
         * @description The most starts in any window of `period` seconds, wherever the window begins: 1 to 1,000,000.
         * @example 100
         */
        limit?: (number | null) | undefined;
        /**
         * @description The length of the window in seconds, fractions allowed: 0.001 to 86,400.
         * @example 1
         */
        period?: (number | null) | undefined;
    } | null) | undefined;
    /**
     * @description The queue's share of the turns of its namespace in its lane, beside other queues that the processor works for: 1 to 100. Left out: 1.
     * @example 3
     */
    weight?: (number | null) | undefined;
    /**
     * @description How many seconds of waiting are worth one step of priority, for jobs accepted from now on. Null makes priority strict, so that a low one may wait for ever: 1 to 31,622,400 seconds. Left out: 3,600.
     * @example 60
     */
    priorityAging?: (number | null) | undefined;
    /**
     * @description The most jobs that may wait, scheduled and queued together; who comes after that is refused with 429, low priorities first. It is divided over the partitions: 1 to 1,000,000,000, and at least `partitions`. Null, or left out: no limit.
     * @example 10000
     */
    maxBacklog?: (number | null) | undefined;
    /**
     * @description What a job that failed for good does to its ordering key: `continue` lets the next job start, `block` parks the key until somebody decides. Left out: `continue`.
     * @example block
     */
    onFailure?: (("continue" | "block") | null) | undefined;
    /**
     * @description How failed attempts of the queue's jobs are tried again, laid over the defaults. Left out: the defaults.
     * @example {
     *       "maxAttempts": 12,
     *       "backoff": "exponential",
     *       "delay": 10,
     *       "maxDelay": 3600,
     *       "jitter": "half"
     *     }
     */
    retry?: ({
        /**
         * @description The most attempts of a job, the first one included, counted from its acceptance or its last redrive: 1 to 100. Left out: as in the policy that this is laid over; in a queue's own policy 12.
         * @example 12
         */
        maxAttempts?: (number | null) | undefined;
        /**
         * @description How the wait grows from one failed attempt to the next: `exponential` doubles it, `linear` adds the first wait each time, `constant` leaves it. Left out: as in the policy that this is laid over; in a queue's own policy `exponential`.
         * @example exponential
         */
        backoff?: (("exponential" | "linear" | "constant") | null) | undefined;
        /**
         * @description How many seconds to wait after the first failed attempt: at most 31,622,400, fractions allowed. Left out: as in the policy that this is laid over; in a queue's own policy 10.
         * @example 10
         */
        delay?: (number | null) | undefined;
        /**
         * @description The longest wait between two attempts, in seconds, however much it grows: at most 31,622,400. Left out: as in the policy that this is laid over; in a queue's own policy 3,600.
         * @example 3600
         */
        maxDelay?: (number | null) | undefined;
        /**
         * @description What chance does to a wait, so that jobs do not come back all at once: `full` makes it any time from none to the whole wait, `half` any from half of it to all of it, `none` leaves it. Left out: as in the policy that this is laid over; in a queue's own policy `half`.
         * @example half
         */
        jitter?: (("full" | "half" | "none") | null) | undefined;
    } | null) | undefined;
    /**
     * @description How many seconds a job may be deferred without spending attempts, counted from the first time since its acceptance or its last redrive: by a target that answers 429 or 503 with a `Retry-After`, or by a worker that releases it. After that a deferral spends an attempt: 0 to 2,592,000; with 0 each does. Left out: 86,400, a day.
     * @example 3600
     */
    maxDeferral?: (number | null) | undefined;
    /**
     * @description How many seconds one attempt may take where the job does not say: at most 900, or 86,400 when the target is of type `pull`, or of type `http` with `async`. Left out: 60.
     * @example 60
     */
    timeout?: (number | null) | undefined;
    /**
     * @description How many seconds a final job is kept: 1 to 31,622,400. Left out: 604,800, seven days.
     * @example 604800
     */
    retention?: (number | null) | undefined;
    /**
     * @description How many seconds after its acceptance a job answers for its idempotency key: 1 to 2,592,000. Left out: 86,400, a day.
     * @example 86400
     */
    idempotencyWindow?: (number | null) | undefined;
    /**
     * @description Which finished jobs are copied to history, where they are read after they have left their shard: `all`; `failed`, those that failed or were cancelled; or `none`. It is asked when a job ends, and changes nothing of what history has. A job that is not copied is read from its shard alone: one that succeeded for an hour, or as long as its retention where that is shorter, and for as long as its idempotency or deduplication key answers; one that failed or was cancelled until its retention ends, and until then it can be redriven. After that it is 404 `job-not-found`. Left out: `all`.
     * @example failed
     */
    history?: (("all" | "failed" | "none") | null) | undefined;
    /**
     * @description Whether history keeps the payloads of the jobs that it keeps. Without, a job that has left its shard has `payload: null` and `payloadKept: false`, and cannot be redriven any more. Left out: true.
     * @example false
     */
    keepPayload?: (boolean | null) | undefined;
    /**
     * @description What a submission meets while the job's shard is away: `strong` refuses it with 503, so that a 202 means committed; `available` takes it into a durable Queue and commits it later, in state `accepted` until then, without order between such jobs. Left out: `strong`.
     * @example available
     */
    consistency?: (("strong" | "available") | null) | undefined;
    /**
     * @description Whether no job of the queue starts. Running ones go on. Left out: false, or as the queue that exists has it.
     * @example false
     */
    paused?: (boolean | null) | undefined;
}

/**
 * Where the jobs of a queue run. `pull`: workers claim the jobs over HTTP. `consumer`: a Worker of the account's own, which consumes the Queue of the queue's lane, claims the jobs. `handler`: the jobs run in the processor, by the handler of that name. `http`: what is sent goes to a URL by POST. `worker`: the processor calls the method `process` of another Worker of the account. `queue`: the job goes into another Worker's Cloudflare Queue, and has succeeded once the Queue has taken it. A message has at most 128 KB: a larger job fails for good. `service`: what is sent goes by POST to one of the instances of a service of the namespace. While the service takes none, jobs wait and spend no attempts.
 */
export type TargetRequest = {
    /**
     * @description `pull`: workers claim the jobs over HTTP.
     * @example pull
     * @constant
     */
    type: "pull";
} | {
    /**
     * @description `consumer`: a Worker of the account's own, which consumes the Queue of the queue's lane, claims the jobs.
     * @example consumer
     * @constant
     */
    type: "consumer";
} | {
    /**
     * @description `handler`: the jobs run in the processor, by the handler of that name.
     * @example handler
     * @constant
     */
    type: "handler";
    /**
     * @description The name of the handler, which the processor has to have.
     * @example wordcount
     */
    name: string;
} | {
    /**
     * @description `http`: what is sent goes to a URL by POST.
     * @example http
     * @constant
     */
    type: "http";
    /**
     * Format: uri
     * @description Where to send. Private, loopback and link-local addresses, and ports below 1024 other than 80 and 443, are refused unless the deployment allows them; hosts of the platform itself, and those that are not on the deployment's list where it has one, always. An http or https URL of at most 2 KiB. A user name, a password, the values of the query and the fragment are encrypted and shown as `***`, the path is not; the URL as it is shown keeps what is there.
     * @example https://example.com/hook
     */
    url: string;
    /**
     * @description Headers to send beside Dure's own, which none of them may replace. Headers of the connection, and those by which proxies tell for whom they forward, cannot be set. Values are encrypted where they are kept and never shown; `***` keeps the one that is there, as long as scheme, host and port of the URL stay. At most 32. Left out: none.
     * @default {}
     * @example {
     *       "x-token": "s3cret"
     *     }
     */
    headers?: {
        [key: string]: string;
    } | undefined;
    /**
     * @description How many seconds the target may take until the headers of its answer come; the job's timeout, where that is shorter: from 0.001 to 900. Left out: 30.
     * @example 30
     */
    firstByteTimeout?: number | undefined;
    /**
     * @description Lets the answers of the target submit jobs, by a member `dure-spawn`, to these queues of its namespace and to no other. Left out: an answer submits nothing, and its attempt has a `warning` where it would.
     * @example {
     *       "queues": [
     *         "receipts"
     *       ]
     *     }
     */
    spawn?: {
        /**
         * @description The names of the queues. A job that an answer brings for any other is not submitted, and the attempt has a `warning`. One that names no queue is for `default`. From 1 to 32 of them, which need not exist yet.
         * @example [
         *       "receipts"
         *     ]
         */
        queues: string[];
    } | undefined;
    /**
     * @description Lets the target finish a job later: its answer with status 202 and the header `dure-async: true` keeps the job running, and the target reports the outcome itself, under the lease in the request's header `dure-lease` and with a key that has the scope `work`, within the job's timeout. Left out: false, and such an answer succeeds the attempt like any other, with a `warning`.
     * @example true
     */
    async?: boolean | undefined;
} | {
    /**
     * @description `worker`: the processor calls the method `process` of another Worker of the account.
     * @example worker
     * @constant
     */
    type: "worker";
    /**
     * @description A service binding of the processor, as its wrangler.toml has it and the variable `TARGET_BINDINGS` of the deployment lists it.
     * @example MAILER
     */
    binding: string;
} | {
    /**
     * @description `queue`: the job goes into another Worker's Cloudflare Queue, and has succeeded once the Queue has taken it. A message has at most 128 KB: a larger job fails for good.
     * @example queue
     * @constant
     */
    type: "queue";
    /**
     * @description A producer binding of the processor, as its wrangler.toml has it and the variable `TARGET_BINDINGS` of the deployment lists it.
     * @example OUT
     */
    binding: string;
} | {
    /**
     * @description `service`: what is sent goes by POST to one of the instances of a service of the namespace. While the service takes none, jobs wait and spend no attempts.
     * @example service
     * @constant
     */
    type: "service";
    /**
     * @description The name of the service, which has to exist.
     * @example mailer
     */
    service: string;
    /**
     * @description What follows the URL of the instance that is asked. It begins with a slash, and has no segment of two dots, no fragment, no spaces and no other characters than those of a URL. It is not secret: put no token there.
     * @example /send
     */
    path: string;
};

/**
 * Which failed jobs of a queue run again, and how. All fields may be left out.
 */
export interface RedriveRequest {
    /**
     * @description Which failed jobs: those that are all that is named. Left out: all of the queue.
     * @example {
     *       "errorCode": "smtp"
     *     }
     */
    filter?: {
        /**
         * @description Only jobs whose last error has this code.
         * @example smtp
         */
        errorCode?: string | undefined;
        /**
         * @description Only jobs whose failure is of this kind.
         * @example 87e367a373b5b01b
         */
        fingerprint?: string | undefined;
        /**
         * @description Only jobs with this tag.
         * @example welcome
         */
        tag?: string | undefined;
        /**
         * @description Only jobs with this ordering key.
         * @example user-42
         */
        orderingKey?: string | undefined;
        /**
         * Format: date-time
         * @description Only jobs that failed for good after this time.
         * @example 2026-11-22T15:32:03.604Z
         */
        finishedAfter?: string | undefined;
        /**
         * Format: date-time
         * @description Only jobs that failed for good before this time.
         * @example 2026-12-01T00:00:00Z
         */
        finishedBefore?: string | undefined;
        /**
         * Format: date-time
         * @description Only jobs that were accepted after this time.
         * @example 2026-11-22T15:32:03.604Z
         */
        createdAfter?: string | undefined;
        /**
         * Format: date-time
         * @description Only jobs that were accepted before this time.
         * @example 2026-12-01T00:00:00Z
         */
        createdBefore?: string | undefined;
    } | undefined;
    /**
     * @description A JSON merge patch (RFC 7396) for every payload: members replace, null removes. A job whose payload would be too large is skipped. Left out: payloads stay as they are.
     * @example {
     *       "template": "new"
     *     }
     */
    patch?: unknown;
    /**
     * @description Another queue of the namespace, where the jobs run under new ids; here they are discarded. Left out: they run here.
     * @example emails-slow
     */
    queue?: string | undefined;
    /**
     * @description How many of them start a second: more than 0 and at most 100,000. Left out: all at once.
     * @example 5
     */
    ratePerSecond?: number | undefined;
    /**
     * @description Whether jobs are only counted. Left out: false.
     * @example true
     */
    dryRun?: boolean | undefined;
}

/**
 * What a purge removes: all waiting jobs, or failed ones.
 */
export interface PurgeRequest {
    /**
     * @description True discards failed jobs. False, or left out, cancels all queued and scheduled jobs.
     * @example true
     */
    failed?: boolean | undefined;
    /**
     * @description With `failed: true` only. Which failed jobs: those that are all that is named. Left out: all of the queue.
     * @example {
     *       "errorCode": "smtp"
     *     }
     */
    filter?: {
        /**
         * @description Only jobs whose last error has this code.
         * @example smtp
         */
        errorCode?: string | undefined;
        /**
         * @description Only jobs whose failure is of this kind.
         * @example 87e367a373b5b01b
         */
        fingerprint?: string | undefined;
        /**
         * @description Only jobs with this tag.
         * @example welcome
         */
        tag?: string | undefined;
        /**
         * @description Only jobs with this ordering key.
         * @example user-42
         */
        orderingKey?: string | undefined;
        /**
         * Format: date-time
         * @description Only jobs that failed for good after this time.
         * @example 2026-11-22T15:32:03.604Z
         */
        finishedAfter?: string | undefined;
        /**
         * Format: date-time
         * @description Only jobs that failed for good before this time.
         * @example 2026-12-01T00:00:00Z
         */
        finishedBefore?: string | undefined;
        /**
         * Format: date-time
         * @description Only jobs that were accepted after this time.
         * @example 2026-11-22T15:32:03.604Z
         */
        createdAfter?: string | undefined;
        /**
         * Format: date-time
         * @description Only jobs that were accepted before this time.
         * @example 2026-12-01T00:00:00Z
         */
        createdBefore?: string | undefined;
    } | undefined;
}

/**
 * Names an ordering key.
 */
export interface OrderingKeyRequest {
    /**
     * @description The ordering key. Keys are arbitrary text, so they stand in bodies and not in paths.
     * @example account-7
     */
    key: string;
}

/**
 * A decision about the failed job that blocks an ordering key.
 */
export interface UnblockKeyRequest {
    /**
     * @description The ordering key. Keys are arbitrary text, so they stand in bodies and not in paths.
     * @example account-7
     */
    key: string;
    /**
     * @description What becomes of the failed job that blocks the key: `retry` runs it again in its old place, `skip` leaves it as a dead letter, `discard` deletes it. The key goes on in each case.
     * @example retry
     * @enum {string}
     */
    action: "retry" | "skip" | "discard";
    /**
     * @description The failed job that is meant: another one that blocks the key by now is left alone, with 409. Left out: whichever it is.
     * @example job_01m81y5hxdfwy87v7akx98zqk9
     */
    jobId?: string | undefined;
}

/**
 * A claim of jobs of one queue. All fields may be left out.
 */
export interface ClaimRequest {
    /**
     * @description Whether the worker says of each job that it has begun it, by a heartbeat, progress or a report before the lease ends. Of those of which it says nothing no attempt is spent when it is lost, twice in a row at most. Left out: false, until a job of the same claim was begun.
     * @default false
     * @example true
     */
    begins?: boolean | undefined;
    /**
     * @description The most jobs to claim: 1 to 100. Left out: 10.
     * @default 10
     * @example 10
     */
    max?: number | undefined;
    /**
     * @description How many seconds to wait for a job when there is none: at most 60. Left out: 0.
     * @default 0
     * @example 20
     */
    wait?: number | undefined;
    /**
     * @description How many seconds the lease lasts unless it is extended: 1 to 86,400. It never lasts beyond the job's timeout. Left out: the job's timeout.
     * @example 30
     */
    leaseSeconds?: number | undefined;
    /**
     * @description What the worker calls itself, a host or a process: attempts show it. Left out: they show none.
     * @example host-1
     */
    worker?: string | undefined;
    /**
     * @description What the jobs come with beside what they always have: `attempts`, all of their attempts that are kept. Left out: each job has the attempt that begins and the one before it.
     * @example [
     *       "attempts"
     *     ]
     */
    include?: "attempts"[] | undefined;
}

/**
 * The outcome of one attempt.
 */
export type ReportRequest = {
    /**
     * @description The lease of the attempt, as the claim gave it.
     * @example lease_01m81y5hxdfwy87v7akx98zqk9_1_5f2c9a7e10b3d846c1d07e92b45a386f
     */
    lease: string;
    /**
     * @description The attempt succeeded.
     * @example true
     * @constant
     */
    ok: true;
    /**
     * @description What the attempt gave: any JSON value of at most 256 KiB as JSON text. Left out: null.
     * @example {
     *       "sent": true
     *     }
     */
    result?: unknown;
    /**
     * @description Jobs to be accepted together with the success, or not at all: at most 100. Needs the scope `submit` too. Left out: none.
     * @example [
     *       {
     *         "payload": {
     *           "order": 991
     *         }
     *       }
     *     ]
     */
    spawn?: SubmitRequest[] | undefined;
} | {
    /**
     * @description The lease of the attempt, as the claim gave it.
     * @example lease_01m81y5hxdfwy87v7akx98zqk9_1_5f2c9a7e10b3d846c1d07e92b45a386f
     */
    lease: string;
    /**
     * @description The attempt failed.
     * @example false
     * @constant
     */
    ok: false;
    /**
     * @description Why the attempt failed.
     * @example {
     *       "code": "smtp",
     *       "message": "timeout after 30 s",
     *       "retryable": true
     *     }
     */
    error: ErrorReport;
    /**
     * @description How many seconds to wait before the next attempt, beyond the policy's `maxDelay` too: at most 86,400. The job never waits for less than by its policy, and where that has jitter some is added. Left out: as the policy has it.
     * @example 60
     */
    retryAfter?: number | undefined;
} | {
    /**
     * @description The lease of the attempt, as the claim gave it.
     * @example lease_01m81y5hxdfwy87v7akx98zqk9_1_5f2c9a7e10b3d846c1d07e92b45a386f
     */
    lease: string;
    /**
     * @description Neither: the worker gives the job back, and no attempt is spent.
     * @example null
     * @constant
     */
    ok: null;
    /**
     * @description How many seconds from now the job may start again: at most 86,400. Left out: at once.
     * @example 30
     */
    delay?: number | undefined;
    /**
     * @description Why the worker gives it back: up to 4 KiB. The job shows it as the message of its `error`. Left out: it says that its worker gave it back.
     * @example the database of this host is being moved
     */
    reason?: string | undefined;
};

/**
 * Outcomes of attempts, and the next claim in the same call.
 */
export interface ReportsRequest {
    /** @description The outcomes: at most 100. */
    reports: ReportRequest[];
    /**
     * @description The next claim, made after the reports. Left out: nothing is claimed.
     * @example {
     *       "queue": "emails",
     *       "max": 10
     *     }
     */
    claim?: {
        /**
         * @description The name of the queue to claim from.
         * @example emails
         */
        queue: string;
        /**
         * @description Whether the worker says of each job that it has begun it, by a heartbeat, progress or a report before the lease ends. Of those of which it says nothing no attempt is spent when it is lost, twice in a row at most. Left out: false, until a job of the same claim was begun.
         * @default false
         * @example true
         */
        begins?: boolean | undefined;
        /**
         * @description The most jobs to claim: 1 to 100. Left out: 10.
         * @default 10
         * @example 10
         */
        max?: number | undefined;
        /**
         * @description How many seconds to wait for a job when there is none: at most 60. Left out: 0.
         * @default 0
         * @example 20
         */
        wait?: number | undefined;
        /**
         * @description How many seconds the lease lasts unless it is extended: 1 to 86,400. It never lasts beyond the job's timeout. Left out: the job's timeout.
         * @example 30
         */
        leaseSeconds?: number | undefined;
        /**
         * @description What the worker calls itself, a host or a process: attempts show it. Left out: they show none.
         * @example host-1
         */
        worker?: string | undefined;
        /**
         * @description What the jobs come with beside what they always have: `attempts`, all of their attempts that are kept. Left out: each job has the attempt that begins and the one before it.
         * @example [
         *       "attempts"
         *     ]
         */
        include?: "attempts"[] | undefined;
    } | undefined;
}

/**
 * Why an attempt failed, in the words of the worker.
 */
export interface ErrorReport {
    /**
     * @description What kind of failure it was, for programs: filters and statistics go by it. At most 128 bytes.
     * @example smtp
     */
    code: string;
    /**
     * @description What happened, for people: at most 4 KiB. Left out: empty.
     * @default
     * @example timeout after 30 s
     */
    message?: string | undefined;
    /**
     * @description Whether another attempt may follow: false makes the failure final, whatever the retry policy says. Left out: true.
     * @default true
     * @example true
     */
    retryable?: boolean | undefined;
}

/**
 * One success.
 */
export interface SucceedRequest {
    /**
     * @description What the attempt gave: any JSON value of at most 256 KiB as JSON text. Left out: null.
     * @example {
     *       "sent": true
     *     }
     */
    result?: unknown;
    /**
     * @description Jobs to be accepted together with the success, or not at all: at most 100. Needs the scope `submit` too. Left out: none.
     * @example [
     *       {
     *         "payload": {
     *           "order": 991
     *         }
     *       }
     *     ]
     */
    spawn?: SubmitRequest[] | undefined;
}

/**
 * One failure.
 */
export interface FailRequest {
    /**
     * @description Why the attempt failed.
     * @example {
     *       "code": "smtp",
     *       "message": "timeout after 30 s",
     *       "retryable": true
     *     }
     */
    error: ErrorReport;
    /**
     * @description How many seconds to wait before the next attempt, beyond the policy's `maxDelay` too: at most 86,400. The job never waits for less than by its policy, and where that has jitter some is added. Left out: as the policy has it.
     * @example 60
     */
    retryAfter?: number | undefined;
}

/**
 * A heartbeat, and what the worker has to say with it. What is left out stays as it was.
 */
export interface ExtendRequest {
    /**
     * @description How many seconds the lease lasts unless it is extended: 1 to 86,400. It never lasts beyond the job's timeout. Left out: the job's timeout.
     * @example 30
     */
    leaseSeconds?: number | undefined;
    /**
     * @description How far the job is. Left out: as it was.
     * @example {
     *       "percent": 41.5,
     *       "message": "frame 830 of 2000"
     *     }
     */
    progress?: {
        /**
         * @description How far the job is, in percent: 0 to 100.
         * @example 41.5
         */
        percent?: number | undefined;
        /**
         * @description What the worker is at, for people: at most 1 KiB.
         * @example frame 830 of 2000
         */
        message?: string | undefined;
    } | undefined;
    /**
     * @description What the next attempt is to go on from: any JSON value of at most 64 KiB as JSON text. Null forgets the last one. Left out: as it was.
     * @example {
     *       "frame": 830
     *     }
     */
    checkpoint?: unknown;
}

/**
 * One success, and the lease of its attempt.
 */
export interface SucceedLeaseRequest {
    /**
     * @description The lease of the attempt, as the claim gave it.
     * @example lease_01m81y5hxdfwy87v7akx98zqk9_1_5f2c9a7e10b3d846c1d07e92b45a386f
     */
    lease: string;
    /**
     * @description What the attempt gave: any JSON value of at most 256 KiB as JSON text. Left out: null.
     * @example {
     *       "sent": true
     *     }
     */
    result?: unknown;
    /**
     * @description Jobs to be accepted together with the success, or not at all: at most 100. Needs the scope `submit` too. Left out: none.
     * @example [
     *       {
     *         "payload": {
     *           "order": 991
     *         }
     *       }
     *     ]
     */
    spawn?: SubmitRequest[] | undefined;
}

/**
 * One failure, and the lease of its attempt.
 */
export interface FailLeaseRequest {
    /**
     * @description The lease of the attempt, as the claim gave it.
     * @example lease_01m81y5hxdfwy87v7akx98zqk9_1_5f2c9a7e10b3d846c1d07e92b45a386f
     */
    lease: string;
    /**
     * @description Why the attempt failed.
     * @example {
     *       "code": "smtp",
     *       "message": "timeout after 30 s",
     *       "retryable": true
     *     }
     */
    error: ErrorReport;
    /**
     * @description How many seconds to wait before the next attempt, beyond the policy's `maxDelay` too: at most 86,400. The job never waits for less than by its policy, and where that has jitter some is added. Left out: as the policy has it.
     * @example 60
     */
    retryAfter?: number | undefined;
}

/**
 * A heartbeat and its lease, and what the worker has to say with it. What is left out stays as it was.
 */
export interface ExtendLeaseRequest {
    /**
     * @description The lease of the attempt, as the claim gave it.
     * @example lease_01m81y5hxdfwy87v7akx98zqk9_1_5f2c9a7e10b3d846c1d07e92b45a386f
     */
    lease: string;
    /**
     * @description How many seconds the lease lasts unless it is extended: 1 to 86,400. It never lasts beyond the job's timeout. Left out: the job's timeout.
     * @example 30
     */
    leaseSeconds?: number | undefined;
    /**
     * @description How far the job is. Left out: as it was.
     * @example {
     *       "percent": 41.5,
     *       "message": "frame 830 of 2000"
     *     }
     */
    progress?: {
        /**
         * @description How far the job is, in percent: 0 to 100.
         * @example 41.5
         */
        percent?: number | undefined;
        /**
         * @description What the worker is at, for people: at most 1 KiB.
         * @example frame 830 of 2000
         */
        message?: string | undefined;
    } | undefined;
    /**
     * @description What the next attempt is to go on from: any JSON value of at most 64 KiB as JSON text. Null forgets the last one. Left out: as it was.
     * @example {
     *       "frame": 830
     *     }
     */
    checkpoint?: unknown;
}

/**
 * A job that its worker gives back.
 */
export interface ReleaseRequest {
    /**
     * @description How many seconds from now the job may start again: at most 86,400. Left out: at once.
     * @example 30
     */
    delay?: number | undefined;
    /**
     * @description Why the worker gives it back: up to 4 KiB. The job shows it as the message of its `error`. Left out: it says that its worker gave it back.
     * @example the database of this host is being moved
     */
    reason?: string | undefined;
}

/**
 * A job that its worker gives back, by its lease.
 */
export interface ReleaseLeaseRequest {
    /**
     * @description The lease of the attempt, as the claim gave it.
     * @example lease_01m81y5hxdfwy87v7akx98zqk9_1_5f2c9a7e10b3d846c1d07e92b45a386f
     */
    lease: string;
    /**
     * @description How many seconds from now the job may start again: at most 86,400. Left out: at once.
     * @example 30
     */
    delay?: number | undefined;
    /**
     * @description Why the worker gives it back: up to 4 KiB. The job shows it as the message of its `error`. Left out: it says that its worker gave it back.
     * @example the database of this host is being moved
     */
    reason?: string | undefined;
}

/**
 * An API key to be made.
 */
export interface KeyRequest {
    /**
     * @description What people call the key. It need not be unique.
     * @example CI of the shop
     * @example ci
     */
    name: string;
    /**
     * @description What the key may do: `submit` and cancel jobs; `read` jobs, queues and what else there is; `work`, to claim and report; `invoke`, to send requests to services; `admin`, which implies these and may change queues, keys and all else; `metrics`, to read the counters of the whole deployment. Each once. A key can give no scope that it does not have; `metrics` the root key alone can give.
     * @example [
     *       "submit",
     *       "read"
     *     ]
     */
    scopes: ("submit" | "read" | "work" | "invoke" | "admin" | "metrics")[];
    /**
     * @description The namespace that the key is for, which only the root key may name. Left out: that of the key that makes it.
     * @example acme
     */
    namespace?: string | undefined;
    /**
     * Format: date-time
     * @description When the key stops working: not after the key that makes it does. Left out: when that one does, or never.
     * @example 2026-12-01T00:00:00Z
     */
    expiresAt?: string | undefined;
}

/**
 * A namespace. An empty body or `{}` creates one with the defaults, and leaves one that exists as it is.
 */
export interface NamespaceRequest {
    /**
     * @description What the namespace may have. Left out: the defaults, or what the namespace has that exists.
     * @example {
     *       "unfinishedJobs": 100000
     *     }
     */
    limits?: {
        /**
         * @description Bytes that its jobs may take in shards, finished ones that are still there among them. Each shard has its share of it, by the slots that it owns. Null: no limit. Left out: 21,474,836,480.
         * @example 21474836480
         */
        bytes?: (number | null) | undefined;
        /**
         * @description Jobs that are scheduled, queued or running. Each shard has its share of it, by the slots that it owns, but at least one job. Null: no limit. Left out: 10,000,000.
         * @example 10000000
         */
        unfinishedJobs?: (number | null) | undefined;
        /**
         * @description Schedules that it may have. Left out: 10,000.
         * @example 10000
         */
        schedules?: number | undefined;
        /**
         * @description Queues that it may have, `default` among them where it was written. Left out: 10,000.
         * @example 10000
         */
        queues?: number | undefined;
        /**
         * @description API keys that it may have, without revoked and expired ones. Left out: 1,000.
         * @example 1000
         */
        keys?: number | undefined;
        /**
         * @description Subscriptions that it may have. Left out: 100.
         * @example 100
         */
        subscriptions?: number | undefined;
        /**
         * @description Services that it may have. Left out: 100.
         * @example 100
         */
        services?: number | undefined;
        /**
         * @description Fires of its schedules in a second: more wait. Each shard has its share of it, by the slots that it owns, but at least one. Null: no limit. Left out: 100.
         * @example 100
         */
        firesPerSecond?: (number | null) | undefined;
        /**
         * @description How many successes deep jobs may bring jobs: 0 forbids it, 1 allows it to submitted jobs alone. Left out: 32.
         * @example 32
         */
        spawnDepth?: number | undefined;
        /**
         * @description Units of requests that all its keys may spend together in 10 s: a request takes one, a list up to ten. Requests beyond it are refused (429). The root key's are not counted. Null: no limit. Left out: 100,000.
         * @example 100000
         */
        rateLimit?: (number | null) | undefined;
    } | undefined;
}

/**
 * Changes of a namespace's limits, as a JSON merge patch (RFC 7396): what it does not name stays. Null puts a member back to its default, and takes away one that has none. Null is a value like any other of `limits.bytes`, `limits.unfinishedJobs`, `limits.firesPerSecond`, `limits.rateLimit`.
 */
export interface NamespacePatch {
    /**
     * @description What the namespace may have. Left out: the defaults, or what the namespace has that exists.
     * @example {
     *       "unfinishedJobs": 100000
     *     }
     */
    limits?: ({
        /**
         * @description Bytes that its jobs may take in shards, finished ones that are still there among them. Each shard has its share of it, by the slots that it owns. Null: no limit. Left out: 21,474,836,480.
         * @example 21474836480
         */
        bytes?: (number | null) | undefined;
        /**
         * @description Jobs that are scheduled, queued or running. Each shard has its share of it, by the slots that it owns, but at least one job. Null: no limit. Left out: 10,000,000.
         * @example 10000000
         */
        unfinishedJobs?: (number | null) | undefined;
        /**
         * @description Schedules that it may have. Left out: 10,000.
         * @example 10000
         */
        schedules?: (number | null) | undefined;
        /**
         * @description Queues that it may have, `default` among them where it was written. Left out: 10,000.
         * @example 10000
         */
        queues?: (number | null) | undefined;
        /**
         * @description API keys that it may have, without revoked and expired ones. Left out: 1,000.
         * @example 1000
         */
        keys?: (number | null) | undefined;
        /**
         * @description Subscriptions that it may have. Left out: 100.
         * @example 100
         */
        subscriptions?: (number | null) | undefined;
        /**
         * @description Services that it may have. Left out: 100.
         * @example 100
         */
        services?: (number | null) | undefined;
        /**
         * @description Fires of its schedules in a second: more wait. Each shard has its share of it, by the slots that it owns, but at least one. Null: no limit. Left out: 100.
         * @example 100
         */
        firesPerSecond?: (number | null) | undefined;
        /**
         * @description How many successes deep jobs may bring jobs: 0 forbids it, 1 allows it to submitted jobs alone. Left out: 32.
         * @example 32
         */
        spawnDepth?: (number | null) | undefined;
        /**
         * @description Units of requests that all its keys may spend together in 10 s: a request takes one, a list up to ten. Requests beyond it are refused (429). The root key's are not counted. Null: no limit. Left out: 100,000.
         * @example 100000
         */
        rateLimit?: (number | null) | undefined;
    } | null) | undefined;
}

/**
 * A schedule, all of it: what is left out gets its default, but `paused` of one that exists stays. It goes by `cron` or by `every`.
 */
export interface ScheduleRequest {
    /**
     * @description When the schedule fires: minute, hour, day of month, month and day of week, with seconds in front where there are six fields; or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. Either this or `every`.
     * @example 30 2 * * *
     */
    cron?: string | undefined;
    /**
     * @description The schedule fires every so many seconds, counted in real time from `start`, or from when it was created: 1 to 31,622,400. Either this or `cron`.
     * @example 5400
     */
    every?: number | undefined;
    /**
     * Format: date-time
     * @description No instant lies before this one, and `every` counts from it: it is the first instant then. Left out: there is no such limit.
     * @example 2026-12-01T06:00:00Z
     */
    start?: string | undefined;
    /**
     * Format: date-time
     * @description No instant lies after this one. When the last is over the schedule has ended, and stays. Left out: it goes on for ever.
     * @example 2027-12-01T06:00:00Z
     */
    end?: string | undefined;
    /**
     * @description The time zone that `cron` is read in, by its name in the IANA database. It means nothing to `every`. Left out: UTC.
     * @example Europe/Berlin
     */
    timezone?: string | undefined;
    /**
     * @description The job that every fire makes.
     * @example {
     *       "queue": "default",
     *       "payload": {
     *         "kind": "daily"
     *       }
     *     }
     */
    job: ScheduledJobRequest;
    /**
     * @description What a fire does while the job of the fire before is not final: `allow` runs the new job beside it, `skip` makes none, `queue` runs them one after the other. Left out: `allow`.
     * @example skip
     * @enum {string}
     */
    overlap?: ("allow" | "skip" | "queue") | undefined;
    /**
     * @description What becomes of instants that could not fire in time. Left out: the last instant that is due fires, however late, until the next one is due; those before it are missed.
     * @example {
     *       "window": 3600
     *     }
     */
    catchUp?: {
        /**
         * @description How many seconds late an instant may still fire; after that it is missed: 10 to 2,592,000. Null or left out: the last instant that is due fires, however late, until the next one is due; those before it are missed.
         * @example 3600
         */
        window?: (number | null) | undefined;
    } | undefined;
    /**
     * @description A job's run-at lies 0 to this many seconds after its instant, so that many schedules do not fire at once: at most 86,400. Left out: 0.
     * @example 10
     */
    jitter?: number | undefined;
    /**
     * @description Whether the schedule does not fire. Left out: false, or as the schedule that exists has it.
     * @example false
     */
    paused?: boolean | undefined;
}

/**
 * Changes of a schedule, as a JSON merge patch (RFC 7396): what it does not name stays. Null puts a member back to its default, and takes away one that has none. Null is a value like any other of `job.payload`, `catchUp.window`.
 */
export interface SchedulePatch {
    /**
     * @description When the schedule fires: minute, hour, day of month, month and day of week, with seconds in front where there are six fields; or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. Either this or `every`.
     * @example 30 2 * * *
     */
    cron?: (string | null) | undefined;
    /**
     * @description The schedule fires every so many seconds, counted in real time from `start`, or from when it was created: 1 to 31,622,400. Either this or `cron`.
     * @example 5400
     */
    every?: (number | null) | undefined;
    /**
     * @description No instant lies before this one, and `every` counts from it: it is the first instant then. Left out: there is no such limit.
     * @example 2026-12-01T06:00:00Z
     */
    start?: (string | null) | undefined;
    /**
     * @description No instant lies after this one. When the last is over the schedule has ended, and stays. Left out: it goes on for ever.
     * @example 2027-12-01T06:00:00Z
     */
    end?: (string | null) | undefined;
    /**
     * @description The time zone that `cron` is read in, by its name in the IANA database. It means nothing to `every`. Left out: UTC.
     * @example Europe/Berlin
     */
    timezone?: (string | null) | undefined;
    /**
     * @description The job that every fire makes.
     * @example {
     *       "queue": "default",
     *       "payload": {
     *         "kind": "daily"
     *       }
     *     }
     */
    job?: ({
        /**
         * @description The name of the queue, which has to exist. Left out: `default`.
         * @example emails
         */
        queue?: (string | null) | undefined;
        /**
         * @description The input of the job: any JSON value, null too, of at most 256 KiB as the text that is sent, which is kept as it is.
         * @example {
         *       "to": "a@b.example"
         *     }
         */
        payload?: unknown;
        /**
         * @description Jobs of one queue and ordering key run one at a time, in the order of their acceptance. 1 to 256 bytes. Left out: the job is in no order.
         * @example user-42
         */
        orderingKey?: (string | null) | undefined;
        /**
         * @description Whose limits the job counts under, where its queue has `perKeyConcurrency` or `perKeyRate`. 1 to 256 bytes. Left out: no limit of a key holds it.
         * @example customer-7
         */
        concurrencyKey?: (string | null) | undefined;
        /**
         * @description From 0 to 9; the higher goes first. Left out: 4.
         * @example 5
         */
        priority?: (number | null) | undefined;
        /**
         * @description How many seconds one attempt may take: at most 900, or 86,400 in a queue whose target is of type `pull`, or of type `http` with `async`. Left out: as the queue has it.
         * @example 60
         */
        timeout?: (number | null) | undefined;
        /**
         * @description How failed attempts are tried again, laid over the queue's policy. Left out: as the queue has it.
         * @example {
         *       "maxAttempts": 12,
         *       "backoff": "exponential",
         *       "delay": 10,
         *       "maxDelay": 3600,
         *       "jitter": "half"
         *     }
         */
        retry?: ({
            /**
             * @description The most attempts of a job, the first one included, counted from its acceptance or its last redrive: 1 to 100. Left out: as in the policy that this is laid over; in a queue's own policy 12.
             * @example 12
             */
            maxAttempts?: (number | null) | undefined;
            /**
             * @description How the wait grows from one failed attempt to the next: `exponential` doubles it, `linear` adds the first wait each time, `constant` leaves it. Left out: as in the policy that this is laid over; in a queue's own policy `exponential`.
             * @example exponential
             */
            backoff?: (("exponential" | "linear" | "constant") | null) | undefined;
            /**
             * @description How many seconds to wait after the first failed attempt: at most 31,622,400, fractions allowed. Left out: as in the policy that this is laid over; in a queue's own policy 10.
             * @example 10
             */
            delay?: (number | null) | undefined;
            /**
             * @description The longest wait between two attempts, in seconds, however much it grows: at most 31,622,400. Left out: as in the policy that this is laid over; in a queue's own policy 3,600.
             * @example 3600
             */
            maxDelay?: (number | null) | undefined;
            /**
             * @description What chance does to a wait, so that jobs do not come back all at once: `full` makes it any time from none to the whole wait, `half` any from half of it to all of it, `none` leaves it. Left out: as in the policy that this is laid over; in a queue's own policy `half`.
             * @example half
             */
            jitter?: (("full" | "half" | "none") | null) | undefined;
        } | null) | undefined;
        /**
         * @description Words to find the job by: at most 10, each of 1 to 64 bytes. Left out: none.
         * @example [
         *       "welcome"
         *     ]
         */
        tags?: (string[] | null) | undefined;
        /**
         * @description How many seconds after its run-at the job has to have started; after that it fails: at most 31,622,400. Left out: it waits without end.
         * @example 3600
         */
        expiresAfter?: (number | null) | undefined;
    } | null) | undefined;
    /**
     * @description What a fire does while the job of the fire before is not final: `allow` runs the new job beside it, `skip` makes none, `queue` runs them one after the other. Left out: `allow`.
     * @example skip
     */
    overlap?: (("allow" | "skip" | "queue") | null) | undefined;
    /**
     * @description What becomes of instants that could not fire in time. Left out: the last instant that is due fires, however late, until the next one is due; those before it are missed.
     * @example {
     *       "window": 3600
     *     }
     */
    catchUp?: ({
        /**
         * @description How many seconds late an instant may still fire; after that it is missed: 10 to 2,592,000. Null or left out: the last instant that is due fires, however late, until the next one is due; those before it are missed.
         * @example 3600
         */
        window?: (number | null) | undefined;
    } | null) | undefined;
    /**
     * @description A job's run-at lies 0 to this many seconds after its instant, so that many schedules do not fire at once: at most 86,400. Left out: 0.
     * @example 10
     */
    jitter?: (number | null) | undefined;
    /**
     * @description Whether the schedule does not fire. Left out: false, or as the schedule that exists has it.
     * @example false
     */
    paused?: (boolean | null) | undefined;
}

/**
 * The job that every fire makes, as a submission has it; its times count from the fire.
 */
export interface ScheduledJobRequest {
    /**
     * @description The name of the queue, which has to exist. Left out: `default`.
     * @example emails
     */
    queue?: string | undefined;
    /**
     * @description The input of the job: any JSON value, null too, of at most 256 KiB as the text that is sent, which is kept as it is.
     * @example {
     *       "to": "a@b.example"
     *     }
     */
    payload: unknown;
    /**
     * @description Jobs of one queue and ordering key run one at a time, in the order of their acceptance. 1 to 256 bytes. Left out: the job is in no order.
     * @example user-42
     */
    orderingKey?: string | undefined;
    /**
     * @description Whose limits the job counts under, where its queue has `perKeyConcurrency` or `perKeyRate`. 1 to 256 bytes. Left out: no limit of a key holds it.
     * @example customer-7
     */
    concurrencyKey?: string | undefined;
    /**
     * @description From 0 to 9; the higher goes first. Left out: 4.
     * @example 5
     */
    priority?: number | undefined;
    /**
     * @description How many seconds one attempt may take: at most 900, or 86,400 in a queue whose target is of type `pull`, or of type `http` with `async`. Left out: as the queue has it.
     * @example 60
     */
    timeout?: number | undefined;
    /** @description How failed attempts are tried again, laid over the queue's policy. Left out: as the queue has it. */
    retry?: RetryOverrides | undefined;
    /**
     * @description Words to find the job by: at most 10, each of 1 to 64 bytes. Left out: none.
     * @example [
     *       "welcome"
     *     ]
     */
    tags?: string[] | undefined;
    /**
     * @description How many seconds after its run-at the job has to have started; after that it fails: at most 31,622,400. Left out: it waits without end.
     * @example 3600
     */
    expiresAfter?: number | undefined;
}

/**
 * A subscription, all of it: what is left out gets its default, but `paused` of one that exists stays.
 */
export interface SubscriptionRequest {
    /**
     * @description The changes to be told of, each once. `job.accepted`: it is committed and will run; `job.started`: an attempt has begun; `job.retrying`: an attempt has failed and another follows; `job.succeeded`; `job.failed`: for good; `job.cancelled`; `job.redriven`: it is back in line after it was final. `schedule.missed`: instants of a schedule made no job, because they could not be looked at in time.
     * @example [
     *       "job.succeeded",
     *       "job.failed"
     *     ]
     */
    events: ("job.accepted" | "job.started" | "job.retrying" | "job.succeeded" | "job.failed" | "job.cancelled" | "job.redriven" | "schedule.missed")[];
    /**
     * @description Which jobs, and schedules by the jobs that they make: those that are all that is named. Left out: all of the namespace.
     * @example {
     *       "queue": "orders"
     *     }
     */
    filter?: {
        /**
         * @description Only jobs of this queue, which need not exist yet. Left out: of any.
         * @example orders
         */
        queue?: string | undefined;
        /**
         * @description Only jobs with this tag. Left out: with any or none.
         * @example welcome
         */
        tag?: string | undefined;
    } | undefined;
    /**
     * @description Where events go: by POST to a URL, or into a Cloudflare Queue.
     * @example {
     *       "type": "http",
     *       "url": "https://example.com/hook"
     *     }
     */
    target: {
        /**
         * @description `http`: what is sent goes to a URL by POST.
         * @example http
         * @constant
         */
        type: "http";
        /**
         * Format: uri
         * @description Where to send. Private, loopback and link-local addresses, and ports below 1024 other than 80 and 443, are refused unless the deployment allows them; hosts of the platform itself, and those that are not on the deployment's list where it has one, always. An http or https URL of at most 2 KiB. A user name, a password, the values of the query and the fragment are encrypted and shown as `***`, the path is not; the URL as it is shown keeps what is there.
         * @example https://example.com/hook
         */
        url: string;
        /**
         * @description Headers to send beside Dure's own, which none of them may replace. Headers of the connection, and those by which proxies tell for whom they forward, cannot be set. Values are encrypted where they are kept and never shown; `***` keeps the one that is there, as long as scheme, host and port of the URL stay. At most 32. Left out: none.
         * @default {}
         * @example {
         *       "x-token": "s3cret"
         *     }
         */
        headers?: {
            [key: string]: string;
        } | undefined;
    } | {
        /**
         * @description `queue`: events go into a Cloudflare Queue.
         * @example queue
         * @constant
         */
        type: "queue";
        /**
         * @description The producer binding of the Queue in the processor's wrangler.toml.
         * @example OUT
         */
        binding: string;
    };
    /**
     * @description Whether events are collected and not delivered. Left out: false, or as the subscription that exists has it.
     * @example false
     */
    paused?: boolean | undefined;
}

/**
 * Changes of a subscription, as a JSON merge patch (RFC 7396): what it does not name stays. Null puts a member back to its default, and takes away one that has none. Of another `type`, `target` is replaced whole.
 */
export interface SubscriptionPatch {
    /**
     * @description The changes to be told of, each once. `job.accepted`: it is committed and will run; `job.started`: an attempt has begun; `job.retrying`: an attempt has failed and another follows; `job.succeeded`; `job.failed`: for good; `job.cancelled`; `job.redriven`: it is back in line after it was final. `schedule.missed`: instants of a schedule made no job, because they could not be looked at in time.
     * @example [
     *       "job.succeeded",
     *       "job.failed"
     *     ]
     */
    events?: (("job.accepted" | "job.started" | "job.retrying" | "job.succeeded" | "job.failed" | "job.cancelled" | "job.redriven" | "schedule.missed")[] | null) | undefined;
    /**
     * @description Which jobs, and schedules by the jobs that they make: those that are all that is named. Left out: all of the namespace.
     * @example {
     *       "queue": "orders"
     *     }
     */
    filter?: ({
        /**
         * @description Only jobs of this queue, which need not exist yet. Left out: of any.
         * @example orders
         */
        queue?: (string | null) | undefined;
        /**
         * @description Only jobs with this tag. Left out: with any or none.
         * @example welcome
         */
        tag?: (string | null) | undefined;
    } | null) | undefined;
    /**
     * @description Where events go: by POST to a URL, or into a Cloudflare Queue.
     * @example {
     *       "type": "http",
     *       "url": "https://example.com/hook"
     *     }
     */
    target?: ({
        /**
         * @description The kind. Of another kind, all other members are those of the patch alone.
         * @example http
         */
        type?: (("http" | "queue") | null) | undefined;
        /**
         * @description Where to send. Private, loopback and link-local addresses, and ports below 1024 other than 80 and 443, are refused unless the deployment allows them; hosts of the platform itself, and those that are not on the deployment's list where it has one, always. An http or https URL of at most 2 KiB. A user name, a password, the values of the query and the fragment are encrypted and shown as `***`, the path is not; the URL as it is shown keeps what is there.
         * @example https://example.com/hook
         */
        url?: (string | null) | undefined;
        /**
         * @description Headers to send beside Dure's own, which none of them may replace. Headers of the connection, and those by which proxies tell for whom they forward, cannot be set. Values are encrypted where they are kept and never shown; `***` keeps the one that is there, as long as scheme, host and port of the URL stay. At most 32. Left out: none.
         * @example {
         *       "x-token": "s3cret"
         *     }
         */
        headers?: ({
            [key: string]: string | null;
        } | null) | undefined;
        /**
         * @description The producer binding of the Queue in the processor's wrangler.toml.
         * @example OUT
         */
        binding?: (string | null) | undefined;
    } | null) | undefined;
    /**
     * @description Whether events are collected and not delivered. Left out: false, or as the subscription that exists has it.
     * @example false
     */
    paused?: (boolean | null) | undefined;
}

/**
 * A service, all of it: what is left out gets its default.
 */
export interface ServiceRequest {
    /**
     * @description The instances of the service: 1 to 64, each once.
     * @example [
     *       {
     *         "url": "https://mail-1.example.com"
     *       },
     *       {
     *         "url": "https://mail-2.example.com",
     *         "weight": 2
     *       }
     *     ]
     */
    instances: {
        /**
         * Format: uri
         * @description Where the instance is: scheme, host, port, and perhaps a path that all requests to it begin with. It names the instance. It is an http or https URL of at most 2 KiB, without user name, password, query, fragment, spaces and control characters.
         * @example https://mail-1.example.com
         */
        url: string;
        /**
         * @description The instance's part of the work beside that of others: 1 to 100. Left out: 1.
         * @example 2
         */
        weight?: number | undefined;
        /**
         * @description Where the instance runs, in words of your own: at most 64 bytes. Left out: it is not said.
         * @example eu-1
         */
        zone?: string | undefined;
    }[];
    /**
     * @description How an instance is chosen among those that may be asked. `p2c`: of two at random the one that is quicker and has less under way; `roundRobin`: in turn, by weight; `leastRequests`: of two at random the one with less under way; `hash`: jobs of one ordering key go to one instance, as long as that is not far busier than the others. Left out: `p2c`.
     * @example p2c
     * @enum {string}
     */
    strategy?: ("p2c" | "roundRobin" | "leastRequests" | "hash") | undefined;
    /** @description A request that is made of each instance now and then, while the service is in use. One that fails it is not asked until it passes again. Null, or left out: no checks. */
    healthCheck?: ({
        /**
         * @description What is asked for, by GET, behind the URL of the instance. It begins with a slash, and has no segment of two dots, no fragment, no spaces and no other characters than those of a URL.
         * @example /healthz
         */
        path: string;
        /**
         * @description How many seconds lie between two checks of an instance: 1 to 3,600. Left out: 10.
         * @example 10
         */
        interval?: number | undefined;
        /**
         * @description How many seconds the answer may take: 0.1 to 30. Left out: 5.
         * @example 5
         */
        timeout?: number | undefined;
        /**
         * @description How many checks in a row make an instance healthy that was not: 1 to 100. Left out: 2.
         * @example 2
         */
        healthyThreshold?: number | undefined;
        /**
         * @description How many failed checks in a row make an instance unhealthy: 1 to 100. Left out: 3.
         * @example 3
         */
        unhealthyThreshold?: number | undefined;
        /**
         * @description The statuses of a healthy instance. Redirects are not followed. Left out: 200 to 299.
         * @example {
         *       "from": 200,
         *       "to": 299
         *     }
         */
        expect?: {
            /**
             * @description The lowest status of a healthy instance: 100 to 599.
             * @example 200
             */
            from: number;
            /**
             * @description The highest one, not below `from`.
             * @example 299
             */
            to: number;
        } | undefined;
    } | null) | undefined;
    /** @description Takes an instance out for a while that fails what it is asked: a 5xx, a timeout, or no connection. It is longer each time in a row. Null: off. Left out: on, with its defaults. */
    outlier?: ({
        /**
         * @description How many failures in a row take an instance out: 1 to 1,000. Left out: 5.
         * @example 5
         */
        consecutiveFailures?: number | undefined;
        /**
         * @description How many seconds it is out the first time, and as many more each time in a row, 300 at most: 0.1 to 3,600. Left out: 30.
         * @example 30
         */
        baseEjection?: number | undefined;
        /**
         * @description How many percent of the instances may be out at once. At least one may: 0 to 100. Left out: 10.
         * @example 50
         */
        maxEjectedPercent?: number | undefined;
    } | null) | undefined;
    /** @description Gives the whole service a rest when too much of it fails: nothing is sent for a while, then a few probes, which end the rest or begin it again. Null: off. Left out: on, with its defaults. */
    breaker?: ({
        /**
         * @description The part of failures from which on it opens, above 0 and at most 1. Left out: 0.5.
         * @example 0.5
         */
        failureRate?: number | undefined;
        /**
         * @description With fewer requests in the window it stays closed: 1 to 1,000,000. Left out: 20.
         * @example 20
         */
        minRequests?: number | undefined;
        /**
         * @description How many seconds it looks back: 1 to 3,600. Left out: 10.
         * @example 10
         */
        window?: number | undefined;
        /**
         * @description How many seconds nothing is sent: 0.1 to 3,600. Left out: 30.
         * @example 30
         */
        openFor?: number | undefined;
        /**
         * @description How many requests are sent then. As many successes end the rest, one failure begins it again: 1 to 1,000. Left out: 5.
         * @example 5
         */
        halfOpenProbes?: number | undefined;
    } | null) | undefined;
    /** @description What may be under way at the service at once, so that it is not overrun and takes nobody else's room. Null: no limit. Left out: its defaults. */
    bulkhead?: ({
        /**
         * @description The most jobs under way at once, exactly and over all processors. Requests of the proxy have the same limit, shared out among the isolates that send them, so that it may be passed for a moment: 1 to 100,000. Left out: 1,024.
         * @example 20
         */
        maxInFlight?: number | undefined;
        /**
         * @description The most requests of the proxy that wait for room in one isolate. One more is refused with 503: 0 to 10,000. Left out: 1,024.
         * @example 100
         */
        maxWaiting?: number | undefined;
    } | null) | undefined;
    /**
     * @description How many seconds one request may take in all. A job's own timeout holds where it is shorter: 0.001 to 900. Left out: 60.
     * @example 60
     */
    timeout?: number | undefined;
    /**
     * @description How many seconds may pass until the headers of the answer come: 0.001 to 900. Left out: 30.
     * @example 30
     */
    firstByteTimeout?: number | undefined;
    /**
     * @description When the proxy sends a request again that failed, to another instance. Jobs are tried again by the policy of their queue. Left out: its defaults.
     * @example {
     *       "attempts": 2,
     *       "perTryTimeout": 5,
     *       "budgetPercent": 20
     *     }
     */
    retry?: {
        /**
         * @description How often a request is sent in all: 1 to 10. Left out: 2.
         * @example 2
         */
        attempts?: number | undefined;
        /**
         * @description How many seconds one of these may take. Null: as long as is left of `timeout`, which is also what it is when left out.
         * @example 5
         * @example null
         */
        perTryTimeout?: (number | null) | undefined;
        /**
         * @description How many percent of the requests of the last ten seconds may be sent again, so that retries do not bury a service that is down: 0 to 100. Left out: 20.
         * @example 20
         */
        budgetPercent?: number | undefined;
    } | undefined;
    /**
     * @description The most jobs that start in any window of a length. Null, or left out: no limit.
     * @example null
     */
    rate?: ({
        /**
         * @description The most starts in any window of `period` seconds, wherever the window begins: 1 to 1,000,000.
         * @example 100
         */
        limit: number;
        /**
         * @description The length of the window in seconds, fractions allowed: 0.001 to 86,400.
         * @example 1
         */
        period: number;
    } | null) | undefined;
}

/**
 * Changes of a service, as a JSON merge patch (RFC 7396): what it does not name stays. Null puts a member back to its default, and takes away one that has none. Null is a value like any other of `healthCheck`, `outlier`, `breaker`, `bulkhead`, `retry.perTryTimeout`, `rate`.
 */
export interface ServicePatch {
    /**
     * @description The instances of the service: 1 to 64, each once.
     * @example [
     *       {
     *         "url": "https://mail-1.example.com"
     *       },
     *       {
     *         "url": "https://mail-2.example.com",
     *         "weight": 2
     *       }
     *     ]
     */
    instances?: ({
        /**
         * Format: uri
         * @description Where the instance is: scheme, host, port, and perhaps a path that all requests to it begin with. It names the instance. It is an http or https URL of at most 2 KiB, without user name, password, query, fragment, spaces and control characters.
         * @example https://mail-1.example.com
         */
        url: string;
        /**
         * @description The instance's part of the work beside that of others: 1 to 100. Left out: 1.
         * @example 2
         */
        weight?: number | undefined;
        /**
         * @description Where the instance runs, in words of your own: at most 64 bytes. Left out: it is not said.
         * @example eu-1
         */
        zone?: string | undefined;
    }[] | null) | undefined;
    /**
     * @description How an instance is chosen among those that may be asked. `p2c`: of two at random the one that is quicker and has less under way; `roundRobin`: in turn, by weight; `leastRequests`: of two at random the one with less under way; `hash`: jobs of one ordering key go to one instance, as long as that is not far busier than the others. Left out: `p2c`.
     * @example p2c
     */
    strategy?: (("p2c" | "roundRobin" | "leastRequests" | "hash") | null) | undefined;
    /**
     * @description A request that is made of each instance now and then, while the service is in use. One that fails it is not asked until it passes again. Null, or left out: no checks.
     * @example {
     *       "path": "/healthz",
     *       "interval": 10,
     *       "timeout": 5,
     *       "healthyThreshold": 2,
     *       "unhealthyThreshold": 3,
     *       "expect": {
     *         "from": 200,
     *         "to": 299
     *       }
     *     }
     */
    healthCheck?: ({
        /**
         * @description What is asked for, by GET, behind the URL of the instance. It begins with a slash, and has no segment of two dots, no fragment, no spaces and no other characters than those of a URL.
         * @example /healthz
         */
        path?: (string | null) | undefined;
        /**
         * @description How many seconds lie between two checks of an instance: 1 to 3,600. Left out: 10.
         * @example 10
         */
        interval?: (number | null) | undefined;
        /**
         * @description How many seconds the answer may take: 0.1 to 30. Left out: 5.
         * @example 5
         */
        timeout?: (number | null) | undefined;
        /**
         * @description How many checks in a row make an instance healthy that was not: 1 to 100. Left out: 2.
         * @example 2
         */
        healthyThreshold?: (number | null) | undefined;
        /**
         * @description How many failed checks in a row make an instance unhealthy: 1 to 100. Left out: 3.
         * @example 3
         */
        unhealthyThreshold?: (number | null) | undefined;
        /**
         * @description The statuses of a healthy instance. Redirects are not followed. Left out: 200 to 299.
         * @example {
         *       "from": 200,
         *       "to": 299
         *     }
         */
        expect?: ({
            /**
             * @description The lowest status of a healthy instance: 100 to 599.
             * @example 200
             */
            from?: (number | null) | undefined;
            /**
             * @description The highest one, not below `from`.
             * @example 299
             */
            to?: (number | null) | undefined;
        } | null) | undefined;
    } | null) | undefined;
    /**
     * @description Takes an instance out for a while that fails what it is asked: a 5xx, a timeout, or no connection. It is longer each time in a row. Null: off. Left out: on, with its defaults.
     * @example {
     *       "consecutiveFailures": 5,
     *       "baseEjection": 30,
     *       "maxEjectedPercent": 50
     *     }
     */
    outlier?: ({
        /**
         * @description How many failures in a row take an instance out: 1 to 1,000. Left out: 5.
         * @example 5
         */
        consecutiveFailures?: (number | null) | undefined;
        /**
         * @description How many seconds it is out the first time, and as many more each time in a row, 300 at most: 0.1 to 3,600. Left out: 30.
         * @example 30
         */
        baseEjection?: (number | null) | undefined;
        /**
         * @description How many percent of the instances may be out at once. At least one may: 0 to 100. Left out: 10.
         * @example 50
         */
        maxEjectedPercent?: (number | null) | undefined;
    } | null) | undefined;
    /**
     * @description Gives the whole service a rest when too much of it fails: nothing is sent for a while, then a few probes, which end the rest or begin it again. Null: off. Left out: on, with its defaults.
     * @example {
     *       "failureRate": 0.5,
     *       "minRequests": 20,
     *       "window": 10,
     *       "openFor": 30,
     *       "halfOpenProbes": 5
     *     }
     */
    breaker?: ({
        /**
         * @description The part of failures from which on it opens, above 0 and at most 1. Left out: 0.5.
         * @example 0.5
         */
        failureRate?: (number | null) | undefined;
        /**
         * @description With fewer requests in the window it stays closed: 1 to 1,000,000. Left out: 20.
         * @example 20
         */
        minRequests?: (number | null) | undefined;
        /**
         * @description How many seconds it looks back: 1 to 3,600. Left out: 10.
         * @example 10
         */
        window?: (number | null) | undefined;
        /**
         * @description How many seconds nothing is sent: 0.1 to 3,600. Left out: 30.
         * @example 30
         */
        openFor?: (number | null) | undefined;
        /**
         * @description How many requests are sent then. As many successes end the rest, one failure begins it again: 1 to 1,000. Left out: 5.
         * @example 5
         */
        halfOpenProbes?: (number | null) | undefined;
    } | null) | undefined;
    /**
     * @description What may be under way at the service at once, so that it is not overrun and takes nobody else's room. Null: no limit. Left out: its defaults.
     * @example {
     *       "maxInFlight": 20,
     *       "maxWaiting": 100
     *     }
     */
    bulkhead?: ({
        /**
         * @description The most jobs under way at once, exactly and over all processors. Requests of the proxy have the same limit, shared out among the isolates that send them, so that it may be passed for a moment: 1 to 100,000. Left out: 1,024.
         * @example 20
         */
        maxInFlight?: (number | null) | undefined;
        /**
         * @description The most requests of the proxy that wait for room in one isolate. One more is refused with 503: 0 to 10,000. Left out: 1,024.
         * @example 100
         */
        maxWaiting?: (number | null) | undefined;
    } | null) | undefined;
    /**
     * @description How many seconds one request may take in all. A job's own timeout holds where it is shorter: 0.001 to 900. Left out: 60.
     * @example 60
     */
    timeout?: (number | null) | undefined;
    /**
     * @description How many seconds may pass until the headers of the answer come: 0.001 to 900. Left out: 30.
     * @example 30
     */
    firstByteTimeout?: (number | null) | undefined;
    /**
     * @description When the proxy sends a request again that failed, to another instance. Jobs are tried again by the policy of their queue. Left out: its defaults.
     * @example {
     *       "attempts": 2,
     *       "perTryTimeout": 5,
     *       "budgetPercent": 20
     *     }
     */
    retry?: ({
        /**
         * @description How often a request is sent in all: 1 to 10. Left out: 2.
         * @example 2
         */
        attempts?: (number | null) | undefined;
        /**
         * @description How many seconds one of these may take. Null: as long as is left of `timeout`, which is also what it is when left out.
         * @example 5
         */
        perTryTimeout?: (number | null) | undefined;
        /**
         * @description How many percent of the requests of the last ten seconds may be sent again, so that retries do not bury a service that is down: 0 to 100. Left out: 20.
         * @example 20
         */
        budgetPercent?: (number | null) | undefined;
    } | null) | undefined;
    /**
     * @description The most jobs that start in any window of a length. Null, or left out: no limit.
     * @example {
     *       "limit": 100,
     *       "period": 1
     *     }
     */
    rate?: ({
        /**
         * @description The most starts in any window of `period` seconds, wherever the window begins: 1 to 1,000,000.
         * @example 100
         */
        limit?: (number | null) | undefined;
        /**
         * @description The length of the window in seconds, fractions allowed: 0.001 to 86,400.
         * @example 1
         */
        period?: (number | null) | undefined;
    } | null) | undefined;
}

/**
 * Nothing: an empty body or `{}`.
 */
export type EmptyRequest = Record<string, never>;

/**
 * A change of every job of the namespace that a filter selects, made in the background.
 */
export interface OperationRequest {
    /**
     * @description What is done to each job: `cancel` ends jobs that are not final; `retry` brings failed and cancelled ones back in line with a new budget of attempts; `delete` removes final ones with payload, result and attempts.
     * @example cancel
     * @enum {string}
     */
    action: "cancel" | "retry" | "delete";
    /**
     * @description Which jobs: those that are all that is named. `cancel` and `delete` need one field at least. Left out: all that the action acts on.
     * @example {
     *       "queue": "imports",
     *       "tag": "night"
     *     }
     */
    filter?: {
        /**
         * @description Only jobs of this queue.
         * @example imports
         */
        queue?: string | undefined;
        /**
         * @description Only jobs in this state, which has to be one that the action acts on.
         * @example failed
         * @enum {string}
         */
        state?: ("scheduled" | "queued" | "running" | "succeeded" | "failed" | "cancelled") | undefined;
        /**
         * @description Only jobs with this tag.
         * @example night
         */
        tag?: string | undefined;
        /**
         * @description Only jobs with this ordering key.
         * @example user-42
         */
        orderingKey?: string | undefined;
        /**
         * @description Only jobs whose last error has this code.
         * @example timeout
         */
        errorCode?: string | undefined;
        /**
         * @description Only failed jobs whose failure is of this kind, as `GET /v1/queues/{queue}/failures` names it.
         * @example 87e367a373b5b01b
         */
        fingerprint?: string | undefined;
        /**
         * Format: date-time
         * @description Only jobs that were accepted after this time.
         * @example 2026-11-22T15:32:03.604Z
         */
        createdAfter?: string | undefined;
        /**
         * Format: date-time
         * @description Only jobs that were accepted before this time.
         * @example 2026-12-01T00:00:00Z
         */
        createdBefore?: string | undefined;
        /**
         * Format: date-time
         * @description Only jobs that became final before this time.
         * @example 2026-12-01T00:00:00Z
         */
        finishedBefore?: string | undefined;
    } | undefined;
    /**
     * @description With `retry` only: about so many jobs a second are brought back: more than 0 and at most 100,000. Left out: as fast as it goes.
     * @example 5
     */
    ratePerSecond?: number | undefined;
    /**
     * @description Whether jobs are only counted, and nothing is changed. Left out: false.
     * @example true
     */
    dryRun?: boolean | undefined;
}

/**
 * What a Worker of the account sends to the Queue `dure-ingest`: one job, or several.
 */
export type IngestMessage = {
    /**
     * @description `submit`: one job.
     * @example submit
     * @constant
     */
    type: "submit";
    /**
     * @description The namespace to submit to. Beside a `key` only the root key may name one. Left out: that of the key, or `default`.
     * @example default
     */
    namespace?: string | undefined;
    /**
     * @description A whole API key with the scope `submit`. Left out: whoever can send to the Queue is trusted.
     * @example dure_01m81y5hxdfwy87v7akx_4mD0vTq3nYbW8sKeXrLc2HuJpZaF7gNiQo1Rt5UyBx9
     */
    key?: string | undefined;
    /**
     * @description The trace to which the jobs belong: the header `traceparent` of HTTP (W3C Trace Context). One that is not valid is ignored, as there.
     * @example 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
     */
    traceparent?: string | undefined;
    /**
     * @description The job, as `POST /v1/jobs` takes it.
     * @example {
     *       "queue": "default",
     *       "payload": {
     *         "to": "a@b.example"
     *       },
     *       "priority": 5,
     *       "tags": [
     *         "welcome"
     *       ]
     *     }
     */
    job: SubmitRequest;
} | {
    /**
     * @description `submitBatch`: several jobs.
     * @example submitBatch
     * @constant
     */
    type: "submitBatch";
    /**
     * @description The namespace to submit to. Beside a `key` only the root key may name one. Left out: that of the key, or `default`.
     * @example default
     */
    namespace?: string | undefined;
    /**
     * @description A whole API key with the scope `submit`. Left out: whoever can send to the Queue is trusted.
     * @example dure_01m81y5hxdfwy87v7akx_4mD0vTq3nYbW8sKeXrLc2HuJpZaF7gNiQo1Rt5UyBx9
     */
    key?: string | undefined;
    /**
     * @description The trace to which the jobs belong: the header `traceparent` of HTTP (W3C Trace Context). One that is not valid is ignored, as there.
     * @example 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
     */
    traceparent?: string | undefined;
    /**
     * @description Whether the batch is accepted whole or not at all. False, or left out: a bad job costs only itself.
     * @default false
     * @example true
     */
    atomic?: boolean | undefined;
    /**
     * @description Names the batch, so that the same one sent again is accepted once: the header `Idempotency-Key` of `POST /v1/batches`.
     * @example orders-2026-11-22
     */
    idempotencyKey?: string | undefined;
    /**
     * @description The jobs, each as `POST /v1/jobs` takes it: 1 to 1,000.
     * @example [
     *       {
     *         "payload": {
     *           "to": "a@b.example"
     *         }
     *       }
     *     ]
     */
    jobs: SubmitRequest[];
};

/**
 * Why a request, or an item of one, was refused (RFC 9457). A problem may have members beyond these, such as `retryAfter` in seconds.
 */
export type Problem = {
    /**
     * @description The kind of the problem as a relative URL, which explains it: `/problems/` and the code.
     * @example /problems/invalid-request
     */
    type: string;
    /**
     * @description The kind of the problem in a few words, the same at every occurrence.
     * @example The request is not valid
     */
    title: string;
    /**
     * @description The HTTP status of the answer; inside an item, that of the item.
     * @example 400
     */
    status: number;
    /**
     * @description What happened this time, as a sentence for people.
     * @example The request is not valid.
     */
    detail: string;
    /**
     * @description The kind of the problem for programs. Codes may be added.
     * @example invalid-request
     */
    code: string;
    /**
     * @description The faults that were found, at most 50, where they can be pointed to. Left out when there are none.
     * @example [
     *       {
     *         "pointer": "/priority",
     *         "detail": "priority is a whole number from 0 to 9."
     *       }
     *     ]
     */
    errors?: {
        /**
         * @description Where the fault is: a JSON Pointer (RFC 6901) into the body; empty for the body as a whole.
         * @example /priority
         */
        pointer: string;
        /**
         * @description The header that the fault is in, by its name; the pointer is that name in lower case then, and points to nothing in the body. Left out where no header is at fault.
         * @example Idempotency-Key
         */
        header?: string | undefined;
        /**
         * @description What is wrong there, as a sentence for people.
         * @example priority is a whole number from 0 to 9.
         */
        detail: string;
    }[] | undefined;
} & {
    [key: string]: unknown;
};

/**
 * What a kind of problem means.
 */
export interface ProblemType {
    /**
     * @description The relative URL of this explanation, as problems have it.
     * @example /problems/queue-not-found
     */
    type: string;
    /**
     * @description The kind of the problem for programs.
     * @example queue-not-found
     */
    code: string;
    /**
     * @description The HTTP status of answers of this kind.
     * @example 404
     */
    status: number;
    /**
     * @description The kind in a few words.
     * @example There is no such queue
     */
    title: string;
    /**
     * @description What has happened, in sentences.
     * @example The namespace has no queue of this name. Queues other than `default` are not made by submitting to them.
     */
    happened: string;
    /**
     * @description What to do about it, in sentences.
     * @example Create it with `PUT /v1/queues/{queue}`, or correct the name.
     */
    remedy: string;
    /**
     * @description Whether the same request may be sent again: `no`, it would be answered alike; `later`, it may be answered otherwise by itself; `changed`, once the remedy is done.
     * @example changed
     * @enum {string}
     */
    retry: "no" | "later" | "changed";
}

/**
 * A job as it is now. Absent values are null.
 */
export interface Job {
    /**
     * @description The id of the job, which sorts by the time of its acceptance.
     * @example job_01m81y5hxdfwy87v7akx98zqk9
     */
    id: string;
    /**
     * @description The namespace that the job belongs to.
     * @example default
     */
    namespace: string;
    /**
     * @description The name of its queue.
     * @example emails
     */
    queue: string;
    /**
     * @description The state of the job. `accepted` is durably accepted and not yet committed in its shard; `scheduled` waits for its run-at or for its next attempt; `queued` is due and waits for a start; `running` has an attempt under way; `succeeded`, `failed` and `cancelled` are final.
     * @example succeeded
     * @enum {string}
     */
    state: "accepted" | "scheduled" | "queued" | "running" | "succeeded" | "failed" | "cancelled";
    /**
     * @description Counts the changes of the job: of two copies the one with the higher number is newer. `If-Match` takes it in quotes.
     * @example 3
     */
    version: number;
    /**
     * @description How many attempts were spent, the one that runs and those before a redrive included: 0 before the first. One that was deferred or released, or that its worker had not begun, is not spent.
     * @example 1
     */
    attempt: number;
    /**
     * @description How often the job was handed out: it rises at each claim, whether an attempt was spent before it or not.
     * @example 1
     */
    delivery: number;
    /**
     * @description The most attempts of the job, counted from its acceptance or its last redrive.
     * @example 12
     */
    maxAttempts: number;
    /**
     * @description From 0 to 9; the higher goes first.
     * @example 5
     */
    priority: number;
    /**
     * @description The ordering key of the job. Null when it has none.
     * @example user-42
     */
    orderingKey: string | null;
    /**
     * @description The concurrency key of the job. Null when it has none.
     * @example null
     */
    concurrencyKey: string | null;
    /**
     * @description The deduplication key of the job. Null when it has none.
     * @example null
     */
    dedupKey: string | null;
    /**
     * @description The idempotency key under which the job was submitted. Null when it has none.
     * @example order-991
     */
    idempotencyKey: string | null;
    /**
     * @description The id of the job whose success brought this one. Null when it was submitted by itself.
     * @example null
     * @example job_01m81wc71wfy1r60ntfqgpprqa
     */
    parent: string | null;
    /**
     * @description How many successes deep the job was brought: 0 of a job that was submitted, one more than its parent's of any other.
     * @example 0
     */
    depth: number;
    /**
     * @description The trace that the job belongs to (W3C Trace Context): the header `traceparent` of its submission, or that of the job that brought it. Null when there was none.
     * @example null
     * @example 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
     */
    traceparent: string | null;
    /**
     * @description The words that the job can be found by.
     * @example [
     *       "welcome"
     *     ]
     */
    tags: string[];
    /**
     * @description How many seconds one attempt may take.
     * @example 60
     */
    timeout: number;
    /**
     * @description How failed attempts are tried again.
     * @example {
     *       "maxAttempts": 12,
     *       "backoff": "exponential",
     *       "delay": 10,
     *       "maxDelay": 3600,
     *       "jitter": "half"
     *     }
     */
    retry: RetryPolicy;
    /**
     * @description The input of the job, as the text that was sent. Null where it was not kept.
     * @example {
     *       "to": "a@b.example"
     *     }
     */
    payload: unknown;
    /**
     * @description What its success gave, as the text that was reported. Null before that, and where it gave nothing.
     * @example {
     *       "sent": true
     *     }
     */
    result: unknown;
    /**
     * @description Whether the result was cut at 256 KiB, as that of an HTTP target is.
     * @example false
     */
    resultTruncated: boolean;
    /**
     * @description Whether `payload` is the job's. False of a job that is read from history and whose queue has `keepPayload: false`.
     * @example true
     */
    payloadKept: boolean;
    /**
     * @description Why the last attempt failed, or was deferred or released. Null when none was, and after a success.
     * @example null
     */
    error: JobError | null;
    /**
     * Format: date-time
     * @description When the job was accepted.
     * @example 2026-11-22T15:32:03.604Z
     */
    createdAt: string;
    /**
     * Format: date-time
     * @description When the job was, or will be, due: its next attempt, where it waits for one.
     * @example 2026-11-22T15:32:03.604Z
     */
    runAt: string;
    /**
     * @description When its first attempt began. Null before that.
     * @example 2026-11-22T15:32:03.711Z
     */
    startedAt: string | null;
    /**
     * @description When it became final. Null before that.
     * @example 2026-11-22T15:32:04.249Z
     */
    finishedAt: string | null;
    /**
     * @description A job whose first attempt has not begun by then fails and never runs. Null when it waits without end.
     * @example null
     * @example 2026-12-01T00:00:00Z
     */
    expiresAt: string | null;
    /**
     * @description When the lease of the running attempt ends unless it is extended. Null while no attempt runs.
     * @example null
     * @example 2026-12-01T00:00:00Z
     */
    leaseExpiresAt: string | null;
    /**
     * @description What its workers last said of how far it is. Null when none has said anything, and once the job has succeeded or was cancelled.
     * @example null
     */
    progress: {
        /**
         * @description How far the job is, in percent: 0 to 100. Null when no worker has said.
         * @example 41.5
         */
        percent: number | null;
        /**
         * @description What the worker is at, for people. Null when no worker has said.
         * @example frame 830 of 2000
         */
        message: string | null;
        /**
         * Format: date-time
         * @description When a worker last said something, a checkpoint too.
         * @example 2026-11-22T15:32:03.711Z
         */
        at: string;
    } | null;
    /** @description Its attempts, the oldest first. */
    attempts: Attempt[];
    /** @description The text of `payload`, to the digit: the client adds it, where that is not null. */
    payloadText?: string | undefined;
    /** @description The text of `result`, to the digit: the client adds it, where that is not null. */
    resultText?: string | undefined;
}

/**
 * A job in a list. `payload` (with `payloadKept`), `result` and `attempts` are there only where `include` named them.
 */
export interface JobListItem {
    /**
     * @description The id of the job, which sorts by the time of its acceptance.
     * @example job_01m81y5hxdfwy87v7akx98zqk9
     */
    id: string;
    /**
     * @description The namespace that the job belongs to.
     * @example default
     */
    namespace: string;
    /**
     * @description The name of its queue.
     * @example emails
     */
    queue: string;
    /**
     * @description The state of the job. `scheduled` waits for its run-at or for its next attempt; `queued` is due and waits for a start; `running` has an attempt under way; `succeeded`, `failed` and `cancelled` are final.
     * @example succeeded
     * @enum {string}
     */
    state: "scheduled" | "queued" | "running" | "succeeded" | "failed" | "cancelled";
    /**
     * @description Counts the changes of the job: of two copies the one with the higher number is newer. `If-Match` takes it in quotes.
     * @example 3
     */
    version: number;
    /**
     * @description How many attempts were spent, the one that runs and those before a redrive included: 0 before the first. One that was deferred or released, or that its worker had not begun, is not spent.
     * @example 1
     */
    attempt: number;
    /**
     * @description How often the job was handed out: it rises at each claim, whether an attempt was spent before it or not.
     * @example 1
     */
    delivery: number;
    /**
     * @description The most attempts of the job, counted from its acceptance or its last redrive.
     * @example 12
     */
    maxAttempts: number;
    /**
     * @description From 0 to 9; the higher goes first.
     * @example 5
     */
    priority: number;
    /**
     * @description The ordering key of the job. Null when it has none.
     * @example user-42
     */
    orderingKey: string | null;
    /**
     * @description The concurrency key of the job. Null when it has none.
     * @example null
     */
    concurrencyKey: string | null;
    /**
     * @description The deduplication key of the job. Null when it has none.
     * @example null
     */
    dedupKey: string | null;
    /**
     * @description The idempotency key under which the job was submitted. Null when it has none.
     * @example order-991
     */
    idempotencyKey: string | null;
    /**
     * @description The id of the job whose success brought this one. Null when it was submitted by itself.
     * @example null
     * @example job_01m81wc71wfy1r60ntfqgpprqa
     */
    parent: string | null;
    /**
     * @description How many successes deep the job was brought: 0 of a job that was submitted, one more than its parent's of any other.
     * @example 0
     */
    depth: number;
    /**
     * @description The trace that the job belongs to (W3C Trace Context): the header `traceparent` of its submission, or that of the job that brought it. Null when there was none.
     * @example null
     * @example 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
     */
    traceparent: string | null;
    /**
     * @description The words that the job can be found by.
     * @example [
     *       "welcome"
     *     ]
     */
    tags: string[];
    /**
     * @description How many seconds one attempt may take.
     * @example 60
     */
    timeout: number;
    /**
     * @description How failed attempts are tried again.
     * @example {
     *       "maxAttempts": 12,
     *       "backoff": "exponential",
     *       "delay": 10,
     *       "maxDelay": 3600,
     *       "jitter": "half"
     *     }
     */
    retry: RetryPolicy;
    /**
     * @description The input of the job, as the text that was sent. Null where it was not kept.
     * @example {
     *       "to": "a@b.example"
     *     }
     */
    payload?: unknown;
    /**
     * @description What its success gave, as the text that was reported. Null before that, and where it gave nothing.
     * @example {
     *       "sent": true
     *     }
     */
    result?: unknown;
    /**
     * @description Whether the result was cut at 256 KiB, as that of an HTTP target is.
     * @example false
     */
    resultTruncated: boolean;
    /**
     * @description Whether `payload` is the job's. False of a job that is read from history and whose queue has `keepPayload: false`.
     * @example true
     */
    payloadKept?: boolean | undefined;
    /**
     * @description Why the last attempt failed, or was deferred or released. Null when none was, and after a success.
     * @example null
     */
    error: JobError | null;
    /**
     * Format: date-time
     * @description When the job was accepted.
     * @example 2026-11-22T15:32:03.604Z
     */
    createdAt: string;
    /**
     * Format: date-time
     * @description When the job was, or will be, due: its next attempt, where it waits for one.
     * @example 2026-11-22T15:32:03.604Z
     */
    runAt: string;
    /**
     * @description When its first attempt began. Null before that.
     * @example 2026-11-22T15:32:03.711Z
     */
    startedAt: string | null;
    /**
     * @description When it became final. Null before that.
     * @example 2026-11-22T15:32:04.249Z
     */
    finishedAt: string | null;
    /**
     * @description A job whose first attempt has not begun by then fails and never runs. Null when it waits without end.
     * @example null
     * @example 2026-12-01T00:00:00Z
     */
    expiresAt: string | null;
    /**
     * @description When the lease of the running attempt ends unless it is extended. Null while no attempt runs.
     * @example null
     * @example 2026-12-01T00:00:00Z
     */
    leaseExpiresAt: string | null;
    /**
     * @description What its workers last said of how far it is. Null when none has said anything, and once the job has succeeded or was cancelled.
     * @example null
     */
    progress: {
        /**
         * @description How far the job is, in percent: 0 to 100. Null when no worker has said.
         * @example 41.5
         */
        percent: number | null;
        /**
         * @description What the worker is at, for people. Null when no worker has said.
         * @example frame 830 of 2000
         */
        message: string | null;
        /**
         * Format: date-time
         * @description When a worker last said something, a checkpoint too.
         * @example 2026-11-22T15:32:03.711Z
         */
        at: string;
    } | null;
    /** @description Its attempts, the oldest first. */
    attempts?: Attempt[] | undefined;
    /** @description The text of `payload`, to the digit: the client adds it, where that is not null. */
    payloadText?: string | undefined;
    /** @description The text of `result`, to the digit: the client adds it, where that is not null. */
    resultText?: string | undefined;
}

/**
 * A page of a list. Jobs, the newest first.
 */
export interface JobList {
    /** @description Jobs, the newest first: as many as fit on the page. */
    items: JobListItem[];
    /**
     * @description The `cursor` of the next page; null at the end of the list.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     * @example null
     */
    nextCursor: string | null;
}

/**
 * One run of a job.
 */
export interface Attempt {
    /**
     * @description Which attempt it is: it counts from 1, and goes on over redrives.
     * @example 1
     */
    number: number;
    /**
     * Format: date-time
     * @description When the attempt began.
     * @example 2026-11-22T15:32:03.711Z
     */
    startedAt: string;
    /**
     * @description When it ended. Null while it runs.
     * @example 2026-11-22T15:32:04.249Z
     */
    finishedAt: string | null;
    /**
     * @description How it ended: `succeeded`, `failed`, `leaseExpired` (its lease or the job's timeout ran out), or `cancelled`. Null while it runs.
     * @example succeeded
     */
    outcome: ("succeeded" | "failed" | "leaseExpired" | "cancelled") | null;
    /**
     * @description Why it did not succeed. Null while it runs, and when it did.
     * @example null
     */
    error: JobError | null;
    /**
     * @description What ran it, by the name that the worker gave itself. Null when it gave none.
     * @example host-1
     */
    worker: string | null;
    /**
     * @description What of the attempt was not done though it succeeded. Left out where there is nothing to say.
     * @example {
     *       "code": "spawn-refused",
     *       "message": "1 of 2 jobs was not submitted"
     *     }
     */
    warning?: {
        /**
         * @description `spawn-refused`: the answer of the HTTP target brought jobs that the target may not submit. `async-refused`: it says that the job is finished later, and the target has no `async`.
         * @example spawn-refused
         * @enum {string}
         */
        code: "spawn-refused" | "async-refused";
        /**
         * @description What was not done, and why, for people.
         * @example 1 of 2 jobs was not submitted
         */
        message: string;
    } | undefined;
}

/**
 * How failed attempts are tried again.
 */
export interface RetryPolicy {
    /**
     * @description The most attempts of a job, the first one included, counted from its acceptance or its last redrive.
     * @example 12
     */
    maxAttempts: number;
    /**
     * @description How the wait grows from one failed attempt to the next: `exponential` doubles it, `linear` adds the first wait each time, `constant` leaves it.
     * @example exponential
     * @enum {string}
     */
    backoff: "exponential" | "linear" | "constant";
    /**
     * @description How many seconds to wait after the first failed attempt.
     * @example 10
     */
    delay: number;
    /**
     * @description The longest wait between two attempts, in seconds, however much it grows.
     * @example 3600
     */
    maxDelay: number;
    /**
     * @description What chance does to a wait, so that jobs do not come back all at once: `full` makes it any time from none to the whole wait, `half` any from half of it to all of it, `none` leaves it.
     * @example half
     * @enum {string}
     */
    jitter: "full" | "half" | "none";
}

/**
 * Why an attempt failed.
 */
export interface JobError {
    /**
     * @description What kind of failure it was, for programs: filters and statistics go by it. The worker's own, or one of Dure's such as `timeout`, `lease-expired`, `released` or `invalid-spawn`.
     * @example smtp
     */
    code: string;
    /**
     * @description What happened, for people; it may be empty.
     * @example timeout after 30 s
     */
    message: string;
    /**
     * @description Whether another attempt may follow: false makes the failure final, whatever the retry policy says.
     * @example true
     */
    retryable: boolean;
}

/**
 * Why a job is not running.
 */
export interface Explanation {
    /**
     * @description The state of the job. `accepted` is durably accepted and not yet committed in its shard; `scheduled` waits for its run-at or for its next attempt; `queued` is due and waits for a start; `running` has an attempt under way; `succeeded`, `failed` and `cancelled` are final.
     * @example queued
     * @enum {string}
     */
    state: "accepted" | "scheduled" | "queued" | "running" | "succeeded" | "failed" | "cancelled";
    /**
     * @description The first thing that holds the job, in a word. `ready`: nothing, the next claim takes it; `scheduled` and `retrying`: its time has not come; `paused`: its queue; `ordering`: an earlier job of its ordering key; `parked`: its ordering key waits for a decision; `deduplication`: it runs after another job; `concurrency` and `rate`: a limit of its queue or its key; `priority`: other jobs go first; `fairness`: queues of its lane go first; `connections`: its target's host or its namespace has its part of the lane's outgoing connections, or the executor had none left; `service-open`: the breaker of its service is open, or nobody could ask the service; `bulkhead`: its service has as many requests under way as it may; `no-worker`: nobody has claimed from its pull queue for 30 seconds; `no-executor`: nobody has come for 10 seconds, though bells have rung: neither the processor to its lane, nor a consumer to its queue; `deleting`: its namespace is being deleted; `quarantined`: work on it fails in Dure itself and is tried again later, or at once where somebody asks for the job; `running`; `final`; `accepted`: it is not committed in its shard yet. More may be added.
     * @example ordering
     * @enum {string}
     */
    reason: "ready" | "scheduled" | "retrying" | "paused" | "ordering" | "concurrency" | "rate" | "priority" | "fairness" | "connections" | "service-open" | "bulkhead" | "parked" | "deduplication" | "no-worker" | "quarantined" | "no-executor" | "deleting" | "running" | "final" | "accepted";
    /**
     * @description The reason as a sentence for people.
     * @example It waits for an earlier job of its ordering key.
     */
    detail: string;
    /**
     * @description The id of the job that it waits for. Null when it waits for none.
     * @example job_01m81wc71wfy1r60ntfqgpprqa
     */
    blockedBy: string | null;
    /**
     * @description How many jobs, or turns of other queues, go first. Null when that cannot be said.
     * @example null
     * @example 3
     */
    ahead: number | null;
    /**
     * @description When the job is expected to start. Null when that cannot be said.
     * @example null
     * @example 2026-12-01T00:00:00Z
     */
    estimatedStartAt: string | null;
    /**
     * @description With `no-executor` and `no-worker`: since when nobody has come for it. Null with all other reasons.
     * @example null
     * @example 2026-11-22T15:32:03.604Z
     */
    since: string | null;
}

/**
 * What became of a batch.
 */
export interface Batch {
    /**
     * @description The id of the batch.
     * @example batch_0198f3c2-7d4e-7a61-9b5d-3f2e8c1a6b70
     */
    id: string;
    /**
     * @description Whether the batch is accepted whole or not at all.
     * @example false
     */
    atomic: boolean;
    /**
     * @description How many jobs are new; those that an earlier one answers are not counted.
     * @example 1
     */
    accepted: number;
    /**
     * @description What became of each job, in the order in which they were sent.
     * @example [
     *       {
     *         "id": "job_01m81y5hxdfwy87v7akx98zqk9",
     *         "state": "queued",
     *         "replayed": false
     *       }
     *     ]
     */
    items: ({
        /**
         * @description The id of the job, or of the earlier job that answers for it.
         * @example job_01m81y5hxdfwy87v7akx98zqk9
         */
        id: string;
        /**
         * @description The state of that job. `accepted`: it is durably accepted, and its shard has yet to commit it.
         * @example queued
         * @enum {string}
         */
        state: "accepted" | "scheduled" | "queued" | "running" | "succeeded" | "failed" | "cancelled";
        /**
         * @description Whether an earlier job answers, by an idempotency or a deduplication key.
         * @example false
         */
        replayed: boolean;
        /** @description The whole job, where `include=job` asked for it. Left out of a job that an earlier one answers for. */
        job?: Job | undefined;
    } | {
        /**
         * @description Why the job was refused.
         * @example {
         *       "type": "/problems/invalid-request",
         *       "title": "The request is not valid",
         *       "status": 400,
         *       "detail": "The request is not valid.",
         *       "code": "invalid-request",
         *       "errors": [
         *         {
         *           "pointer": "/priority",
         *           "detail": "priority is a whole number from 0 to 9."
         *         }
         *       ]
         *     }
         */
        problem: Problem;
    })[];
}

/**
 * A queue with all of its settings.
 */
export interface Queue {
    /**
     * @description The name of the queue.
     * @example emails
     */
    name: string;
    /**
     * @description Where the jobs of the queue run.
     * @example {
     *       "type": "pull"
     *     }
     */
    target: Target;
    /**
     * @description In how many parts the queue is kept. More parts carry more jobs a second; with one, limits and priority are exact over the whole queue.
     * @example 1
     */
    partitions: number;
    /**
     * @description The lane that carries the queue's doorbells: `default`, `slow`, `bulk`. Work in one lane does not delay another.
     * @example default
     * @enum {string}
     */
    lane: "default" | "slow" | "bulk";
    /**
     * @description The most jobs of the queue that run at once, divided over its partitions. Null: no limit.
     * @example 5
     * @example null
     */
    concurrency: number | null;
    /** @description The most jobs of the queue that start in any window of a length, divided over its partitions. Null: no limit. */
    rate: {
        /**
         * @description The most starts in any window of `period` seconds, wherever the window begins.
         * @example 100
         */
        limit: number;
        /**
         * @description The length of the window in seconds, fractions allowed.
         * @example 1
         */
        period: number;
    } | null;
    /**
     * @description The most jobs of one concurrency key that run at once. Null: no limit.
     * @example null
     * @example 1
     */
    perKeyConcurrency: number | null;
    /**
     * @description The most jobs of one concurrency key that start in any window of a length. Null: no limit.
     * @example null
     */
    perKeyRate: {
        /**
         * @description The most starts in any window of `period` seconds, wherever the window begins.
         * @example 100
         */
        limit: number;
        /**
         * @description The length of the window in seconds, fractions allowed.
         * @example 1
         */
        period: number;
    } | null;
    /**
     * @description The queue's share of the turns of its namespace in its lane, beside other queues that the processor works for.
     * @example 1
     */
    weight: number;
    /**
     * @description How many seconds of waiting are worth one step of priority, for jobs accepted from now on. Null makes priority strict, so that a low one may wait for ever.
     * @example 3600
     * @example null
     */
    priorityAging: number | null;
    /**
     * @description The most jobs that may wait, scheduled and queued together; who comes after that is refused with 429, low priorities first. It is divided over the partitions. Null: no limit.
     * @example null
     * @example 10000
     */
    maxBacklog: number | null;
    /**
     * @description What a job that failed for good does to its ordering key: `continue` lets the next job start, `block` parks the key until somebody decides.
     * @example continue
     * @enum {string}
     */
    onFailure: "continue" | "block";
    /**
     * @description How failed attempts of the queue's jobs are tried again.
     * @example {
     *       "maxAttempts": 12,
     *       "backoff": "exponential",
     *       "delay": 10,
     *       "maxDelay": 3600,
     *       "jitter": "half"
     *     }
     */
    retry: RetryPolicy;
    /**
     * @description How many seconds a job may be deferred without spending attempts, counted from the first time since its acceptance or its last redrive: by a target that answers 429 or 503 with a `Retry-After`, or by a worker that releases it. After that a deferral spends an attempt.
     * @example 86400
     */
    maxDeferral: number;
    /**
     * @description How many seconds one attempt may take where the job does not say.
     * @example 60
     */
    timeout: number;
    /**
     * @description How many seconds a final job is kept.
     * @example 604800
     */
    retention: number;
    /**
     * @description How many seconds after its acceptance a job answers for its idempotency key.
     * @example 86400
     */
    idempotencyWindow: number;
    /**
     * @description Which finished jobs are copied to history, where they are read after they have left their shard: `all`; `failed`, those that failed or were cancelled; or `none`. It is asked when a job ends, and changes nothing of what history has. A job that is not copied is read from its shard alone: one that succeeded for an hour, or as long as its retention where that is shorter, and for as long as its idempotency or deduplication key answers; one that failed or was cancelled until its retention ends, and until then it can be redriven. After that it is 404 `job-not-found`.
     * @example all
     * @enum {string}
     */
    history: "all" | "failed" | "none";
    /**
     * @description Whether history keeps the payloads of the jobs that it keeps. Without, a job that has left its shard has `payload: null` and `payloadKept: false`, and cannot be redriven any more.
     * @example true
     */
    keepPayload: boolean;
    /**
     * @description What a submission meets while the job's shard is away: `strong` refuses it with 503, so that a 202 means committed; `available` takes it into a durable Queue and commits it later, in state `accepted` until then, without order between such jobs.
     * @example strong
     * @enum {string}
     */
    consistency: "strong" | "available";
    /**
     * @description Whether no job of the queue starts. Running ones go on.
     * @example false
     */
    paused: boolean;
    /**
     * @description Counts the changes of the queue: of two copies the one with the higher number is newer.
     * @example 1
     */
    version: number;
    /**
     * @description Which queue of its name it is: 0 the first, and a higher number one that was made after an earlier one was deleted. Nothing of the earlier one is the later one's.
     * @example 0
     */
    incarnation: number;
    /**
     * Format: date-time
     * @description When the queue was created.
     * @example 2026-11-22T15:32:03.604Z
     */
    createdAt: string;
    /**
     * Format: date-time
     * @description When its settings were last changed.
     * @example 2026-11-22T15:32:03.604Z
     */
    updatedAt: string;
}

/**
 * Where the jobs of a queue run. `pull`: workers claim the jobs over HTTP. `consumer`: a Worker of the account's own, which consumes the Queue of the queue's lane, claims the jobs. `handler`: the jobs run in the processor, by the handler of that name. `http`: what is sent goes to a URL by POST. `worker`: the processor calls the method `process` of another Worker of the account. `queue`: the job goes into another Worker's Cloudflare Queue, and has succeeded once the Queue has taken it. A message has at most 128 KB: a larger job fails for good. `service`: what is sent goes by POST to one of the instances of a service of the namespace. While the service takes none, jobs wait and spend no attempts.
 */
export type Target = {
    /**
     * @description `pull`: workers claim the jobs over HTTP.
     * @example pull
     * @constant
     */
    type: "pull";
} | {
    /**
     * @description `consumer`: a Worker of the account's own, which consumes the Queue of the queue's lane, claims the jobs.
     * @example consumer
     * @constant
     */
    type: "consumer";
} | {
    /**
     * @description `handler`: the jobs run in the processor, by the handler of that name.
     * @example handler
     * @constant
     */
    type: "handler";
    /**
     * @description The name of the handler.
     * @example wordcount
     */
    name: string;
} | {
    /**
     * @description `http`: what is sent goes to a URL by POST.
     * @example http
     * @constant
     */
    type: "http";
    /**
     * @description Where it is sent. A user name, a password, the values of the query and the fragment are shown as `***`.
     * @example https://example.com/hook
     */
    url: string;
    /**
     * @description The names of the headers that are sent beside Dure's own. Their values are shown as `***`, whatever they are.
     * @example {
     *       "x-token": "***"
     *     }
     */
    headers: {
        [key: string]: string;
    };
    /**
     * @description How many seconds the target may take until the headers of its answer come; the job's timeout, where that is shorter. Left out: 30.
     * @example 30
     */
    firstByteTimeout?: number | undefined;
    /**
     * @description Lets the answers of the target submit jobs, by a member `dure-spawn`, to these queues of its namespace and to no other. Left out: an answer submits nothing, and its attempt has a `warning` where it would.
     * @example {
     *       "queues": [
     *         "receipts"
     *       ]
     *     }
     */
    spawn?: {
        /**
         * @description The names of the queues. A job that an answer brings for any other is not submitted, and the attempt has a `warning`. One that names no queue is for `default`.
         * @example [
         *       "receipts"
         *     ]
         */
        queues: string[];
    } | undefined;
    /**
     * @description Lets the target finish a job later: its answer with status 202 and the header `dure-async: true` keeps the job running, and the target reports the outcome itself, under the lease in the request's header `dure-lease` and with a key that has the scope `work`, within the job's timeout. Left out: false, and such an answer succeeds the attempt like any other, with a `warning`.
     * @example true
     */
    async?: boolean | undefined;
} | {
    /**
     * @description `worker`: the processor calls the method `process` of another Worker of the account.
     * @example worker
     * @constant
     */
    type: "worker";
    /**
     * @description A service binding of the processor, as its wrangler.toml has it and the variable `TARGET_BINDINGS` of the deployment lists it.
     * @example MAILER
     */
    binding: string;
} | {
    /**
     * @description `queue`: the job goes into another Worker's Cloudflare Queue, and has succeeded once the Queue has taken it. A message has at most 128 KB: a larger job fails for good.
     * @example queue
     * @constant
     */
    type: "queue";
    /**
     * @description A producer binding of the processor, as its wrangler.toml has it and the variable `TARGET_BINDINGS` of the deployment lists it.
     * @example OUT
     */
    binding: string;
} | {
    /**
     * @description `service`: what is sent goes by POST to one of the instances of a service of the namespace. While the service takes none, jobs wait and spend no attempts.
     * @example service
     * @constant
     */
    type: "service";
    /**
     * @description The name of the service, which has to exist.
     * @example mailer
     */
    service: string;
    /**
     * @description What follows the URL of the instance that is asked. It begins with a slash, and has no segment of two dots, no fragment, no spaces and no other characters than those of a URL. It is not secret: put no token there.
     * @example /send
     */
    path: string;
};

/**
 * A page of a list. Queues, the newest first.
 */
export interface QueueList {
    /** @description Queues, the newest first: as many as fit on the page. */
    items: Queue[];
    /**
     * @description The `cursor` of the next page; null at the end of the list.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     * @example null
     */
    nextCursor: string | null;
}

/**
 * The numbers of a queue as they are now.
 */
export interface QueueStats {
    /**
     * @description The name of the queue.
     * @example emails
     */
    queue: string;
    /**
     * @description How many jobs of the queue are in each state.
     * @example {
     *       "scheduled": 2,
     *       "queued": 1,
     *       "running": 1,
     *       "succeeded": 120,
     *       "failed": 3,
     *       "cancelled": 0
     *     }
     */
    counts: {
        /**
         * @description Jobs that wait for their run-at or for their next attempt.
         * @example 2
         */
        scheduled: number;
        /**
         * @description Jobs that are due and wait for a start.
         * @example 1
         */
        queued: number;
        /**
         * @description Jobs with an attempt under way.
         * @example 1
         */
        running: number;
        /**
         * @description Jobs that are done, and that history has or is to have: see `history` of the queue.
         * @example 120
         */
        succeeded: number;
        /**
         * @description Jobs that failed for good, and that the shards still have.
         * @example 3
         */
        failed: number;
        /**
         * @description Jobs that were called off, and that the shards still have.
         * @example 0
         */
        cancelled: number;
    };
    /**
     * @description When the job was accepted that has been ready for longest; where jobs of several priorities are ready, of the 256 on each shard that go first. Null when none is ready.
     * @example 2026-11-22T15:32:03.604Z
     */
    oldestQueuedAt: string | null;
    /**
     * @description How many jobs wait, and how many may.
     * @example {
     *       "waiting": 3,
     *       "max": null
     *     }
     */
    backlog: {
        /**
         * @description Jobs that are scheduled or queued.
         * @example 3
         */
        waiting: number;
        /**
         * @description The queue's `maxBacklog`. Null when it has none.
         * @example null
         * @example 10000
         */
        max: number | null;
    };
    /**
     * @description Jobs that run now.
     * @example 1
     */
    inFlight: number;
    /**
     * @description Ordering keys that are parked, by a failure or by hand.
     * @example 0
     */
    parkedKeys: number;
    /**
     * @description How fast the queue moves.
     * @example {
     *       "accepted": 0.5,
     *       "started": 0.5,
     *       "finished": 0.5
     *     }
     */
    perSecond: {
        /**
         * @description Jobs accepted a second, over the last minute.
         * @example 0.5
         */
        accepted: number;
        /**
         * @description Jobs started a second, over the last minute.
         * @example 0.5
         */
        started: number;
        /**
         * @description Jobs finished a second, over the last minute.
         * @example 0.5
         */
        finished: number;
    };
    /**
     * @description How long jobs took from their acceptance to their end, in milliseconds, over a sample of those that finished in the last minute.
     * @example {
     *       "p50": 640,
     *       "p95": 640,
     *       "p99": 640
     *     }
     */
    latencyMs: {
        /**
         * @description Half of the jobs took at most so many milliseconds. Null when none has finished lately.
         * @example 640
         */
        p50: number | null;
        /**
         * @description 95 % of the jobs took at most so many milliseconds. Null when none has finished lately.
         * @example 640
         */
        p95: number | null;
        /**
         * @description 99 % of the jobs took at most so many milliseconds. Null when none has finished lately.
         * @example 640
         */
        p99: number | null;
    };
}

/**
 * What a redrive did.
 */
export interface Redriven {
    /**
     * @description Failed jobs that the filter selected.
     * @example 2
     */
    matched: number;
    /**
     * @description Those of them that run again.
     * @example 2
     */
    redriven: number;
    /**
     * @description Those that stayed as they were: their payload would be too large or was not kept, or the other queue has no place for them.
     * @example 0
     */
    skipped: number;
    /**
     * @description Whether the call did as much as one call does and left some: send it again.
     * @example false
     */
    more: boolean;
}

/**
 * What a purge did.
 */
export interface Purged {
    /**
     * @description Waiting jobs that were cancelled.
     * @example 3
     */
    cancelled: number;
    /**
     * @description Failed jobs that were deleted. Left out unless they were asked for.
     * @example 0
     */
    discarded?: number | undefined;
    /**
     * @description Whether the call did as much as one call does and left some: send it again. Left out unless failed jobs were asked for.
     * @example false
     */
    more?: boolean | undefined;
}

/**
 * Failed jobs of one kind: one error code, and messages that differ only in numbers, ids, times and quotations.
 */
export interface Failure {
    /**
     * @description The name of the kind, to be used in filters.
     * @example 87e367a373b5b01b
     */
    fingerprint: string;
    /**
     * @description The error code that they share.
     * @example smtp
     */
    code: string;
    /**
     * @description The message that they share, with placeholders for numbers, ids, times and quotations.
     * @example timeout after <n> ms
     */
    message: string;
    /**
     * @description How many failed jobs are of this kind, as far as the shards have them.
     * @example 2
     */
    count: number;
    /**
     * Format: date-time
     * @description When the first of them failed.
     * @example 2026-11-22T15:32:03.604Z
     */
    first: string;
    /**
     * Format: date-time
     * @description When the last of them failed.
     * @example 2026-11-22T15:32:04.249Z
     */
    last: string;
    /**
     * @description The id of the job that failed last.
     * @example job_01m81y5hxdfwy87v7akx98zqk9
     */
    sample: string;
}

/**
 * A page of a list. Kinds of failures, the most frequent first.
 */
export interface FailureList {
    /** @description Kinds of failures, the most frequent first: as many as fit on the page. */
    items: Failure[];
    /**
     * @description The `cursor` of the next page; null at the end of the list.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     * @example null
     */
    nextCursor: string | null;
}

/**
 * An ordering key as it stands.
 */
export interface OrderingKey {
    /**
     * @description The ordering key.
     * @example account-7
     */
    key: string;
    /**
     * @description How the key stands. `blocked`: a failed job waits for a decision; `paused`: by hand, whether a failed job waits as well or not; `open`: nothing holds it.
     * @example blocked
     * @enum {string}
     */
    state: "blocked" | "paused" | "open";
    /**
     * @description The id of the failed job that waits for a decision. Null when none does.
     * @example job_01m81y5hxdfwy87v7akx98zqk9
     */
    jobId: string | null;
    /** @description Why that job failed. Null without one, and once its shard has forgotten it. */
    error: JobError | null;
    /**
     * @description When the key was parked. Null when it is open.
     * @example 2026-11-22T15:32:04.249Z
     */
    since: string | null;
    /**
     * @description Unfinished jobs of the key that do not run, counted up to 1000.
     * @example 1
     */
    waiting: number;
}

/**
 * A page of a list. Parked ordering keys, the latest first.
 */
export interface OrderingKeyList {
    /** @description Parked ordering keys, the latest first: as many as fit on the page. */
    items: OrderingKey[];
    /**
     * @description The `cursor` of the next page; null at the end of the list.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     * @example null
     */
    nextCursor: string | null;
}

/**
 * A schedule, and when it fires.
 */
export interface Schedule {
    /**
     * @description The name of the schedule.
     * @example daily-report
     */
    name: string;
    /**
     * @description When the schedule fires: minute, hour, day of month, month and day of week, with seconds in front where there are six fields; or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`. Null: it goes by `every`.
     * @example 30 2 * * *
     */
    cron: string | null;
    /**
     * @description The schedule fires every so many seconds, counted in real time from `start`, or from when it was created. Null: it goes by `cron`.
     * @example null
     * @example 5400
     */
    every: number | null;
    /**
     * @description No instant lies before this one, and `every` counts from it: it is the first instant then. Null: there is no such limit.
     * @example null
     * @example 2026-12-01T06:00:00.000Z
     */
    start: string | null;
    /**
     * @description No instant lies after this one. When the last is over the schedule has ended, and stays. Null: it goes on for ever.
     * @example null
     * @example 2027-12-01T06:00:00.000Z
     */
    end: string | null;
    /**
     * @description The time zone that `cron` is read in, by its name in the IANA database. It means nothing to `every`.
     * @example Europe/Berlin
     */
    timezone: string;
    /**
     * @description The job that every fire makes.
     * @example {
     *       "queue": "reports",
     *       "payload": {
     *         "kind": "daily"
     *       },
     *       "orderingKey": null,
     *       "concurrencyKey": null,
     *       "priority": 4,
     *       "timeout": null,
     *       "retry": null,
     *       "tags": [],
     *       "expiresAfter": null
     *     }
     */
    job: ScheduledJob;
    /**
     * @description What a fire does while the job of the fire before is not final: `allow` runs the new job beside it, `skip` makes none, `queue` runs them one after the other.
     * @example skip
     * @enum {string}
     */
    overlap: "allow" | "skip" | "queue";
    /**
     * @description What becomes of instants that could not fire in time.
     * @example {
     *       "window": null
     *     }
     */
    catchUp: {
        /**
         * @description How many seconds late an instant may still fire; after that it is missed. Null: the last instant that is due fires, however late, until the next one is due; those before it are missed.
         * @example null
         * @example 3600
         */
        window: number | null;
    };
    /**
     * @description A job's run-at lies 0 to this many seconds after its instant, so that many schedules do not fire at once.
     * @example 0
     */
    jitter: number;
    /**
     * @description Whether the schedule does not fire.
     * @example false
     */
    paused: boolean;
    /**
     * @description `active`: it fires; `paused`: it does not, whatever else; `ended`: its `end` leaves no instant to come.
     * @example active
     * @enum {string}
     */
    state: "active" | "paused" | "ended";
    /**
     * @description Counts the changes of the schedule: of two copies the one with the higher number is newer.
     * @example 1
     */
    version: number;
    /**
     * Format: date-time
     * @description When the schedule was created.
     * @example 2026-11-22T15:32:03.604Z
     */
    createdAt: string;
    /**
     * Format: date-time
     * @description When it was last changed.
     * @example 2026-11-22T15:32:03.604Z
     */
    updatedAt: string;
    /**
     * @description The next instant at which it fires. Null while it is paused, and when it has ended.
     * @example 2026-11-23T01:30:00.000Z
     */
    nextFireAt: string | null;
    /**
     * @description Its next 5 instants, or as many as there are: to see whether it says what was meant. Empty while it is paused. Left out of lists.
     * @example [
     *       "2026-11-23T01:30:00.000Z",
     *       "2026-11-24T01:30:00.000Z"
     *     ]
     */
    nextInstants?: string[] | undefined;
    /**
     * @description The instant of the last job that it made. Null until it has made one.
     * @example null
     * @example 2026-11-22T01:30:00.000Z
     */
    lastFireAt: string | null;
}

/**
 * The job that every fire of a schedule makes. Absent values are null.
 */
export interface ScheduledJob {
    /**
     * @description The queue of the jobs.
     * @example reports
     */
    queue: string;
    /**
     * @description The input of the jobs.
     * @example {
     *       "kind": "daily"
     *     }
     */
    payload: unknown;
    /**
     * @description The ordering key of the jobs. Null when they have none.
     * @example null
     * @example user-42
     */
    orderingKey: string | null;
    /**
     * @description The concurrency key of the jobs. Null when they have none.
     * @example null
     * @example customer-7
     */
    concurrencyKey: string | null;
    /**
     * @description From 0 to 9; the higher goes first.
     * @example 4
     */
    priority: number;
    /**
     * @description How many seconds one attempt may take. Null: as the queue has it.
     * @example null
     * @example 60
     */
    timeout: number | null;
    /**
     * @description How failed attempts are tried again, laid over the queue's policy. Null: as the queue has it.
     * @example null
     */
    retry: {
        /**
         * @description The most attempts of a job, the first one included, counted from its acceptance or its last redrive: 1 to 100. Left out: as in the policy that this is laid over; in a queue's own policy 12.
         * @example 12
         */
        maxAttempts?: number | undefined;
        /**
         * @description How the wait grows from one failed attempt to the next: `exponential` doubles it, `linear` adds the first wait each time, `constant` leaves it. Left out: as in the policy that this is laid over; in a queue's own policy `exponential`.
         * @example exponential
         * @enum {string}
         */
        backoff?: ("exponential" | "linear" | "constant") | undefined;
        /**
         * @description How many seconds to wait after the first failed attempt: at most 31,622,400, fractions allowed. Left out: as in the policy that this is laid over; in a queue's own policy 10.
         * @example 10
         */
        delay?: number | undefined;
        /**
         * @description The longest wait between two attempts, in seconds, however much it grows: at most 31,622,400. Left out: as in the policy that this is laid over; in a queue's own policy 3,600.
         * @example 3600
         */
        maxDelay?: number | undefined;
        /**
         * @description What chance does to a wait, so that jobs do not come back all at once: `full` makes it any time from none to the whole wait, `half` any from half of it to all of it, `none` leaves it. Left out: as in the policy that this is laid over; in a queue's own policy `half`.
         * @example half
         * @enum {string}
         */
        jitter?: ("full" | "half" | "none") | undefined;
    } | null;
    /**
     * @description The words that the jobs can be found by.
     * @example []
     */
    tags: string[];
    /**
     * @description How many seconds after its run-at the job has to have started; after that it fails. Null: it waits without end.
     * @example null
     * @example 3600
     */
    expiresAfter: number | null;
    /** @description The text of `payload`, to the digit: the client adds it, where that is not null. */
    payloadText?: string | undefined;
}

/**
 * A page of a list. Schedules, the newest first.
 */
export interface ScheduleList {
    /** @description Schedules, the newest first: as many as fit on the page. */
    items: Schedule[];
    /**
     * @description The `cursor` of the next page; null at the end of the list.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     * @example null
     */
    nextCursor: string | null;
}

/**
 * One instant of a schedule, or a run of missed ones, and what came of it.
 */
export interface Fire {
    /**
     * Format: date-time
     * @description The instant of the schedule; of a run of missed ones, the first.
     * @example 2026-11-22T15:32:00.000Z
     */
    scheduledAt: string;
    /**
     * @description When the job was made. Null when none was.
     * @example 2026-11-22T15:32:00.007Z
     */
    firedAt: string | null;
    /**
     * @description How many seconds after its instant the job was made. Null when none was.
     * @example 0.007
     */
    lateSeconds: number | null;
    /**
     * @description What came of the instant: `fired` made a job; `skipped` made none, for the reason in `reason`; `missed` was too late when it could be fired, by `catchUp`.
     * @example fired
     * @enum {string}
     */
    outcome: "fired" | "skipped" | "missed";
    /**
     * @description Why no job was made, as a sentence for people. Null when there is nothing to say.
     * @example null
     */
    reason: string | null;
    /**
     * @description The id of the job that was made. Null when none was.
     * @example job_01m81y5hxdfwy87v7akx98zqk9
     */
    jobId: string | null;
    /**
     * @description How many instants the record stands for: more than 1 for a run of missed ones.
     * @example 1
     */
    count: number;
}

/**
 * A page of a list. What came of the schedule's instants, the newest first.
 */
export interface FireList {
    /** @description What came of the schedule's instants, the newest first: as many as fit on the page. */
    items: Fire[];
    /**
     * @description The `cursor` of the next page; null at the end of the list.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     * @example null
     */
    nextCursor: string | null;
}

/**
 * A subscription, and how its delivery goes.
 */
export interface Subscription {
    /**
     * @description The name of the subscription.
     * @example orders
     */
    name: string;
    /**
     * @description The changes that it is told of. `job.accepted`: it is committed and will run; `job.started`: an attempt has begun; `job.retrying`: an attempt has failed and another follows; `job.succeeded`; `job.failed`: for good; `job.cancelled`; `job.redriven`: it is back in line after it was final. `schedule.missed`: instants of a schedule made no job, because they could not be looked at in time.
     * @example [
     *       "job.succeeded",
     *       "job.failed"
     *     ]
     */
    events: ("job.accepted" | "job.started" | "job.retrying" | "job.succeeded" | "job.failed" | "job.cancelled" | "job.redriven" | "schedule.missed")[];
    /**
     * @description Which jobs: those that are all that is named.
     * @example {
     *       "queue": "orders",
     *       "tag": null
     *     }
     */
    filter: {
        /**
         * @description Only jobs of this queue. Null: of any.
         * @example orders
         */
        queue: string | null;
        /**
         * @description Only jobs with this tag. Null: with any or none.
         * @example null
         * @example welcome
         */
        tag: string | null;
    };
    /**
     * @description Where events go: by POST to a URL, or into a Cloudflare Queue.
     * @example {
     *       "type": "http",
     *       "url": "https://example.com/hook",
     *       "headers": {}
     *     }
     */
    target: {
        /**
         * @description `http`: what is sent goes to a URL by POST.
         * @example http
         * @constant
         */
        type: "http";
        /**
         * @description Where it is sent. A user name, a password, the values of the query and the fragment are shown as `***`.
         * @example https://example.com/hook
         */
        url: string;
        /**
         * @description The names of the headers that are sent beside Dure's own. Their values are shown as `***`, whatever they are.
         * @example {
         *       "x-token": "***"
         *     }
         */
        headers: {
            [key: string]: string;
        };
    } | {
        /**
         * @description `queue`: events go into a Cloudflare Queue.
         * @example queue
         * @constant
         */
        type: "queue";
        /**
         * @description The producer binding of the Queue in the processor's wrangler.toml.
         * @example OUT
         */
        binding: string;
    };
    /**
     * @description Whether events are collected and not delivered.
     * @example false
     */
    paused: boolean;
    /**
     * @description Counts the changes of the subscription: of two copies the one with the higher number is newer.
     * @example 1
     */
    version: number;
    /**
     * Format: date-time
     * @description When the subscription was created.
     * @example 2026-11-22T15:32:03.604Z
     */
    createdAt: string;
    /**
     * Format: date-time
     * @description When it was last changed.
     * @example 2026-11-22T15:32:03.604Z
     */
    updatedAt: string;
    /**
     * @description How the delivery of its events goes.
     * @example {
     *       "delivered": 118,
     *       "dropped": 0,
     *       "pending": 2,
     *       "oldestPendingAt": "2026-11-22T15:32:03.604Z",
     *       "failures": 0,
     *       "lastError": null,
     *       "lastDeliveredAt": "2026-11-22T15:32:04.249Z"
     *     }
     */
    delivery: {
        /**
         * @description Events that were delivered.
         * @example 118
         */
        delivered: number;
        /**
         * @description Events that were given up: refused by the receiver, failing for three days, seven days old, or too many to be kept.
         * @example 0
         */
        dropped: number;
        /**
         * @description Events that wait to be delivered.
         * @example 2
         */
        pending: number;
        /**
         * @description When the oldest event that waits happened. Null when none waits.
         * @example 2026-11-22T15:32:03.604Z
         */
        oldestPendingAt: string | null;
        /**
         * @description Tries that failed since the last one that did not.
         * @example 0
         */
        failures: number;
        /**
         * @description The last try that failed. Null when none has.
         * @example null
         */
        lastError: {
            /**
             * @description What kind of failure it was, for programs.
             * @example http-503
             */
            code: string;
            /**
             * @description What happened, for people.
             * @example The receiver answered 503.
             */
            message: string;
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-11-22T15:32:04.249Z
             */
            at: string;
        } | null;
        /**
         * @description When an event was last delivered. Null when none has been.
         * @example 2026-11-22T15:32:04.249Z
         */
        lastDeliveredAt: string | null;
    };
}

/**
 * A page of a list. Subscriptions, the newest first.
 */
export interface SubscriptionList {
    /** @description Subscriptions, the newest first: as many as fit on the page. */
    items: Subscription[];
    /**
     * @description The `cursor` of the next page; null at the end of the list.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     * @example null
     */
    nextCursor: string | null;
}

/**
 * A service with all of its settings, and, where it is read by itself, how it is at the moment.
 */
export interface Service {
    /**
     * @description The name of the service.
     * @example mailer
     */
    name: string;
    /** @description The instances of the service. */
    instances: {
        /**
         * @description Where the instance is: scheme, host, port, and perhaps a path that all requests to it begin with. It names the instance.
         * @example https://mail-1.example.com
         */
        url: string;
        /**
         * @description The instance's part of the work beside that of others.
         * @example 1
         */
        weight: number;
        /**
         * @description Where the instance runs, in words of your own. Null: it is not said.
         * @example null
         * @example eu-1
         */
        zone: string | null;
    }[];
    /**
     * @description How an instance is chosen among those that may be asked. `p2c`: of two at random the one that is quicker and has less under way; `roundRobin`: in turn, by weight; `leastRequests`: of two at random the one with less under way; `hash`: jobs of one ordering key go to one instance, as long as that is not far busier than the others.
     * @example p2c
     * @enum {string}
     */
    strategy: "p2c" | "roundRobin" | "leastRequests" | "hash";
    /** @description A request that is made of each instance now and then, while the service is in use. One that fails it is not asked until it passes again. Null: no checks. */
    healthCheck: {
        /**
         * @description What is asked for, by GET, behind the URL of the instance.
         * @example /healthz
         */
        path: string;
        /**
         * @description How many seconds lie between two checks of an instance.
         * @example 10
         */
        interval: number;
        /**
         * @description How many seconds the answer may take.
         * @example 5
         */
        timeout: number;
        /**
         * @description How many checks in a row make an instance healthy that was not.
         * @example 2
         */
        healthyThreshold: number;
        /**
         * @description How many failed checks in a row make an instance unhealthy.
         * @example 3
         */
        unhealthyThreshold: number;
        /**
         * @description The statuses of a healthy instance. Redirects are not followed.
         * @example {
         *       "from": 200,
         *       "to": 299
         *     }
         */
        expect: {
            /**
             * @description The lowest status of a healthy instance.
             * @example 200
             */
            from: number;
            /**
             * @description The highest one.
             * @example 299
             */
            to: number;
        };
    } | null;
    /** @description Takes an instance out for a while that fails what it is asked: a 5xx, a timeout, or no connection. It is longer each time in a row. Null: off. */
    outlier: {
        /**
         * @description How many failures in a row take an instance out.
         * @example 5
         */
        consecutiveFailures: number;
        /**
         * @description How many seconds it is out the first time, and as many more each time in a row, 300 at most.
         * @example 30
         */
        baseEjection: number;
        /**
         * @description How many percent of the instances may be out at once. At least one may.
         * @example 10
         */
        maxEjectedPercent: number;
    } | null;
    /** @description Gives the whole service a rest when too much of it fails: nothing is sent for a while, then a few probes, which end the rest or begin it again. Null: off. */
    breaker: {
        /**
         * @description The part of failures from which on it opens, above 0 and at most 1.
         * @example 0.5
         */
        failureRate: number;
        /**
         * @description With fewer requests in the window it stays closed.
         * @example 20
         */
        minRequests: number;
        /**
         * @description How many seconds it looks back.
         * @example 10
         */
        window: number;
        /**
         * @description How many seconds nothing is sent.
         * @example 30
         */
        openFor: number;
        /**
         * @description How many requests are sent then. As many successes end the rest, one failure begins it again.
         * @example 5
         */
        halfOpenProbes: number;
    } | null;
    /** @description What may be under way at the service at once, so that it is not overrun and takes nobody else's room. Null: no limit. */
    bulkhead: {
        /**
         * @description The most jobs under way at once, exactly and over all processors. Requests of the proxy have the same limit, shared out among the isolates that send them, so that it may be passed for a moment.
         * @example 1024
         */
        maxInFlight: number;
        /**
         * @description The most requests of the proxy that wait for room in one isolate. One more is refused with 503.
         * @example 1024
         */
        maxWaiting: number;
    } | null;
    /**
     * @description How many seconds one request may take in all. A job's own timeout holds where it is shorter.
     * @example 60
     */
    timeout: number;
    /**
     * @description How many seconds may pass until the headers of the answer come.
     * @example 30
     */
    firstByteTimeout: number;
    /**
     * @description When the proxy sends a request again that failed, to another instance. Jobs are tried again by the policy of their queue.
     * @example {
     *       "attempts": 2,
     *       "perTryTimeout": null,
     *       "budgetPercent": 20
     *     }
     */
    retry: {
        /**
         * @description How often a request is sent in all.
         * @example 2
         */
        attempts: number;
        /**
         * @description How many seconds one of these may take. Null: as long as is left of `timeout`.
         * @example null
         * @example 5
         */
        perTryTimeout: number | null;
        /**
         * @description How many percent of the requests of the last ten seconds may be sent again, so that retries do not bury a service that is down.
         * @example 20
         */
        budgetPercent: number;
    };
    /**
     * @description The most jobs that start in any window of a length. Null: no limit.
     * @example null
     */
    rate: {
        /**
         * @description The most starts in any window of `period` seconds, wherever the window begins.
         * @example 100
         */
        limit: number;
        /**
         * @description The length of the window in seconds, fractions allowed.
         * @example 1
         */
        period: number;
    } | null;
    /**
     * @description Counts the changes of the service: of two copies the one with the higher number is newer.
     * @example 1
     */
    version: number;
    /**
     * Format: date-time
     * @description When the service was created.
     * @example 2026-11-22T15:32:03.604Z
     */
    createdAt: string;
    /**
     * Format: date-time
     * @description When its settings were last changed.
     * @example 2026-11-22T15:32:03.604Z
     */
    updatedAt: string;
    /**
     * @description How the service is at the moment. Left out in a list.
     * @example {
     *       "breaker": {
     *         "state": "closed",
     *         "nextProbeAt": null
     *       },
     *       "inFlight": 12,
     *       "instances": [
     *         {
     *           "url": "https://mail-1.example.com",
     *           "state": "healthy",
     *           "because": "Nothing speaks against it.",
     *           "inFlight": 3,
     *           "latencyMs": 38.5,
     *           "successRate": 0.98,
     *           "lastCheck": {
     *             "at": "2026-11-22T15:32:04.249Z",
     *             "ok": true,
     *             "detail": "It answered 200."
     *           },
     *           "events": [
     *             {
     *               "at": "2026-11-22T15:32:04.249Z",
     *               "from": "healthy",
     *               "to": "ejected",
     *               "because": "5 requests in a row failed."
     *             }
     *           ]
     *         }
     *       ],
     *       "events": [
     *         {
     *           "at": "2026-11-22T15:32:04.249Z",
     *           "from": "healthy",
     *           "to": "ejected",
     *           "because": "5 requests in a row failed."
     *         }
     *       ]
     *     }
     */
    state?: {
        /**
         * @description The breaker of the service.
         * @example {
         *       "state": "closed",
         *       "nextProbeAt": null
         *     }
         */
        breaker: {
            /**
             * @description `closed`: requests pass; `open`: nothing is sent; `halfOpen`: a few probes are.
             * @example closed
             * @enum {string}
             */
            state: "closed" | "open" | "halfOpen";
            /**
             * @description When the next probe may be sent. Null where it is not open.
             * @example null
             * @example 2026-11-22T15:32:03.604Z
             */
            nextProbeAt: string | null;
        };
        /**
         * @description Permits for jobs that are given: as many jobs may be under way at the service.
         * @example 12
         */
        inFlight: number;
        /** @description The instances, in the order of the settings. */
        instances: {
            /**
             * @description Names the instance.
             * @example https://mail-1.example.com
             */
            url: string;
            /**
             * @description `healthy`: it is asked; `unhealthy`: it fails its checks; `ejected`: it failed what it was asked, and is out for a while. When fewer than half are healthy, all are asked.
             * @example healthy
             * @enum {string}
             */
            state: "healthy" | "unhealthy" | "ejected";
            /**
             * @description Why it is in this state, in a sentence.
             * @example Nothing speaks against it.
             */
            because: string;
            /**
             * @description Requests under way there, as far as it was reported; reports come every few seconds.
             * @example 3
             */
            inFlight: number;
            /**
             * @description What its answers take, in milliseconds: an average that follows a rise at once, and a fall slowly. Null: none is known.
             * @example 38.5
             * @example null
             */
            latencyMs: number | null;
            /**
             * @description The part of its requests of the last minute that succeeded, 0 to 1. Null: there were none.
             * @example 0.98
             * @example null
             */
            successRate: number | null;
            /** @description The last health check of it. Null: none was made since the service was last started. */
            lastCheck: {
                /**
                 * Format: date-time
                 * @description When it was made.
                 * @example 2026-11-22T15:32:04.249Z
                 */
                at: string;
                /**
                 * @description Whether it passed.
                 * @example true
                 */
                ok: boolean;
                /**
                 * @description What came of it, in a sentence.
                 * @example It answered 200.
                 */
                detail: string;
            } | null;
            /** @description The last ten changes of its state, the newest first. */
            events: {
                /**
                 * Format: date-time
                 * @description When it happened.
                 * @example 2026-11-22T15:32:04.249Z
                 */
                at: string;
                /**
                 * @description The state before.
                 * @example healthy
                 */
                from: string;
                /**
                 * @description The state from then on.
                 * @example ejected
                 */
                to: string;
                /**
                 * @description Why, in a sentence.
                 * @example 5 requests in a row failed.
                 */
                because: string;
            }[];
        }[];
        /** @description The last ten changes of the breaker, the newest first. */
        events: {
            /**
             * Format: date-time
             * @description When it happened.
             * @example 2026-11-22T15:32:04.249Z
             */
            at: string;
            /**
             * @description The state before.
             * @example healthy
             */
            from: string;
            /**
             * @description The state from then on.
             * @example ejected
             */
            to: string;
            /**
             * @description Why, in a sentence.
             * @example 5 requests in a row failed.
             */
            because: string;
        }[];
    } | undefined;
}

/**
 * A page of a list. Services, the newest first.
 */
export interface ServiceList {
    /** @description Services, the newest first: as many as fit on the page. */
    items: Service[];
    /**
     * @description The `cursor` of the next page; null at the end of the list.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     * @example null
     */
    nextCursor: string | null;
}

/**
 * One change of one job, as a subscriber is told of it.
 */
export interface LifecycleEvent {
    /**
     * @description The id of the event: the same at each delivery and for every subscription, so that what was seen can be dropped.
     * @example evt_01m81y5hxdfwy87v7akx98zqk9_3
     */
    id: string;
    /**
     * @description What happened to the job. `job.accepted`: it is committed and will run; `job.started`: an attempt has begun; `job.retrying`: an attempt has failed and another follows; `job.succeeded`; `job.failed`: for good; `job.cancelled`; `job.redriven`: it is back in line after it was final.
     * @example job.succeeded
     * @enum {string}
     */
    type: "job.accepted" | "job.started" | "job.retrying" | "job.succeeded" | "job.failed" | "job.cancelled" | "job.redriven";
    /**
     * Format: date-time
     * @description When it happened.
     * @example 2026-11-22T15:32:04.249Z
     */
    at: string;
    /**
     * @description The name of the subscription that it is delivered for.
     * @example orders
     */
    subscription: string;
    /**
     * @description The job right after the change, without payload and result.
     * @example {
     *       "id": "job_01m81y5hxdfwy87v7akx98zqk9",
     *       "namespace": "default",
     *       "queue": "orders",
     *       "state": "succeeded",
     *       "version": 3,
     *       "attempt": 1,
     *       "orderingKey": null,
     *       "tags": [],
     *       "error": null,
     *       "traceparent": null
     *     }
     */
    job: {
        /**
         * @description The id of the job.
         * @example job_01m81y5hxdfwy87v7akx98zqk9
         */
        id: string;
        /**
         * @description The namespace that it belongs to.
         * @example default
         */
        namespace: string;
        /**
         * @description The name of its queue.
         * @example orders
         */
        queue: string;
        /**
         * @description The state of the job right after the change.
         * @example succeeded
         * @enum {string}
         */
        state: "scheduled" | "queued" | "running" | "succeeded" | "failed" | "cancelled";
        /**
         * @description Counts the changes of the job: of two events of a job the one with the higher number is the later.
         * @example 3
         */
        version: number;
        /**
         * @description How many attempts have begun.
         * @example 1
         */
        attempt: number;
        /**
         * @description Its ordering key. Null when it has none.
         * @example null
         * @example user-42
         */
        orderingKey: string | null;
        /**
         * @description The words that it can be found by.
         * @example []
         */
        tags: string[];
        /**
         * @description Why the attempt failed that has just failed. Null with other events.
         * @example null
         */
        error: JobError | null;
        /**
         * @description The trace that the job belongs to, as its submission named it (W3C Trace Context). Null when it named none.
         * @example null
         * @example 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
         */
        traceparent: string | null;
    };
}

/**
 * Instants of a schedule that were missed, as a subscriber is told of them.
 */
export interface ScheduleEvent {
    /**
     * @description The id of the event: the same at each delivery and for every subscription, so that what was seen can be dropped.
     * @example evt_01m81y5hxdfwy87v7akx98zqk9_missed
     */
    id: string;
    /**
     * @description What happened. `schedule.missed`: instants are over that made no job, because they could not be looked at in time.
     * @example schedule.missed
     * @enum {string}
     */
    type: "schedule.missed";
    /**
     * Format: date-time
     * @description When they were found to be missed.
     * @example 2026-11-22T15:32:04.249Z
     */
    at: string;
    /**
     * @description The name of the subscription that it is delivered for.
     * @example orders
     */
    subscription: string;
    /**
     * @description The run of instants that were missed.
     * @example {
     *       "name": "daily-report",
     *       "namespace": "default",
     *       "queue": "reports",
     *       "scheduledAt": "2026-11-22T15:32:03.604Z",
     *       "count": 1,
     *       "reason": "The next instant was due before it could be fired."
     *     }
     */
    schedule: {
        /**
         * @description The name of the schedule.
         * @example daily-report
         */
        name: string;
        /**
         * @description The namespace that it belongs to.
         * @example default
         */
        namespace: string;
        /**
         * @description The queue of its jobs.
         * @example reports
         */
        queue: string;
        /**
         * Format: date-time
         * @description The first instant that was missed.
         * @example 2026-11-22T15:32:03.604Z
         */
        scheduledAt: string;
        /**
         * @description How many instants were missed, one after the other. Counted up to 1,000.
         * @example 1
         */
        count: number;
        /**
         * @description Why they made no job, as a sentence for people. Null when there is nothing to say.
         * @example The next instant was due before it could be fired.
         */
        reason: string | null;
    };
}

/**
 * A job under a lease.
 */
export interface ClaimedJob {
    /**
     * @description The id of the job, which sorts by the time of its acceptance.
     * @example job_01m81y5hxdfwy87v7akx98zqk9
     */
    id: string;
    /**
     * @description The namespace that the job belongs to.
     * @example default
     */
    namespace: string;
    /**
     * @description The name of its queue.
     * @example emails
     */
    queue: string;
    /**
     * @description The state of the job. `accepted` is durably accepted and not yet committed in its shard; `scheduled` waits for its run-at or for its next attempt; `queued` is due and waits for a start; `running` has an attempt under way; `succeeded`, `failed` and `cancelled` are final.
     * @example succeeded
     * @enum {string}
     */
    state: "accepted" | "scheduled" | "queued" | "running" | "succeeded" | "failed" | "cancelled";
    /**
     * @description Counts the changes of the job: of two copies the one with the higher number is newer. `If-Match` takes it in quotes.
     * @example 3
     */
    version: number;
    /**
     * @description How many attempts were spent, the one that runs and those before a redrive included: 0 before the first. One that was deferred or released, or that its worker had not begun, is not spent.
     * @example 1
     */
    attempt: number;
    /**
     * @description How often the job was handed out: it rises at each claim, whether an attempt was spent before it or not.
     * @example 1
     */
    delivery: number;
    /**
     * @description The most attempts of the job, counted from its acceptance or its last redrive.
     * @example 12
     */
    maxAttempts: number;
    /**
     * @description From 0 to 9; the higher goes first.
     * @example 5
     */
    priority: number;
    /**
     * @description The ordering key of the job. Null when it has none.
     * @example user-42
     */
    orderingKey: string | null;
    /**
     * @description The concurrency key of the job. Null when it has none.
     * @example null
     */
    concurrencyKey: string | null;
    /**
     * @description The deduplication key of the job. Null when it has none.
     * @example null
     */
    dedupKey: string | null;
    /**
     * @description The idempotency key under which the job was submitted. Null when it has none.
     * @example order-991
     */
    idempotencyKey: string | null;
    /**
     * @description The id of the job whose success brought this one. Null when it was submitted by itself.
     * @example null
     * @example job_01m81wc71wfy1r60ntfqgpprqa
     */
    parent: string | null;
    /**
     * @description How many successes deep the job was brought: 0 of a job that was submitted, one more than its parent's of any other.
     * @example 0
     */
    depth: number;
    /**
     * @description The trace that the job belongs to (W3C Trace Context): the header `traceparent` of its submission, or that of the job that brought it. Null when there was none.
     * @example null
     * @example 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
     */
    traceparent: string | null;
    /**
     * @description The words that the job can be found by.
     * @example [
     *       "welcome"
     *     ]
     */
    tags: string[];
    /**
     * @description How many seconds one attempt may take.
     * @example 60
     */
    timeout: number;
    /**
     * @description How failed attempts are tried again.
     * @example {
     *       "maxAttempts": 12,
     *       "backoff": "exponential",
     *       "delay": 10,
     *       "maxDelay": 3600,
     *       "jitter": "half"
     *     }
     */
    retry: RetryPolicy;
    /**
     * @description The input of the job, as the text that was sent. Null where it was not kept.
     * @example {
     *       "to": "a@b.example"
     *     }
     */
    payload: unknown;
    /**
     * @description What its success gave, as the text that was reported. Null before that, and where it gave nothing.
     * @example {
     *       "sent": true
     *     }
     */
    result: unknown;
    /**
     * @description Whether the result was cut at 256 KiB, as that of an HTTP target is.
     * @example false
     */
    resultTruncated: boolean;
    /**
     * @description Whether `payload` is the job's. False of a job that is read from history and whose queue has `keepPayload: false`.
     * @example true
     */
    payloadKept: boolean;
    /**
     * @description Why the last attempt failed, or was deferred or released. Null when none was, and after a success.
     * @example null
     */
    error: JobError | null;
    /**
     * Format: date-time
     * @description When the job was accepted.
     * @example 2026-11-22T15:32:03.604Z
     */
    createdAt: string;
    /**
     * Format: date-time
     * @description When the job was, or will be, due: its next attempt, where it waits for one.
     * @example 2026-11-22T15:32:03.604Z
     */
    runAt: string;
    /**
     * @description When its first attempt began. Null before that.
     * @example 2026-11-22T15:32:03.711Z
     */
    startedAt: string | null;
    /**
     * @description When it became final. Null before that.
     * @example 2026-11-22T15:32:04.249Z
     */
    finishedAt: string | null;
    /**
     * @description A job whose first attempt has not begun by then fails and never runs. Null when it waits without end.
     * @example null
     * @example 2026-12-01T00:00:00Z
     */
    expiresAt: string | null;
    /**
     * @description When the lease of the running attempt ends unless it is extended. Null while no attempt runs.
     * @example null
     * @example 2026-12-01T00:00:00Z
     */
    leaseExpiresAt: string | null;
    /**
     * @description What its workers last said of how far it is. Null when none has said anything, and once the job has succeeded or was cancelled.
     * @example null
     */
    progress: {
        /**
         * @description How far the job is, in percent: 0 to 100. Null when no worker has said.
         * @example 41.5
         */
        percent: number | null;
        /**
         * @description What the worker is at, for people. Null when no worker has said.
         * @example frame 830 of 2000
         */
        message: string | null;
        /**
         * Format: date-time
         * @description When a worker last said something, a checkpoint too.
         * @example 2026-11-22T15:32:03.711Z
         */
        at: string;
    } | null;
    /** @description Its attempts, the oldest first. */
    attempts: Attempt[];
    /**
     * @description The right to run this attempt and to report its outcome: an opaque text.
     * @example lease_01m81y5hxdfwy87v7akx98zqk9_1_5f2c9a7e10b3d846c1d07e92b45a386f
     */
    lease: string;
    /**
     * @description What an earlier attempt stored to go on from. Null when there is nothing.
     * @example null
     * @example {
     *       "frame": 830
     *     }
     */
    checkpoint: unknown;
    /** @description The text of `payload`, to the digit: the client adds it, where that is not null. */
    payloadText?: string | undefined;
    /** @description The text of `result`, to the digit: the client adds it, where that is not null. */
    resultText?: string | undefined;
    /** @description The text of `checkpoint`, to the digit: the client adds it, where that is not null. */
    checkpointText?: string | undefined;
}

/**
 * The jobs that were claimed.
 */
export interface Claimed {
    /** @description The jobs, each under a lease of its own. Empty when there were none to have. */
    jobs: ClaimedJob[];
}

/**
 * What became of the reports, and the jobs of the next claim.
 */
export interface Reported {
    /**
     * @description What became of each report, in the order in which they were sent.
     * @example [
     *       {
     *         "status": "recorded"
     *       }
     *     ]
     */
    items: ({
        /**
         * @description `recorded`: the outcome counts.
         * @example recorded
         * @constant
         */
        status: "recorded";
        /**
         * @description The ids of the jobs that the success brought, in their order. Left out where it brought none.
         * @example [
         *       "job_01m81wc71wfy1r60ntfqgpprqa"
         *     ]
         */
        spawned?: string[] | undefined;
    } | {
        /**
         * @description `stale`: the lease was no longer the current one, and the report changes nothing.
         * @example stale
         * @constant
         */
        status: "stale";
        /**
         * @description What was wrong.
         * @example {
         *       "type": "/problems/invalid-request",
         *       "title": "The request is not valid",
         *       "status": 400,
         *       "detail": "The request is not valid.",
         *       "code": "invalid-request",
         *       "errors": [
         *         {
         *           "pointer": "/priority",
         *           "detail": "priority is a whole number from 0 to 9."
         *         }
         *       ]
         *     }
         */
        problem: Problem;
        /**
         * @description True where the job was cancelled under this lease. Left out otherwise.
         * @example true
         */
        cancelled?: boolean | undefined;
    } | {
        /**
         * @description `refused`: nothing was recorded and the lease stands, because the queue of a spawned job was changed or deleted as the report came.
         * @example refused
         * @constant
         */
        status: "refused";
        /**
         * @description What was wrong.
         * @example {
         *       "type": "/problems/invalid-request",
         *       "title": "The request is not valid",
         *       "status": 400,
         *       "detail": "The request is not valid.",
         *       "code": "invalid-request",
         *       "errors": [
         *         {
         *           "pointer": "/priority",
         *           "detail": "priority is a whole number from 0 to 9."
         *         }
         *       ]
         *     }
         */
        problem: Problem;
    })[];
    /** @description The jobs that were claimed. Empty without a claim. */
    jobs: ClaimedJob[];
}

/**
 * The job, and the ids of the jobs that its success brought.
 */
export interface Succeeded {
    /**
     * @description The id of the job, which sorts by the time of its acceptance.
     * @example job_01m81y5hxdfwy87v7akx98zqk9
     */
    id: string;
    /**
     * @description The namespace that the job belongs to.
     * @example default
     */
    namespace: string;
    /**
     * @description The name of its queue.
     * @example emails
     */
    queue: string;
    /**
     * @description The state of the job. `accepted` is durably accepted and not yet committed in its shard; `scheduled` waits for its run-at or for its next attempt; `queued` is due and waits for a start; `running` has an attempt under way; `succeeded`, `failed` and `cancelled` are final.
     * @example succeeded
     * @enum {string}
     */
    state: "accepted" | "scheduled" | "queued" | "running" | "succeeded" | "failed" | "cancelled";
    /**
     * @description Counts the changes of the job: of two copies the one with the higher number is newer. `If-Match` takes it in quotes.
     * @example 3
     */
    version: number;
    /**
     * @description How many attempts were spent, the one that runs and those before a redrive included: 0 before the first. One that was deferred or released, or that its worker had not begun, is not spent.
     * @example 1
     */
    attempt: number;
    /**
     * @description How often the job was handed out: it rises at each claim, whether an attempt was spent before it or not.
     * @example 1
     */
    delivery: number;
    /**
     * @description The most attempts of the job, counted from its acceptance or its last redrive.
     * @example 12
     */
    maxAttempts: number;
    /**
     * @description From 0 to 9; the higher goes first.
     * @example 5
     */
    priority: number;
    /**
     * @description The ordering key of the job. Null when it has none.
     * @example user-42
     */
    orderingKey: string | null;
    /**
     * @description The concurrency key of the job. Null when it has none.
     * @example null
     */
    concurrencyKey: string | null;
    /**
     * @description The deduplication key of the job. Null when it has none.
     * @example null
     */
    dedupKey: string | null;
    /**
     * @description The idempotency key under which the job was submitted. Null when it has none.
     * @example order-991
     */
    idempotencyKey: string | null;
    /**
     * @description The id of the job whose success brought this one. Null when it was submitted by itself.
     * @example null
     * @example job_01m81wc71wfy1r60ntfqgpprqa
     */
    parent: string | null;
    /**
     * @description How many successes deep the job was brought: 0 of a job that was submitted, one more than its parent's of any other.
     * @example 0
     */
    depth: number;
    /**
     * @description The trace that the job belongs to (W3C Trace Context): the header `traceparent` of its submission, or that of the job that brought it. Null when there was none.
     * @example null
     * @example 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
     */
    traceparent: string | null;
    /**
     * @description The words that the job can be found by.
     * @example [
     *       "welcome"
     *     ]
     */
    tags: string[];
    /**
     * @description How many seconds one attempt may take.
     * @example 60
     */
    timeout: number;
    /**
     * @description How failed attempts are tried again.
     * @example {
     *       "maxAttempts": 12,
     *       "backoff": "exponential",
     *       "delay": 10,
     *       "maxDelay": 3600,
     *       "jitter": "half"
     *     }
     */
    retry: RetryPolicy;
    /**
     * @description The input of the job, as the text that was sent. Null where it was not kept.
     * @example {
     *       "to": "a@b.example"
     *     }
     */
    payload: unknown;
    /**
     * @description What its success gave, as the text that was reported. Null before that, and where it gave nothing.
     * @example {
     *       "sent": true
     *     }
     */
    result: unknown;
    /**
     * @description Whether the result was cut at 256 KiB, as that of an HTTP target is.
     * @example false
     */
    resultTruncated: boolean;
    /**
     * @description Whether `payload` is the job's. False of a job that is read from history and whose queue has `keepPayload: false`.
     * @example true
     */
    payloadKept: boolean;
    /**
     * @description Why the last attempt failed, or was deferred or released. Null when none was, and after a success.
     * @example null
     */
    error: JobError | null;
    /**
     * Format: date-time
     * @description When the job was accepted.
     * @example 2026-11-22T15:32:03.604Z
     */
    createdAt: string;
    /**
     * Format: date-time
     * @description When the job was, or will be, due: its next attempt, where it waits for one.
     * @example 2026-11-22T15:32:03.604Z
     */
    runAt: string;
    /**
     * @description When its first attempt began. Null before that.
     * @example 2026-11-22T15:32:03.711Z
     */
    startedAt: string | null;
    /**
     * @description When it became final. Null before that.
     * @example 2026-11-22T15:32:04.249Z
     */
    finishedAt: string | null;
    /**
     * @description A job whose first attempt has not begun by then fails and never runs. Null when it waits without end.
     * @example null
     * @example 2026-12-01T00:00:00Z
     */
    expiresAt: string | null;
    /**
     * @description When the lease of the running attempt ends unless it is extended. Null while no attempt runs.
     * @example null
     * @example 2026-12-01T00:00:00Z
     */
    leaseExpiresAt: string | null;
    /**
     * @description What its workers last said of how far it is. Null when none has said anything, and once the job has succeeded or was cancelled.
     * @example null
     */
    progress: {
        /**
         * @description How far the job is, in percent: 0 to 100. Null when no worker has said.
         * @example 41.5
         */
        percent: number | null;
        /**
         * @description What the worker is at, for people. Null when no worker has said.
         * @example frame 830 of 2000
         */
        message: string | null;
        /**
         * Format: date-time
         * @description When a worker last said something, a checkpoint too.
         * @example 2026-11-22T15:32:03.711Z
         */
        at: string;
    } | null;
    /** @description Its attempts, the oldest first. */
    attempts: Attempt[];
    /**
     * @description The ids of the jobs that the success brought, in their order. Left out where it brought none.
     * @example [
     *       "job_01m81wc71wfy1r60ntfqgpprqa"
     *     ]
     */
    spawned?: string[] | undefined;
    /** @description The text of `payload`, to the digit: the client adds it, where that is not null. */
    payloadText?: string | undefined;
    /** @description The text of `result`, to the digit: the client adds it, where that is not null. */
    resultText?: string | undefined;
}

/**
 * The lease as it stands.
 */
export interface Extended {
    /**
     * @description When the lease ends now. Null when the job was cancelled.
     * @example 2026-12-01T00:00:00Z
     */
    leaseExpiresAt: string | null;
    /**
     * @description True tells the worker to stop: the job was cancelled, and its report will change nothing.
     * @example false
     */
    cancelled: boolean;
}

/**
 * An API key, without its text.
 */
export interface Key {
    /**
     * @description The id of the key, which is also the middle part of its text.
     * @example 01m81y5hxdfwy87v7akx
     */
    id: string;
    /**
     * @description What people call the key.
     * @example CI of the shop
     */
    name: string;
    /**
     * @description What the key may do: `submit` and cancel jobs; `read` jobs, queues and what else there is; `work`, to claim and report; `invoke`, to send requests to services; `admin`, which implies these and may change queues, keys and all else; `metrics`, to read the counters of the whole deployment.
     * @example [
     *       "submit",
     *       "read"
     *     ]
     */
    scopes: ("submit" | "read" | "work" | "invoke" | "admin" | "metrics")[];
    /**
     * @description The namespace that the key is for.
     * @example default
     */
    namespace: string;
    /**
     * Format: date-time
     * @description When the key was made.
     * @example 2026-11-22T15:32:03.604Z
     */
    createdAt: string;
    /**
     * @description When the key stops working. Null: never.
     * @example null
     * @example 2026-12-01T00:00:00Z
     */
    expiresAt: string | null;
    /**
     * @description The id of the key that made it, with which it is revoked. Null: the root key made it, or a version of Dure that did not note it.
     * @example null
     * @example 01m81y5hxdfwy87v7akx
     */
    parent: string | null;
    /**
     * @description The hour in which the key was last used, by its beginning. Null: it was not, or not since Dure notes it.
     * @example null
     * @example 2026-11-22T15:00:00.000Z
     */
    lastUsedAt: string | null;
}

/**
 * An API key as it was made, with its text.
 */
export interface CreatedKey {
    /**
     * @description The id of the key, which is also the middle part of its text.
     * @example 01m81y5hxdfwy87v7akx
     */
    id: string;
    /**
     * @description What people call the key.
     * @example CI of the shop
     */
    name: string;
    /**
     * @description What the key may do: `submit` and cancel jobs; `read` jobs, queues and what else there is; `work`, to claim and report; `invoke`, to send requests to services; `admin`, which implies these and may change queues, keys and all else; `metrics`, to read the counters of the whole deployment.
     * @example [
     *       "submit",
     *       "read"
     *     ]
     */
    scopes: ("submit" | "read" | "work" | "invoke" | "admin" | "metrics")[];
    /**
     * @description The namespace that the key is for.
     * @example default
     */
    namespace: string;
    /**
     * Format: date-time
     * @description When the key was made.
     * @example 2026-11-22T15:32:03.604Z
     */
    createdAt: string;
    /**
     * @description When the key stops working. Null: never.
     * @example null
     * @example 2026-12-01T00:00:00Z
     */
    expiresAt: string | null;
    /**
     * @description The id of the key that made it, with which it is revoked. Null: the root key made it, or a version of Dure that did not note it.
     * @example null
     * @example 01m81y5hxdfwy87v7akx
     */
    parent: string | null;
    /**
     * @description The hour in which the key was last used, by its beginning. Null: it was not, or not since Dure notes it.
     * @example null
     * @example 2026-11-22T15:00:00.000Z
     */
    lastUsedAt: string | null;
    /**
     * @description The whole text of the key, as it goes behind `Authorization: Bearer`. It is shown this once and stored nowhere.
     * @example dure_01m81y5hxdfwy87v7akx_4mD0vTq3nYbW8sKeXrLc2HuJpZaF7gNiQo1Rt5UyBx90fG-5d0c3a7e91f24b68c07d3e15
     */
    key: string;
}

/**
 * A page of a list. API keys that are not revoked, the newest first.
 */
export interface KeyList {
    /** @description API keys that are not revoked, the newest first: as many as fit on the page. */
    items: Key[];
    /**
     * @description The `cursor` of the next page; null at the end of the list.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     * @example null
     */
    nextCursor: string | null;
}

/**
 * A namespace: its queues, keys and jobs are seen by nobody else.
 */
export interface Namespace {
    /**
     * @description The name of the namespace.
     * @example acme
     */
    name: string;
    /**
     * @description Whether it is there, or is being deleted.
     * @example active
     * @enum {string}
     */
    state: "active" | "deleting";
    /**
     * @description What the namespace may have.
     * @example {
     *       "bytes": 21474836480,
     *       "unfinishedJobs": 10000000,
     *       "schedules": 10000,
     *       "queues": 10000,
     *       "keys": 1000,
     *       "subscriptions": 100,
     *       "services": 100,
     *       "firesPerSecond": 100,
     *       "spawnDepth": 32,
     *       "rateLimit": 100000
     *     }
     */
    limits: {
        /**
         * @description Bytes that its jobs may take in shards, finished ones that are still there among them. Each shard has its share of it, by the slots that it owns. Null: no limit.
         * @example 21474836480
         */
        bytes: number | null;
        /**
         * @description Jobs that are scheduled, queued or running. Each shard has its share of it, by the slots that it owns, but at least one job. Null: no limit.
         * @example 10000000
         */
        unfinishedJobs: number | null;
        /**
         * @description Schedules that it may have.
         * @example 10000
         */
        schedules: number;
        /**
         * @description Queues that it may have, `default` among them where it was written.
         * @example 10000
         */
        queues: number;
        /**
         * @description API keys that it may have, without revoked and expired ones.
         * @example 1000
         */
        keys: number;
        /**
         * @description Subscriptions that it may have.
         * @example 100
         */
        subscriptions: number;
        /**
         * @description Services that it may have.
         * @example 100
         */
        services: number;
        /**
         * @description Fires of its schedules in a second: more wait. Each shard has its share of it, by the slots that it owns, but at least one. Null: no limit.
         * @example 100
         */
        firesPerSecond: number | null;
        /**
         * @description How many successes deep jobs may bring jobs: 0 forbids it, 1 allows it to submitted jobs alone.
         * @example 32
         */
        spawnDepth: number;
        /**
         * @description Units of requests that all its keys may spend together in 10 s: a request takes one, a list up to ten. Requests beyond it are refused (429). The root key's are not counted. Null: no limit.
         * @example 100000
         */
        rateLimit: number | null;
    };
    /**
     * @description How far its deletion is. Null: it is not being deleted.
     * @example null
     */
    deletion: {
        /**
         * Format: date-time
         * @description When the deletion began.
         * @example 2026-11-22T15:32:03.604Z
         */
        startedAt: string;
        /**
         * @description Jobs that were deleted in shards so far.
         * @example 1200
         */
        jobsDeleted: number;
        /**
         * @description Finished jobs that were deleted in history so far.
         * @example 56000
         */
        historyDeleted: number;
        /**
         * @description Whether nothing is left; the name is free two minutes later.
         * @example false
         */
        done: boolean;
    } | null;
    /**
     * @description Counts the changes of the namespace: of two copies the one with the higher number is newer.
     * @example 1
     */
    version: number;
    /**
     * Format: date-time
     * @description When it was created.
     * @example 2026-11-22T15:32:03.604Z
     */
    createdAt: string;
    /**
     * Format: date-time
     * @description When it was last changed.
     * @example 2026-11-22T15:32:03.604Z
     */
    updatedAt: string;
}

/**
 * A page of a list. Namespaces, the newest first.
 */
export interface NamespaceList {
    /** @description Namespaces, the newest first: as many as fit on the page. */
    items: Namespace[];
    /**
     * @description The `cursor` of the next page; null at the end of the list.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     * @example null
     */
    nextCursor: string | null;
}

/**
 * The slot map, and what each shard holds.
 */
export interface Cluster {
    /**
     * @description The number of the slot map; a higher one replaces a lower one.
     * @example 1
     */
    epoch: number;
    /**
     * @description How many slots there are.
     * @example 4096
     */
    slots: number;
    /**
     * @description What the variable `SHARDS` says. It is read once, when the slot map is made: later the map has as many shards as it has.
     * @example 16
     */
    configuredShards: number;
    /**
     * @description What an operator should know, as a sentence: that `SHARDS` is not what the slot map has. Null: nothing.
     * @example null
     * @example SHARDS says 16 and the slot map has 4 shards: the variable is read once, when the map is made, and changes nothing afterwards.
     */
    warning: string | null;
    /**
     * @description The shards, each with its slots.
     * @example [
     *       {
     *         "id": "s0",
     *         "slots": [
     *           [
     *             0,
     *             4095
     *           ]
     *         ],
     *         "live": 12,
     *         "bytes": 524288,
     *         "executors": []
     *       }
     *     ]
     */
    shards: {
        /**
         * @description The id of the shard.
         * @example s0
         */
        id: string;
        /**
         * @description The slots that it owns, as ranges of a first and a last one, both included.
         * @example [
         *       [
         *         0,
         *         1023
         *       ]
         *     ]
         */
        slots: [
            number,
            number
        ][];
        /**
         * @description Jobs of all namespaces that it holds and that are not final.
         * @example 12
         */
        live: number;
        /**
         * @description The size of its database in bytes.
         * @example 524288
         */
        bytes: number;
        /**
         * @description Who comes for its jobs: one entry for each lane and kind of executor that somebody came for, or in which work waits.
         * @example [
         *       {
         *         "lane": "default",
         *         "executor": "processor",
         *         "version": "0.1.0",
         *         "visitedAt": "2026-11-22T15:32:03.604Z",
         *         "waitingSince": null
         *       }
         *     ]
         */
        executors: {
            /**
             * @description The lane.
             * @example default
             * @enum {string}
             */
            lane: "default" | "slow" | "bulk";
            /**
             * @description Whose jobs these are: those of handlers and HTTP targets are the `processor`'s; those of consumer queues the `consumer`'s, a Worker of the user's own.
             * @example processor
             * @enum {string}
             */
            executor: "processor" | "consumer";
            /**
             * @description The release of the processor that came last. Null: it did not say, or nobody came, or it is a consumer.
             * @example 0.1.0
             */
            version: string | null;
            /**
             * @description When an executor came last. After a restart of the shard it may be up to an hour older than it was. Null: nobody is known to have come.
             * @example 2026-11-22T15:32:03.604Z
             */
            visitedAt: string | null;
            /**
             * @description Since when work has waited and nobody has come for it. Null: nothing waits.
             * @example null
             * @example 2026-11-22T15:32:03.604Z
             */
            waitingSince: string | null;
        }[];
    }[];
}

/**
 * Whether the shards' rows agree, and nothing waits that nothing would ever run.
 */
export interface Audit {
    /**
     * @description Whether no rule is broken.
     * @example true
     */
    ok: boolean;
    /**
     * Format: date-time
     * @description When the shards were asked.
     * @example 2026-11-22T15:32:03.604Z
     */
    checkedAt: string;
    /**
     * @description How many shards were asked.
     * @example 4
     */
    shards: number;
    /**
     * @description The rules that are broken: rows that contradict each other, jobs that nothing would run.
     * @example []
     */
    violations: {
        /**
         * @description The id of the shard; empty where it concerns them together.
         * @example s0
         */
        shard: string;
        /**
         * @description The rule that is broken.
         * @example running-has-lease
         */
        rule: string;
        /**
         * @description What breaks it, for people.
         * @example 1 slots, the first 2000
         */
        detail: string;
    }[];
    /**
     * @description The last full pass over each shard, by which the answer is. A small shard is looked at whole in this call.
     * @example [
     *       {
     *         "shard": "s0",
     *         "startedAt": "2026-11-22T15:32:03.604Z",
     *         "finishedAt": "2026-11-22T15:32:03.604Z",
     *         "rows": 340
     *       }
     *     ]
     */
    passes: {
        /**
         * @description The id of the shard.
         * @example s0
         */
        shard: string;
        /**
         * @description When the pass began. Null: the shard has had none yet.
         * @example 2026-11-22T15:32:03.604Z
         */
        startedAt: string | null;
        /**
         * @description When it ended. Null: the shard has had none yet.
         * @example 2026-11-22T15:32:03.604Z
         */
        finishedAt: string | null;
        /**
         * @description How many rows it looked at, each as often as it did.
         * @example 340
         */
        rows: number;
    }[];
    /**
     * @description The passes that are under way, with what they have found so far.
     * @example []
     */
    running: {
        /**
         * @description The id of the shard.
         * @example s0
         */
        shard: string;
        /**
         * Format: date-time
         * @description When the pass began.
         * @example 2026-11-22T15:32:03.604Z
         */
        startedAt: string;
        /**
         * @description How many rows it has looked at so far.
         * @example 12500
         */
        rows: number;
        /**
         * @description How many broken rules it has found so far.
         * @example 0
         */
        violations: number;
    }[];
}

/**
 * A page of a list. Entries of the audit log, the newest first.
 */
export interface AuditLog {
    /** @description Entries of the audit log, the newest first: as many as fit on the page. */
    items: {
        /**
         * @description The id of the entry; a later entry has a higher one.
         * @example 01m81y5hxdqz3nv8c2ra
         */
        id: string;
        /**
         * Format: date-time
         * @description When the call was answered.
         * @example 2026-11-22T15:32:03.604Z
         */
        at: string;
        /**
         * @description Whose call it was: the id of an API key, `root`, `root-previous` for the root key before, or `binding:` and a namespace.
         * @example 01m81y5hxdfwy87v7akx
         */
        keyId: string;
        /**
         * @description The namespace that the call was about. Null: the deployment as a whole, which the root key alone is shown.
         * @example default
         */
        namespace: string | null;
        /**
         * @description The name of the call, as in the OpenAPI document.
         * @example pauseQueue
         */
        call: string;
        /**
         * @description The name or id of what the call was about, cut after 200 characters. Null: the call names nothing.
         * @example emails
         */
        object: string | null;
        /**
         * @description The address that the request came from. Null: another Worker called by a binding.
         * @example 203.0.113.7
         */
        address: string | null;
        /**
         * @description The HTTP status of the answer.
         * @example 200
         */
        status: number;
    }[];
    /**
     * @description The `cursor` of the next page; null at the end of the list.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     * @example null
     */
    nextCursor: string | null;
}

/**
 * The secrets of the namespace that sign webhooks.
 */
export interface WebhookSecret {
    /**
     * @description The secret that signs what HTTP targets and subscribers get, as Standard Webhooks has it.
     * @example whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
     */
    current: string;
    /**
     * @description The secret before the last rotation, which signs beside the current one for 24 hours. Null when none does.
     * @example null
     */
    previous: string | null;
    /**
     * @description All secrets that sign now, the current one first: each signs for 24 hours after the one that came after it was made.
     * @example [
     *       "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
     *     ]
     */
    signing: string[];
}

/**
 * Whether Dure can work.
 */
export interface Ready {
    /**
     * @description `ok`: everything answers; `degraded`: the shards and the directory do, and something else does not, the cron stands still, the processor does not come, or history has little room left; `down`: they do not.
     * @example ok
     * @enum {string}
     */
    status: "ok" | "degraded" | "down";
    /**
     * @description Each thing that Dure needs, by its name.
     * @example {
     *       "d1": {
     *         "ok": true,
     *         "latencyMs": 3
     *       },
     *       "kv": {
     *         "ok": true,
     *         "latencyMs": 3
     *       },
     *       "queues": {
     *         "ok": true,
     *         "latencyMs": 3
     *       },
     *       "shards": {
     *         "ok": true,
     *         "latencyMs": 3
     *       },
     *       "directory": {
     *         "ok": true,
     *         "latencyMs": 3
     *       },
     *       "cron": {
     *         "ok": true,
     *         "latencyMs": 3,
     *         "ageSeconds": 42
     *       },
     *       "processor": {
     *         "ok": true,
     *         "latencyMs": 3,
     *         "waitingSeconds": null
     *       },
     *       "history": {
     *         "ok": true,
     *         "latencyMs": 3,
     *         "usedPercent": 12,
     *         "refusedSeconds": null
     *       }
     *     }
     */
    checks: {
        /**
         * @description The database with history and configuration.
         * @example {
         *       "ok": true,
         *       "latencyMs": 3
         *     }
         */
        d1: {
            /**
             * @description Whether it answered within 2 seconds.
             * @example true
             */
            ok: boolean;
            /**
             * @description How many milliseconds that took.
             * @example 3
             */
            latencyMs: number;
        };
        /**
         * @description The key-value store that caches use.
         * @example {
         *       "ok": true,
         *       "latencyMs": 3
         *     }
         */
        kv: {
            /**
             * @description Whether it answered within 2 seconds.
             * @example true
             */
            ok: boolean;
            /**
             * @description How many milliseconds that took.
             * @example 3
             */
            latencyMs: number;
        };
        /**
         * @description The Queues that carry doorbells.
         * @example {
         *       "ok": true,
         *       "latencyMs": 3
         *     }
         */
        queues: {
            /**
             * @description Whether it answered within 2 seconds.
             * @example true
             */
            ok: boolean;
            /**
             * @description How many milliseconds that took.
             * @example 3
             */
            latencyMs: number;
        };
        /**
         * @description Three shards, or all where there are fewer.
         * @example {
         *       "ok": true,
         *       "latencyMs": 3
         *     }
         */
        shards: {
            /**
             * @description Whether it answered within 2 seconds.
             * @example true
             */
            ok: boolean;
            /**
             * @description How many milliseconds that took.
             * @example 3
             */
            latencyMs: number;
        };
        /**
         * @description The directory, which holds the slot map.
         * @example {
         *       "ok": true,
         *       "latencyMs": 3
         *     }
         */
        directory: {
            /**
             * @description Whether it answered within 2 seconds.
             * @example true
             */
            ok: boolean;
            /**
             * @description How many milliseconds that took.
             * @example 3
             */
            latencyMs: number;
        };
        /**
         * @description Not `ok` when its last round ended more than 5 minutes ago.
         * @example {
         *       "ok": true,
         *       "latencyMs": 3,
         *       "ageSeconds": 42
         *     }
         */
        cron: {
            /**
             * @description Whether it answered within 2 seconds.
             * @example true
             */
            ok: boolean;
            /**
             * @description How many milliseconds that took.
             * @example 3
             */
            latencyMs: number;
            /**
             * @description How many seconds ago the last round ended. Null: there was none yet, which is well on a new deployment.
             * @example 42
             */
            ageSeconds: number | null;
        };
        /**
         * @description Not `ok` when jobs for handlers or HTTP targets could run and no processor has come for them for more than 60 seconds. Without such jobs it is `ok`.
         * @example {
         *       "ok": true,
         *       "latencyMs": 3,
         *       "waitingSeconds": null
         *     }
         */
        processor: {
            /**
             * @description Whether it answered within 2 seconds.
             * @example true
             */
            ok: boolean;
            /**
             * @description How many milliseconds that took.
             * @example 3
             */
            latencyMs: number;
            /**
             * @description How many seconds pushed work has waited and no processor has come for it, on the shards that were asked. Null: none waits.
             * @example null
             * @example 2
             */
            waitingSeconds: number | null;
        };
        /**
         * @description Not `ok` from 80 percent on, and while a full database refuses finished jobs. These stay in their shards meanwhile, and jobs are accepted as long as those have room.
         * @example {
         *       "ok": true,
         *       "latencyMs": 3,
         *       "usedPercent": 12,
         *       "refusedSeconds": null
         *     }
         */
        history: {
            /**
             * @description Whether it answered within 2 seconds.
             * @example true
             */
            ok: boolean;
            /**
             * @description How many milliseconds that took.
             * @example 3
             */
            latencyMs: number;
            /**
             * @description How much of what it can hold the fullest database of history has, in percent. Null when one did not say.
             * @example 12
             */
            usedPercent: number | null;
            /**
             * @description For how many seconds history has had no room for what finished, on the shards that were asked. Null: it takes what there is.
             * @example null
             * @example 90
             */
            refusedSeconds: number | null;
        };
    };
}

/**
 * A bulk operation, and how far it has come.
 */
export interface Operation {
    /**
     * @description The id of the operation.
     * @example op_3015d814fcf0a83af76ef43090da9aab
     */
    id: string;
    /**
     * @description What is done to each job: `cancel` ends jobs that are not final; `retry` brings failed and cancelled ones back in line with a new budget of attempts; `delete` removes final ones with payload, result and attempts.
     * @example cancel
     * @enum {string}
     */
    action: "cancel" | "retry" | "delete";
    /**
     * @description Which jobs: those that are all that is named.
     * @example {
     *       "queue": "imports",
     *       "tag": "night"
     *     }
     */
    filter: {
        /**
         * @description Only jobs of this queue.
         * @example imports
         */
        queue?: string | undefined;
        /**
         * @description Only jobs in this state, which has to be one that the action acts on.
         * @example failed
         * @enum {string}
         */
        state?: ("scheduled" | "queued" | "running" | "succeeded" | "failed" | "cancelled") | undefined;
        /**
         * @description Only jobs with this tag.
         * @example night
         */
        tag?: string | undefined;
        /**
         * @description Only jobs with this ordering key.
         * @example user-42
         */
        orderingKey?: string | undefined;
        /**
         * @description Only jobs whose last error has this code.
         * @example timeout
         */
        errorCode?: string | undefined;
        /**
         * @description Only failed jobs whose failure is of this kind, as `GET /v1/queues/{queue}/failures` names it.
         * @example 87e367a373b5b01b
         */
        fingerprint?: string | undefined;
        /**
         * Format: date-time
         * @description Only jobs that were accepted after this time.
         * @example 2026-11-22T15:32:03.604Z
         */
        createdAfter?: string | undefined;
        /**
         * Format: date-time
         * @description Only jobs that were accepted before this time.
         * @example 2026-12-01T00:00:00Z
         */
        createdBefore?: string | undefined;
        /**
         * Format: date-time
         * @description Only jobs that became final before this time.
         * @example 2026-12-01T00:00:00Z
         */
        finishedBefore?: string | undefined;
    };
    /**
     * @description With `retry` only: about so many jobs a second are brought back. Null: as fast as it goes.
     * @example null
     * @example 5
     */
    ratePerSecond: number | null;
    /**
     * @description Whether jobs are only counted, and nothing is changed.
     * @example false
     */
    dryRun: boolean;
    /**
     * @description `running`, or `done`: every job that was accepted before `createdAt` has been looked at.
     * @example done
     * @enum {string}
     */
    state: "running" | "done";
    /**
     * @description When the operation was created. Jobs accepted after that are left alone.
     * @example 2026-11-22T15:32:03.604Z
     */
    createdAt: string;
    /**
     * @description When it was done. Null while it runs.
     * @example 2026-11-22T15:32:04.249Z
     */
    finishedAt: string | null;
    /**
     * @description How far it has come.
     * @example {
     *       "scanned": 120,
     *       "matched": 5,
     *       "changed": 5
     *     }
     */
    progress: {
        /**
         * @description Jobs that were looked at.
         * @example 120
         */
        scanned: number;
        /**
         * @description Jobs that the filter selected and the action acts on.
         * @example 5
         */
        matched: number;
        /**
         * @description Jobs that were changed: none in a dry run.
         * @example 5
         */
        changed: number;
    };
}

/**
 * A page of a list. Operations, the newest first.
 */
export interface OperationList {
    /** @description Operations, the newest first: as many as fit on the page. */
    items: Operation[];
    /**
     * @description The `cursor` of the next page; null at the end of the list.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     * @example null
     */
    nextCursor: string | null;
}

/**
 * The query of the call "List jobs, newest first".
 */
export interface ListJobsQuery {
    /**
     * @description Only jobs of the queue of this name. Left out: of every queue.
     * @example emails
     */
    queue?: string | undefined;
    /**
     * @description Only jobs in this state. Left out: in any.
     * @example failed
     */
    state?: ("scheduled" | "queued" | "running" | "succeeded" | "failed" | "cancelled") | undefined;
    /**
     * @description Only jobs with this tag. Left out: with any tags or none.
     * @example welcome
     */
    tag?: string | undefined;
    /**
     * @description Only jobs with this ordering key. Left out: with any or none.
     * @example user-42
     */
    orderingKey?: string | undefined;
    /**
     * @description Only jobs that were accepted after this time.
     * @example 2026-11-22T15:32:03.604Z
     */
    createdAfter?: string | undefined;
    /**
     * @description Only jobs that were accepted before this time.
     * @example 2026-12-01T00:00:00Z
     */
    createdBefore?: string | undefined;
    /**
     * @description How fresh the answer must be. `strong` sees every write that was answered before; `session` sees all that the `Dure-Bookmark` has seen; `eventual` may be up to 300 seconds old, as `Age` says. Left out: `strong`.
     * @example session
     */
    consistency?: ("strong" | "session" | "eventual") | undefined;
    /**
     * @description The heavy fields that each item is to have: any of payload, result, attempts, separated by commas. Left out: none of them.
     * @example payload,result
     */
    include?: string | undefined;
    /**
     * @description The most items that one page has, from 1 to 200. Left out: 50.
     * @example 50
     */
    limit?: number | undefined;
    /**
     * @description Where the page begins: the `nextCursor` of the page before. Left out: the first page.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     */
    cursor?: string | undefined;
}

/**
 * The query of the call "Read a job, or wait until it is final".
 */
export interface GetJobQuery {
    /**
     * @description How fresh the answer must be. `strong` sees every write that was answered before; `session` sees all that the `Dure-Bookmark` has seen; `eventual` may be up to 300 seconds old, as `Age` says. Left out: `strong`.
     * @example session
     */
    consistency?: ("strong" | "session" | "eventual") | undefined;
}

/**
 * The query of the call "Submit up to 1000 jobs".
 */
export interface SubmitBatchQuery {
    /**
     * @description `job`: each new job stands whole in the answer, as `POST /v1/jobs` answers it. Left out, and with an `Idempotency-Key` on the batch: its id and state alone.
     * @example job
     */
    include?: "job" | undefined;
}

/**
 * The query of the call "List queues".
 */
export interface ListQueuesQuery {
    /**
     * @description The most items that one page has, from 1 to 200. Left out: 50.
     * @example 50
     */
    limit?: number | undefined;
    /**
     * @description Where the page begins: the `nextCursor` of the page before. Left out: the first page.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     */
    cursor?: string | undefined;
}

/**
 * The query of the call "List the kinds of failures of a queue, the most frequent first".
 */
export interface ListFailuresQuery {
    /**
     * @description The most items that one page has, from 1 to 200. Left out: 50.
     * @example 50
     */
    limit?: number | undefined;
    /**
     * @description Where the page begins: the `nextCursor` of the page before. Left out: the first page.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     */
    cursor?: string | undefined;
}

/**
 * The query of the call "List ordering keys that stand still, the latest first".
 */
export interface ListOrderingKeysQuery {
    /**
     * @description Only keys that are parked so. `blocked`: a failed job waits for a decision; `paused`: by hand. Left out: both.
     * @example blocked
     */
    state?: ("blocked" | "paused") | undefined;
    /**
     * @description The most items that one page has, from 1 to 200. Left out: 50.
     * @example 50
     */
    limit?: number | undefined;
    /**
     * @description Where the page begins: the `nextCursor` of the page before. Left out: the first page.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     */
    cursor?: string | undefined;
}

/**
 * The query of the call "List schedules".
 */
export interface ListSchedulesQuery {
    /**
     * @description The most items that one page has, from 1 to 200. Left out: 50.
     * @example 50
     */
    limit?: number | undefined;
    /**
     * @description Where the page begins: the `nextCursor` of the page before. Left out: the first page.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     */
    cursor?: string | undefined;
}

/**
 * The query of the call "What came of a schedule's instants".
 */
export interface ListFiresQuery {
    /**
     * @description The most items that one page has, from 1 to 200. Left out: 50.
     * @example 50
     */
    limit?: number | undefined;
    /**
     * @description Where the page begins: the `nextCursor` of the page before. Left out: the first page.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     */
    cursor?: string | undefined;
}

/**
 * The query of the call "List subscriptions".
 */
export interface ListSubscriptionsQuery {
    /**
     * @description The most items that one page has, from 1 to 200. Left out: 50.
     * @example 50
     */
    limit?: number | undefined;
    /**
     * @description Where the page begins: the `nextCursor` of the page before. Left out: the first page.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     */
    cursor?: string | undefined;
}

/**
 * The query of the call "List services".
 */
export interface ListServicesQuery {
    /**
     * @description The most items that one page has, from 1 to 200. Left out: 50.
     * @example 50
     */
    limit?: number | undefined;
    /**
     * @description Where the page begins: the `nextCursor` of the page before. Left out: the first page.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     */
    cursor?: string | undefined;
}

/**
 * The query of the call "List bulk operations, newest first".
 */
export interface ListOperationsQuery {
    /**
     * @description The most items that one page has, from 1 to 200. Left out: 50.
     * @example 50
     */
    limit?: number | undefined;
    /**
     * @description Where the page begins: the `nextCursor` of the page before. Left out: the first page.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     */
    cursor?: string | undefined;
}

/**
 * The query of the call "List API keys".
 */
export interface ListKeysQuery {
    /**
     * @description The most items that one page has, from 1 to 200. Left out: 50.
     * @example 50
     */
    limit?: number | undefined;
    /**
     * @description Where the page begins: the `nextCursor` of the page before. Left out: the first page.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     */
    cursor?: string | undefined;
}

/**
 * The query of the call "List namespaces".
 */
export interface ListNamespacesQuery {
    /**
     * @description The most items that one page has, from 1 to 200. Left out: 50.
     * @example 50
     */
    limit?: number | undefined;
    /**
     * @description Where the page begins: the `nextCursor` of the page before. Left out: the first page.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     */
    cursor?: string | undefined;
}

/**
 * The query of the call "Look for jobs that nothing would ever run".
 */
export interface AuditQuery {
    /**
     * @description Whether to wait, up to a minute, for a pass over every shard that begins after this call. Left out: the answer is what is known.
     * @example true
     */
    fresh?: ("true" | "false") | undefined;
}

/**
 * The query of the call "Read who did what".
 */
export interface ListAuditLogQuery {
    /**
     * @description The most items that one page has, from 1 to 200. Left out: 50.
     * @example 50
     */
    limit?: number | undefined;
    /**
     * @description Where the page begins: the `nextCursor` of the page before. Left out: the first page.
     * @example eyJ2IjoxLCJsIjoiam9icyJ9
     */
    cursor?: string | undefined;
    /**
     * @description Entries of this namespace alone; another than the key's own only the root key may name. Left out: the key's own, and for the root key all.
     * @example acme
     */
    namespace?: string | undefined;
}
