import * as z from "zod";
import { HISTORIES } from "../domain/history-kept.ts";
import type { JOB_STATES } from "../domain/job/state.ts";
import { DEFAULT_PRIORITY_AGING_MS, LANES, ON_FAILURE, QUEUE_CONSISTENCIES } from "../domain/queue.ts";
import { ACCEPTED_AT } from "./examples.ts";
import { described, field } from "./field.ts";
import {
  DEFAULT_IDEMPOTENCY_WINDOW_SECONDS,
  DEFAULT_MAX_DEFERRAL_SECONDS,
  DEFAULT_PARTITIONS,
  DEFAULT_RETENTION_SECONDS,
  DEFAULT_RETRY,
  DEFAULT_TIMEOUT_SECONDS,
  MAX_BACKLOG,
  MAX_CONCURRENCY,
  MAX_IDEMPOTENCY_WINDOW_SECONDS,
  MAX_KEY_CONCURRENCY,
  MAX_MAX_DEFERRAL_SECONDS,
  MAX_PARTITIONS,
  MAX_PRIORITY_AGING_SECONDS,
  MAX_PULL_TIMEOUT_SECONDS,
  MAX_PUSH_TIMEOUT_SECONDS,
  MAX_RATE,
  MAX_RATE_PERIOD_SECONDS,
  MAX_RETENTION_SECONDS,
  MAX_WEIGHT,
} from "./limits.ts";
import { pageOf } from "./list.ts";
import { Name } from "./primitives.ts";
import { RetryBody, RetryView } from "./retry.ts";
import { formatNumber, inSeconds, orNull } from "./sentence.ts";
import { LONG_TARGETS, TargetBody, TargetView } from "./target.ts";
import { TimeoutSeconds, Timestamp } from "./time.ts";

const NO_LIMIT = "no limit";
const NULL_OR_OUT = "Null, or left out: no limit.";
const upTo = (max: number) => `1 to ${formatNumber(max)}`;

const RATE_LIMIT_TEXT = "The most starts in any window of `period` seconds, wherever the window begins";
const RATE_PERIOD_TEXT = "The length of the window in seconds, fractions allowed";

/** At most `limit` starts in any window of `period` seconds. */
export const RateBody = described(
  z.strictObject({
    limit: field(z.int().min(1).max(MAX_RATE), `${RATE_LIMIT_TEXT}: 1 to ${formatNumber(MAX_RATE)}.`, 100),
    period: field(
      z.number(inSeconds).min(0.001).max(MAX_RATE_PERIOD_SECONDS),
      `${RATE_PERIOD_TEXT}: 0.001 to ${formatNumber(MAX_RATE_PERIOD_SECONDS)}.`,
      1,
    ),
  }),
  "A limit of starts in any window of a length.",
);
export type RateBody = z.infer<typeof RateBody>;
export const RateView = described(
  z.strictObject({
    limit: field(z.int(), `${RATE_LIMIT_TEXT}.`, 100),
    period: field(z.number(), `${RATE_PERIOD_TEXT}.`, 1),
  }),
  "A limit of starts in any window of a length.",
);

/** What the settings of a queue say, without what they are when they are left out. */
const SAYS = {
  target: "Where the jobs of the queue run.",
  partitions:
    "In how many parts the queue is kept. More parts carry more jobs a second; with one, limits and priority are exact over the whole queue.",
  lane: `The lane that carries the queue's doorbells: ${LANES.map((lane) => `\`${lane}\``).join(", ")}. Work in one lane does not delay another.`,
  concurrency: "The most jobs of the queue that run at once, divided over its partitions",
  rate: "The most jobs of the queue that start in any window of a length, divided over its partitions",
  perKeyConcurrency: "The most jobs of one concurrency key that run at once",
  perKeyRate: "The most jobs of one concurrency key that start in any window of a length",
  weight:
    "The queue's share of the turns of its namespace in its lane, beside other queues that the processor works for",
  priorityAging:
    "How many seconds of waiting are worth one step of priority, for jobs accepted from now on. Null makes priority strict, so that a low one may wait for ever",
  maxBacklog:
    "The most jobs that may wait, scheduled and queued together; who comes after that is refused with 429, low priorities first. It is divided over the partitions",
  onFailure:
    "What a job that failed for good does to its ordering key: `continue` lets the next job start, `block` parks the key until somebody decides",
  retry: "How failed attempts of the queue's jobs are tried again",
  maxDeferral:
    "How many seconds a job may be deferred without spending attempts, counted from the first time since its acceptance or its last redrive: by a target that answers 429 or 503 with a `Retry-After`, or by a worker that releases it. After that a deferral spends an attempt",
  timeout: "How many seconds one attempt may take where the job does not say",
  retention: "How many seconds a final job is kept",
  idempotencyWindow: "How many seconds after its acceptance a job answers for its idempotency key",
  history:
    "Which finished jobs are copied to history, where they are read after they have left their shard: `all`; `failed`, those that failed or were cancelled; or `none`. It is asked when a job ends, and changes nothing of what history has. A job that is not copied is read from its shard alone: one that succeeded for an hour, or as long as its retention where that is shorter, and for as long as its idempotency or deduplication key answers; one that failed or was cancelled until its retention ends, and until then it can be redriven. After that it is 404 `job-not-found`",
  keepPayload:
    "Whether history keeps the payloads of the jobs that it keeps. Without, a job that has left its shard has `payload: null` and `payloadKept: false`, and cannot be redriven any more",
  consistency:
    "What a submission meets while the job's shard is away: `strong` refuses it with 503, so that a 202 means committed; `available` takes it into a durable Queue and commits it later, in state `accepted` until then, without order between such jobs",
  paused: "Whether no job of the queue starts. Running ones go on",
};

/** A queue's settings as sent: what is left out gets its default; `paused` and `partitions` of a queue that exists stay. Durations are seconds. */
export const QueueBody = described(
  z.strictObject({
    target: field(TargetBody.optional(), `${SAYS.target} Left out: \`pull\`.`),
    partitions: field(
      z.int().min(1).max(MAX_PARTITIONS).optional(),
      `${SAYS.partitions} 1 to ${formatNumber(MAX_PARTITIONS)}. Left out: ${DEFAULT_PARTITIONS}, or 1 when \`concurrency\`, \`rate\` or \`maxBacklog\` is set; a queue that exists keeps its number. It cannot change while the queue has unfinished jobs or remembers keys.`,
      1,
    ),
    lane: field(z.enum(LANES).optional(), `${SAYS.lane} Left out: \`default\`.`, "slow"),
    concurrency: field(
      orNull(z.int().min(1).max(MAX_CONCURRENCY), NO_LIMIT).optional(),
      `${SAYS.concurrency}: ${upTo(MAX_CONCURRENCY)}, and at least \`partitions\`. ${NULL_OR_OUT}`,
      5,
      null,
    ),
    rate: field(
      orNull(RateBody, NO_LIMIT).optional(),
      `${SAYS.rate}; its \`limit\` is at least \`partitions\`. ${NULL_OR_OUT}`,
    ),
    perKeyConcurrency: field(
      orNull(z.int().min(1).max(MAX_KEY_CONCURRENCY), NO_LIMIT).optional(),
      `${SAYS.perKeyConcurrency}: ${upTo(MAX_KEY_CONCURRENCY)}. ${NULL_OR_OUT}`,
      1,
      null,
    ),
    perKeyRate: field(orNull(RateBody, NO_LIMIT).optional(), `${SAYS.perKeyRate}. ${NULL_OR_OUT}`),
    weight: field(z.int().min(1).max(MAX_WEIGHT).optional(), `${SAYS.weight}: ${upTo(MAX_WEIGHT)}. Left out: 1.`, 3),
    priorityAging: field(
      orNull(z.number(inSeconds).min(1).max(MAX_PRIORITY_AGING_SECONDS), "strict priority").optional(),
      `${SAYS.priorityAging}: ${upTo(MAX_PRIORITY_AGING_SECONDS)} seconds. Left out: ${formatNumber(DEFAULT_PRIORITY_AGING_MS / 1000)}.`,
      60,
      null,
    ),
    maxBacklog: field(
      orNull(z.int().min(1).max(MAX_BACKLOG), NO_LIMIT).optional(),
      `${SAYS.maxBacklog}: ${upTo(MAX_BACKLOG)}, and at least \`partitions\`. ${NULL_OR_OUT}`,
      10_000,
      null,
    ),
    onFailure: field(z.enum(ON_FAILURE).optional(), `${SAYS.onFailure}. Left out: \`continue\`.`, "block"),
    retry: field(RetryBody.optional(), `${SAYS.retry}, laid over the defaults. Left out: the defaults.`),
    maxDeferral: field(
      z.number(inSeconds).min(0).max(MAX_MAX_DEFERRAL_SECONDS).optional(),
      `${SAYS.maxDeferral}: 0 to ${formatNumber(MAX_MAX_DEFERRAL_SECONDS)}; with 0 each does. Left out: ${formatNumber(DEFAULT_MAX_DEFERRAL_SECONDS)}, a day.`,
      3600,
    ),
    timeout: field(
      TimeoutSeconds.optional(),
      `${SAYS.timeout}: at most ${MAX_PUSH_TIMEOUT_SECONDS}, or ${formatNumber(MAX_PULL_TIMEOUT_SECONDS)} when the target is ${LONG_TARGETS}. Left out: ${DEFAULT_TIMEOUT_SECONDS}.`,
      60,
    ),
    retention: field(
      z.number(inSeconds).min(1).max(MAX_RETENTION_SECONDS).optional(),
      `${SAYS.retention}: ${upTo(MAX_RETENTION_SECONDS)}. Left out: ${formatNumber(DEFAULT_RETENTION_SECONDS)}, seven days.`,
      DEFAULT_RETENTION_SECONDS,
    ),
    idempotencyWindow: field(
      z.number(inSeconds).min(1).max(MAX_IDEMPOTENCY_WINDOW_SECONDS).optional(),
      `${SAYS.idempotencyWindow}: ${upTo(MAX_IDEMPOTENCY_WINDOW_SECONDS)}. Left out: ${formatNumber(DEFAULT_IDEMPOTENCY_WINDOW_SECONDS)}, a day.`,
      DEFAULT_IDEMPOTENCY_WINDOW_SECONDS,
    ),
    history: field(z.enum(HISTORIES).optional(), `${SAYS.history}. Left out: \`all\`.`, "failed"),
    keepPayload: field(z.boolean().optional(), `${SAYS.keepPayload}. Left out: true.`, false),
    /**
     * `strong`: a 202 means committed in the job's shard; while that is away, 503.
     *
     * `available`: when the shard does not answer, the job waits in a durable Queue (202, state `accepted`, header
     * `Dure-Accepted: deferred`) and is committed later under the same id. That is kept over a deferral: nothing accepted is
     * lost as long as the shard is back within 3.8 days, each job gets one outcome, and a key runs one job. That is not: the
     * order of jobs with one ordering key is the order of their commits; what a key says of a deferred job is known at its
     * commit, and a job that an earlier one answers, or that its key refuses, ends `cancelled` with an error that names that
     * one; a deferred job that a `replace` had reached in time all the same may also run by itself; no list has it before
     * its commit, and a read of it elsewhere may miss it for a minute. Atomic batches are never deferred, nor are jobs of
     * more than about 120 KB.
     */
    consistency: field(
      z.enum(QUEUE_CONSISTENCIES).optional(),
      `${SAYS.consistency}. Left out: \`strong\`.`,
      "available",
    ),
    paused: field(
      z.boolean().optional(),
      `${SAYS.paused}. Left out: false, or as the queue that exists has it.`,
      false,
    ),
  }),
  "The settings of a queue, all of them: what is left out gets its default, but `partitions` and `paused` of a queue that exists stay.",
  { concurrency: 5, rate: { limit: 100, period: 1 }, timeout: 60 },
);
/** As parsed. */
export type QueueBody = z.output<typeof QueueBody>;
/** As sent: a target's `headers` may be left out. */
export type QueueInput = z.input<typeof QueueBody>;

const NULL_IS = "Null: no limit.";

const settings = {
  target: field(TargetView, SAYS.target),
  partitions: field(z.int(), SAYS.partitions, 1),
  lane: field(z.enum(LANES), SAYS.lane, "default"),
  concurrency: field(z.int().nullable(), `${SAYS.concurrency}. ${NULL_IS}`, 5, null),
  rate: field(RateView.nullable(), `${SAYS.rate}. ${NULL_IS}`),
  perKeyConcurrency: field(z.int().nullable(), `${SAYS.perKeyConcurrency}. ${NULL_IS}`, null, 1),
  perKeyRate: field(RateView.nullable(), `${SAYS.perKeyRate}. ${NULL_IS}`, null),
  weight: field(z.int(), `${SAYS.weight}.`, 1),
  priorityAging: field(z.number().nullable(), `${SAYS.priorityAging}.`, 3600, null),
  maxBacklog: field(z.int().nullable(), `${SAYS.maxBacklog}. ${NULL_IS}`, null, 10_000),
  onFailure: field(z.enum(ON_FAILURE), `${SAYS.onFailure}.`, "continue"),
  retry: field(RetryView, `${SAYS.retry}.`),
  maxDeferral: field(z.number(), `${SAYS.maxDeferral}.`, DEFAULT_MAX_DEFERRAL_SECONDS),
  timeout: field(z.number(), `${SAYS.timeout}.`, 60),
  retention: field(z.number(), `${SAYS.retention}.`, DEFAULT_RETENTION_SECONDS),
  idempotencyWindow: field(z.number(), `${SAYS.idempotencyWindow}.`, DEFAULT_IDEMPOTENCY_WINDOW_SECONDS),
  history: field(z.enum(HISTORIES), `${SAYS.history}.`, "all"),
  keepPayload: field(z.boolean(), `${SAYS.keepPayload}.`, true),
  consistency: field(z.enum(QUEUE_CONSISTENCIES), `${SAYS.consistency}.`, "strong"),
  paused: field(z.boolean(), `${SAYS.paused}.`, false),
};

/** A queue's settings, complete, in API units. */
export const QueueSettingsView = z.strictObject(settings);
export type QueueSettingsView = z.infer<typeof QueueSettingsView>;

export const QueueView = described(
  z.strictObject({
    name: field(Name, "The name of the queue.", "emails"),
    ...settings,
    version: field(
      z.int(),
      "Counts the changes of the queue: of two copies the one with the higher number is newer.",
      1,
    ),
    incarnation: field(
      z.int(),
      "Which queue of its name it is: 0 the first, and a higher number one that was made after an earlier one was deleted. Nothing of the earlier one is the later one's.",
      0,
    ),
    createdAt: field(Timestamp, "When the queue was created.", ACCEPTED_AT),
    updatedAt: field(Timestamp, "When its settings were last changed.", ACCEPTED_AT),
  }),
  "A queue with all of its settings.",
);
export type QueueView = z.infer<typeof QueueView>;

export const QueueListView = pageOf(QueueView, "Queues, the newest first");
export type QueueListView = z.infer<typeof QueueListView>;

/** The complete settings of a queue that was put as `body`; `queueDefaults({})` are those of `default`. */
export function queueDefaults(body: QueueBody): QueueSettingsView {
  const concurrency = body.concurrency ?? null;
  const rate = body.rate ?? null;
  const maxBacklog = body.maxBacklog ?? null;
  const limited = concurrency !== null || rate !== null || maxBacklog !== null;
  const retry = body.retry ?? {};
  return {
    target: body.target ?? { type: "pull" },
    // A limit is divided over the partitions: one partition lets any limit through.
    partitions: body.partitions ?? (limited ? 1 : DEFAULT_PARTITIONS),
    lane: body.lane ?? "default",
    concurrency,
    rate,
    perKeyConcurrency: body.perKeyConcurrency ?? null,
    perKeyRate: body.perKeyRate ?? null,
    weight: body.weight ?? 1,
    priorityAging: body.priorityAging === undefined ? DEFAULT_PRIORITY_AGING_MS / 1000 : body.priorityAging,
    maxBacklog,
    onFailure: body.onFailure ?? "continue",
    retry: {
      maxAttempts: retry.maxAttempts ?? DEFAULT_RETRY.maxAttempts,
      backoff: retry.backoff ?? DEFAULT_RETRY.backoff,
      delay: retry.delay ?? DEFAULT_RETRY.delay,
      maxDelay: retry.maxDelay ?? DEFAULT_RETRY.maxDelay,
      jitter: retry.jitter ?? DEFAULT_RETRY.jitter,
    },
    maxDeferral: body.maxDeferral ?? DEFAULT_MAX_DEFERRAL_SECONDS,
    timeout: body.timeout ?? DEFAULT_TIMEOUT_SECONDS,
    retention: body.retention ?? DEFAULT_RETENTION_SECONDS,
    idempotencyWindow: body.idempotencyWindow ?? DEFAULT_IDEMPOTENCY_WINDOW_SECONDS,
    history: body.history ?? "all",
    keepPayload: body.keepPayload ?? true,
    consistency: body.consistency ?? "strong",
    paused: body.paused ?? false,
  };
}

/** A rate or a latency in the answer of a queue's numbers. */
const perSecond = (what: string) => field(z.number(), `Jobs ${what} a second, over the last minute.`, 0.5);
const latency = (share: string) =>
  field(z.number().nullable(), `${share} took at most so many milliseconds. Null when none has finished lately.`, 640);

export const QueueStatsView = described(
  z.strictObject({
    queue: field(Name, "The name of the queue.", "emails"),
    counts: described(
      z.strictObject({
        scheduled: field(z.int(), "Jobs that wait for their run-at or for their next attempt.", 2),
        queued: field(z.int(), "Jobs that are due and wait for a start.", 1),
        running: field(z.int(), "Jobs with an attempt under way.", 1),
        succeeded: field(
          z.int(),
          "Jobs that are done, and that history has or is to have: see `history` of the queue.",
          120,
        ),
        failed: field(z.int(), "Jobs that failed for good, and that the shards still have.", 3),
        cancelled: field(z.int(), "Jobs that were called off, and that the shards still have.", 0),
      } satisfies Record<(typeof JOB_STATES)[number], z.ZodInt>),
      "How many jobs of the queue are in each state.",
    ),
    oldestQueuedAt: field(
      Timestamp.nullable(),
      "When the job was accepted that has been ready for longest; where jobs of several priorities are ready, of the 256 on each shard that go first. Null when none is ready.",
      ACCEPTED_AT,
    ),
    backlog: described(
      z.strictObject({
        waiting: field(z.int(), "Jobs that are scheduled or queued.", 3),
        max: field(z.int().nullable(), "The queue's `maxBacklog`. Null when it has none.", null, 10_000),
      }),
      "How many jobs wait, and how many may.",
    ),
    inFlight: field(z.int(), "Jobs that run now.", 1),
    parkedKeys: field(z.int(), "Ordering keys that are parked, by a failure or by hand.", 0),
    perSecond: described(
      z.strictObject({
        accepted: perSecond("accepted"),
        started: perSecond("started"),
        finished: perSecond("finished"),
      }),
      "How fast the queue moves.",
    ),
    latencyMs: described(
      z.strictObject({
        p50: latency("Half of the jobs"),
        p95: latency("95 % of the jobs"),
        p99: latency("99 % of the jobs"),
      }),
      "How long jobs took from their acceptance to their end, in milliseconds, over a sample of those that finished in the last minute.",
    ),
  }),
  "The numbers of a queue as they are now.",
);
export type QueueStatsView = z.infer<typeof QueueStatsView>;

/** A call that takes no fields: an empty body or `{}`. */
export const EmptyBody = described(z.strictObject({}), "Nothing: an empty body or `{}`.");
