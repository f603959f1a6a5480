import * as z from "zod";
import { ATTEMPT_OUTCOMES } from "../domain/job/job.ts";
import { JOB_STATES } from "../domain/job/state.ts";
import { DedupBody } from "./dedup.ts";
import { JobErrorView } from "./error.ts";
import { ACCEPTED_AT, EXAMPLE_JOB_ID, EXAMPLE_OTHER_JOB_ID, FINISHED_AT, LATER, STARTED_AT } from "./examples.ts";
import { described, field } from "./field.ts";
import {
  DEFAULT_PRIORITY,
  MAX_DELAY_SECONDS,
  MAX_KEY_BYTES,
  MAX_PAYLOAD_BYTES,
  MAX_PRIORITY,
  MAX_PULL_TIMEOUT_SECONDS,
  MAX_PUSH_TIMEOUT_SECONDS,
  MAX_RESULT_BYTES,
  MAX_TAG_BYTES,
  MAX_TAGS,
} from "./limits.ts";
import { Cursor, Include, Limit, pageOf } from "./list.ts";
import { Key, Name, Tag } from "./primitives.ts";
import { ProgressView } from "./progress.ts";
import { RetryBody, RetryView } from "./retry.ts";
import { EXPLAIN_REASONS } from "./rpc.ts";
import { formatBytes, formatNumber, query } from "./sentence.ts";
import { LONG_TARGETS } from "./target.ts";
import { anyJson } from "./text-members.ts";
import { DelaySeconds, TimeoutSeconds, Timestamp } from "./time.ts";

export const JobStateName = z.enum(JOB_STATES);
/** What a job that is read can be in: a queue that is `available` may accept it before its shard has it. */
export const ShownStateName = z.enum(["accepted", ...JOB_STATES]);

const STATES =
  "`scheduled` waits for its run-at or for its next attempt; `queued` is due and waits for a start; `running` has an attempt under way; `succeeded`, `failed` and `cancelled` are final.";
const SHOWN_STATES = `The state of the job. \`accepted\` is durably accepted and not yet committed in its shard; ${STATES}`;

export const CONSISTENCIES = ["strong", "session", "eventual"] as const;
export const Consistency = z.enum(CONSISTENCIES);
export type Consistency = z.infer<typeof Consistency>;

const ConsistencyQuery = field(
  Consistency.default("strong"),
  "How fresh the answer must be. `strong` sees every write that was answered before; `session` sees all that the `Dure-Bookmark` has seen; `eventual` may be up to 300 seconds old, as `Age` says. Left out: `strong`.",
  "session",
);

/**
 * A job to be accepted. Durations are seconds. Left to the gateway, which has the clock, the queue and the text:
 * `runAt` a year ahead at most, `expiresAt` in the future, a push queue's timeout, the payload's bytes.
 */
export const SubmitBody = described(
  z
    .strictObject({
      queue: field(Name.optional(), "The name of the queue, which has to exist. Left out: `default`.", "emails"),
      payload: field(
        anyJson(),
        `The input of the job: any JSON value, null too, of at most ${formatBytes(MAX_PAYLOAD_BYTES)} as the text that is sent, which is kept as it is.`,
        { to: "a@b.example" },
      ),
      orderingKey: field(
        Key.optional(),
        `Jobs of one queue and ordering key run one at a time, in the order of their acceptance. 1 to ${MAX_KEY_BYTES} bytes. Left out: the job is in no order.`,
        "user-42",
      ),
      concurrencyKey: field(
        Key.optional(),
        `Whose limits the job counts under, where its queue has \`perKeyConcurrency\` or \`perKeyRate\`. 1 to ${MAX_KEY_BYTES} bytes. Left out: no limit of a key holds it.`,
        "customer-7",
      ),
      dedup: field(
        DedupBody.optional(),
        "What happens while an earlier job is about the same thing. Left out: nothing is looked for.",
      ),
      idempotencyKey: field(
        Key.optional(),
        `Names this call, so that sending it again is answered with the first one's job for as long as the queue's \`idempotencyWindow\`. Another body is refused: two are the same where they mean the same, numbers compared to the last digit. 1 to ${MAX_KEY_BYTES} bytes. The header \`Idempotency-Key\` says the same.`,
        "order-991",
      ),
      priority: field(
        z.int().min(0).max(MAX_PRIORITY).optional(),
        `From 0 to ${MAX_PRIORITY}; the higher goes first. Left out: ${DEFAULT_PRIORITY}.`,
        5,
      ),
      delay: field(
        DelaySeconds.optional(),
        `How many seconds after its acceptance the job is due: at most ${formatNumber(MAX_DELAY_SECONDS)}, fractions allowed. Excludes \`runAt\`. Left out: at once.`,
        30,
      ),
      runAt: field(
        Timestamp.optional(),
        "When the job is due: at most a year ahead; a time that is past means at once. Excludes `delay`.",
        LATER,
      ),
      expiresAt: field(
        Timestamp.optional(),
        "A job whose first attempt has not begun by then fails and never runs. It lies in the future. Left out: the job waits without end.",
        "2026-12-02T00:00:00Z",
      ),
      timeout: field(
        TimeoutSeconds.optional(),
        `How many seconds one attempt may take: at most ${MAX_PUSH_TIMEOUT_SECONDS}, or ${formatNumber(MAX_PULL_TIMEOUT_SECONDS)} in a queue whose target is ${LONG_TARGETS}. Left out: as the queue has it.`,
        60,
      ),
      retry: field(
        RetryBody.optional(),
        "How failed attempts are tried again, laid over the queue's policy. Left out: as the queue has it.",
      ),
      tags: field(
        z.array(Tag).max(MAX_TAGS).optional(),
        `Words to find the job by: at most ${MAX_TAGS}, each of 1 to ${MAX_TAG_BYTES} bytes. Left out: none.`,
        ["welcome"],
      ),
    })
    .refine((job) => job.delay === undefined || job.runAt === undefined, {
      path: ["runAt"],
      error: "and delay exclude each other",
    }),
  "A job to be accepted. Only `payload` is required.",
  { queue: "default", payload: { to: "a@b.example" }, priority: 5, tags: ["welcome"] },
);
/** As it was read: `payload` is its text. */
export type SubmitBody = z.output<typeof SubmitBody>;
/** As it is sent. */
export type SubmitInput = z.input<typeof SubmitBody>;

export const AttemptView = described(
  z.strictObject({
    number: field(z.int(), "Which attempt it is: it counts from 1, and goes on over redrives.", 1),
    startedAt: field(Timestamp, "When the attempt began.", STARTED_AT),
    finishedAt: field(Timestamp.nullable(), "When it ended. Null while it runs.", FINISHED_AT),
    outcome: field(
      z.enum(ATTEMPT_OUTCOMES).nullable(),
      "How it ended: `succeeded`, `failed`, `leaseExpired` (its lease or the job's timeout ran out), or `cancelled`. Null while it runs.",
      "succeeded",
    ),
    error: field(JobErrorView.nullable(), "Why it did not succeed. Null while it runs, and when it did.", null),
    worker: field(
      z.string().nullable(),
      "What ran it, by the name that the worker gave itself. Null when it gave none.",
      "host-1",
    ),
    warning: field(
      described(
        z.strictObject({
          code: field(
            z.enum(["spawn-refused", "async-refused"]),
            "`spawn-refused`: the answer of the HTTP target brought jobs that the target may not submit. `async-refused`: it says that the job is finished later, and the target has no `async`.",
            "spawn-refused",
          ),
          message: field(z.string(), "What was not done, and why, for people.", "1 of 2 jobs was not submitted"),
        }),
        "What of the attempt was not done though it succeeded.",
      ).optional(),
      "What of the attempt was not done though it succeeded. Left out where there is nothing to say.",
      { code: "spawn-refused", message: "1 of 2 jobs was not submitted" },
    ),
  }),
  "One run of a job.",
);
export type AttemptView = z.infer<typeof AttemptView>;

const jobKeys = {
  orderingKey: field(z.string().nullable(), "The ordering key of the job. Null when it has none.", "user-42"),
  concurrencyKey: field(z.string().nullable(), "The concurrency key of the job. Null when it has none.", null),
  dedupKey: field(z.string().nullable(), "The deduplication key of the job. Null when it has none.", null),
  idempotencyKey: field(
    z.string().nullable(),
    "The idempotency key under which the job was submitted. Null when it has none.",
    "order-991",
  ),
  parent: field(
    z.string().nullable(),
    "The id of the job whose success brought this one. Null when it was submitted by itself.",
    null,
    EXAMPLE_OTHER_JOB_ID,
  ),
  depth: field(
    z.int(),
    "How many successes deep the job was brought: 0 of a job that was submitted, one more than its parent's of any other.",
    0,
  ),
  traceparent: field(
    z.string().nullable(),
    "The trace that the job belongs to (W3C Trace Context): the header `traceparent` of its submission, or that of the job that brought it. Null when there was none.",
    null,
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  ),
};

const jobTimes = {
  createdAt: field(Timestamp, "When the job was accepted.", ACCEPTED_AT),
  runAt: field(Timestamp, "When the job was, or will be, due: its next attempt, where it waits for one.", ACCEPTED_AT),
  startedAt: field(Timestamp.nullable(), "When its first attempt began. Null before that.", STARTED_AT),
  finishedAt: field(Timestamp.nullable(), "When it became final. Null before that.", FINISHED_AT),
  expiresAt: field(
    Timestamp.nullable(),
    "A job whose first attempt has not begun by then fails and never runs. Null when it waits without end.",
    null,
    LATER,
  ),
  leaseExpiresAt: field(
    Timestamp.nullable(),
    "When the lease of the running attempt ends unless it is extended. Null while no attempt runs.",
    null,
    LATER,
  ),
};

/** A job. `timeout` is seconds. Absent values are null. */
export const JobView = described(
  z.strictObject({
    id: field(z.string(), "The id of the job, which sorts by the time of its acceptance.", EXAMPLE_JOB_ID),
    namespace: field(Name, "The namespace that the job belongs to.", "default"),
    queue: field(Name, "The name of its queue.", "emails"),
    state: field(ShownStateName, SHOWN_STATES, "succeeded"),
    version: field(
      z.int(),
      "Counts the changes of the job: of two copies the one with the higher number is newer. `If-Match` takes it in quotes.",
      3,
    ),
    attempt: field(
      z.int(),
      "How many attempts were spent, the one that runs and those before a redrive included: 0 before the first. One that was deferred or released, or that its worker had not begun, is not spent.",
      1,
    ),
    delivery: field(
      z.int(),
      "How often the job was handed out: it rises at each claim, whether an attempt was spent before it or not.",
      1,
    ),
    maxAttempts: field(z.int(), "The most attempts of the job, counted from its acceptance or its last redrive.", 12),
    priority: field(z.int(), `From 0 to ${MAX_PRIORITY}; the higher goes first.`, 5),
    ...jobKeys,
    tags: field(z.array(z.string()), "The words that the job can be found by.", ["welcome"]),
    timeout: field(z.number(), "How many seconds one attempt may take.", 60),
    retry: field(RetryView, "How failed attempts are tried again."),
    payload: field(z.unknown(), "The input of the job, as the text that was sent. Null where it was not kept.", {
      to: "a@b.example",
    }),
    result: field(
      z.unknown(),
      "What its success gave, as the text that was reported. Null before that, and where it gave nothing.",
      { sent: true },
    ),
    resultTruncated: field(
      z.boolean(),
      `Whether the result was cut at ${formatBytes(MAX_RESULT_BYTES)}, as that of an HTTP target is.`,
      false,
    ),
    payloadKept: field(
      z.boolean(),
      "Whether `payload` is the job's. False of a job that is read from history and whose queue has `keepPayload: false`.",
      true,
    ),
    error: field(
      JobErrorView.nullable(),
      "Why the last attempt failed, or was deferred or released. Null when none was, and after a success.",
      null,
    ),
    ...jobTimes,
    progress: field(
      ProgressView.nullable(),
      "What its workers last said of how far it is. Null when none has said anything, and once the job has succeeded or was cancelled.",
      null,
    ),
    attempts: field(z.array(AttemptView), "Its attempts, the oldest first."),
  }),
  "A job as it is now. Absent values are null.",
);
export type JobView = z.infer<typeof JobView>;

/** A job in a list: the heavy fields are there only where `include` named them. */
export const JobListItem = described(
  JobView.extend({
    state: field(JobStateName, `The state of the job. ${STATES}`, "succeeded"),
  }).partial({
    payload: true,
    payloadKept: true,
    result: true,
    attempts: true,
  }),
  "A job in a list. `payload` (with `payloadKept`), `result` and `attempts` are there only where `include` named them.",
);
export type JobListItem = z.infer<typeof JobListItem>;

export const JobListView = pageOf(JobListItem, "Jobs, the newest first");
export type JobListView = z.infer<typeof JobListView>;

export const JobGetQuery = query({ consistency: ConsistencyQuery });
export type JobGetQuery = z.output<typeof JobGetQuery>;

/** Query values are text; `limit` and `include` come out parsed. */
export const JobListQuery = query({
  queue: field(Name.optional(), "Only jobs of the queue of this name. Left out: of every queue.", "emails"),
  state: field(JobStateName.optional(), "Only jobs in this state. Left out: in any.", "failed"),
  tag: field(Tag.optional(), "Only jobs with this tag. Left out: with any tags or none.", "welcome"),
  orderingKey: field(Key.optional(), "Only jobs with this ordering key. Left out: with any or none.", "user-42"),
  createdAfter: field(Timestamp.optional(), "Only jobs that were accepted after this time.", ACCEPTED_AT),
  createdBefore: field(Timestamp.optional(), "Only jobs that were accepted before this time.", LATER),
  consistency: ConsistencyQuery,
  include: Include,
  limit: Limit,
  cursor: Cursor.optional(),
});
export type JobListQuery = z.output<typeof JobListQuery>;

/** Why a job is not running. */
export const ExplainView = described(
  z.strictObject({
    state: field(ShownStateName, SHOWN_STATES, "queued"),
    reason: field(
      z.enum([...EXPLAIN_REASONS, "accepted"]),
      "The first thing that holds the job, in a word. `ready`: nothing, the next claim takes it; `scheduled` and `retrying`: its time has not come; `paused`: its queue; `ordering`: an earlier job of its ordering key; `parked`: its ordering key waits for a decision; `deduplication`: it runs after another job; `concurrency` and `rate`: a limit of its queue or its key; `priority`: other jobs go first; `fairness`: queues of its lane go first; `connections`: its target's host or its namespace has its part of the lane's outgoing connections, or the executor had none left; `service-open`: the breaker of its service is open, or nobody could ask the service; `bulkhead`: its service has as many requests under way as it may; `no-worker`: nobody has claimed from its pull queue for 30 seconds; `no-executor`: nobody has come for 10 seconds, though bells have rung: neither the processor to its lane, nor a consumer to its queue; `deleting`: its namespace is being deleted; `quarantined`: work on it fails in Dure itself and is tried again later, or at once where somebody asks for the job; `running`; `final`; `accepted`: it is not committed in its shard yet. More may be added.",
      "ordering",
    ),
    detail: field(
      z.string(),
      "The reason as a sentence for people.",
      "It waits for an earlier job of its ordering key.",
    ),
    blockedBy: field(
      z.string().nullable(),
      "The id of the job that it waits for. Null when it waits for none.",
      EXAMPLE_OTHER_JOB_ID,
    ),
    ahead: field(
      z.int().nullable(),
      "How many jobs, or turns of other queues, go first. Null when that cannot be said.",
      null,
      3,
    ),
    estimatedStartAt: field(
      Timestamp.nullable(),
      "When the job is expected to start. Null when that cannot be said.",
      null,
      LATER,
    ),
    since: field(
      Timestamp.nullable(),
      "With `no-executor` and `no-worker`: since when nobody has come for it. Null with all other reasons.",
      null,
      ACCEPTED_AT,
    ),
  }),
  "Why a job is not running.",
);
export type ExplainView = z.infer<typeof ExplainView>;
