import * as z from "zod";
import { ErrorMessage, JobErrorBody } from "./error.ts";
import { EXAMPLE_LEASE, EXAMPLE_OTHER_JOB_ID, LATER, STARTED_AT } from "./examples.ts";
import { described, exampleOf, field } from "./field.ts";
import { JobView, SubmitBody } from "./job.ts";
import {
  DEFAULT_CLAIM,
  MAX_CHECKPOINT_BYTES,
  MAX_CLAIM,
  MAX_ERROR_MESSAGE_BYTES,
  MAX_LEASE_SECONDS,
  MAX_REPORTS,
  MAX_RESULT_BYTES,
  MAX_RETRY_AFTER_SECONDS,
  MAX_SPAWN,
  MAX_WAIT_SECONDS,
} from "./limits.ts";
import { Name, WorkerName } from "./primitives.ts";
import { ProblemView } from "./problem.ts";
import { ProgressBody } from "./progress.ts";
import { formatBytes, formatNumber, inSeconds } from "./sentence.ts";
import { anyJson } from "./text-members.ts";
import { LeaseSeconds, RetryAfterSeconds, Timestamp } from "./time.ts";

/** What pull workers say and hear. Durations are seconds. */

const leaseSeconds = field(
  LeaseSeconds.optional(),
  `How many seconds the lease lasts unless it is extended: 1 to ${formatNumber(MAX_LEASE_SECONDS)}. It never lasts beyond the job's timeout. Left out: the job's timeout.`,
  30,
);

const claim = {
  begins: field(
    z.boolean().default(false),
    "Whether the worker says of each job that it has begun it, by a heartbeat, progress or a report before the lease ends. Of those of which it says nothing no attempt is spent when it is lost, twice in a row at most. Left out: false, until a job of the same claim was begun.",
    true,
  ),
  max: field(
    z.int().min(1).max(MAX_CLAIM).default(DEFAULT_CLAIM),
    `The most jobs to claim: 1 to ${MAX_CLAIM}. Left out: ${DEFAULT_CLAIM}.`,
    10,
  ),
  wait: field(
    z.number(inSeconds).min(0).max(MAX_WAIT_SECONDS).default(0),
    `How many seconds to wait for a job when there is none: at most ${MAX_WAIT_SECONDS}. Left out: 0.`,
    20,
  ),
  leaseSeconds,
  worker: field(
    WorkerName.optional(),
    "What the worker calls itself, a host or a process: attempts show it. Left out: they show none.",
    "host-1",
  ),
  include: field(
    z
      .array(z.enum(["attempts"]))
      .max(1)
      .optional(),
    "What the jobs come with beside what they always have: `attempts`, all of their attempts that are kept. Left out: each job has the attempt that begins and the one before it.",
    ["attempts"],
  ),
};

export const ClaimBody = described(z.strictObject(claim), "A claim of jobs of one queue. All fields may be left out.", {
  max: 10,
  wait: 0,
  worker: "host-1",
});
/** As parsed: `begins`, `max` and `wait` are filled in. */
export type ClaimBody = z.output<typeof ClaimBody>;
/** As sent. */
export type ClaimInput = z.input<typeof ClaimBody>;

/** A lease is opaque. Its length only bounds what is looked at. */
export const Lease = z.string().min(1).max(512);
const lease = field(Lease, "The lease of the attempt, as the claim gave it.", EXAMPLE_LEASE);

const running = {
  state: "running",
  result: null,
  finishedAt: null,
  leaseExpiresAt: LATER,
  attempts: [{ number: 1, startedAt: STARTED_AT, finishedAt: null, outcome: null, error: null, worker: "host-1" }],
};

export const ClaimedJobView = claimedJob();
export type ClaimedJobView = z.infer<typeof ClaimedJobView>;

function claimedJob() {
  const job = JobView.extend({
    lease: field(z.string(), "The right to run this attempt and to report its outcome: an opaque text.", EXAMPLE_LEASE),
    checkpoint: field(z.unknown(), "What an earlier attempt stored to go on from. Null when there is nothing.", null, {
      frame: 830,
    }),
  });
  const example = job.parse({ ...Object(exampleOf(job)), ...running });
  return described(job, "A job under a lease.", example);
}

export const ClaimView = described(
  z.strictObject({
    jobs: field(
      z.array(ClaimedJobView),
      "The jobs, each under a lease of its own. Empty when there were none to have.",
    ),
  }),
  "The jobs that were claimed.",
);
export type ClaimView = z.infer<typeof ClaimView>;

/** Jobs that are accepted with a success: all of them together with it, or none and it neither. */
export const Spawn = z.array(SubmitBody).max(MAX_SPAWN);

const result = field(
  anyJson().optional(),
  `What the attempt gave: any JSON value of at most ${formatBytes(MAX_RESULT_BYTES)} as JSON text. Left out: null.`,
  { sent: true },
);
const spawn = field(
  Spawn.optional(),
  `Jobs to be accepted together with the success, or not at all: at most ${MAX_SPAWN}. Needs the scope \`submit\` too. Left out: none.`,
  [{ payload: { order: 991 } }],
);
const error = field(JobErrorBody, "Why the attempt failed.");
const retryAfter = field(
  RetryAfterSeconds.optional(),
  `How many seconds to wait before the next attempt, beyond the policy's \`maxDelay\` too: at most ${formatNumber(MAX_RETRY_AFTER_SECONDS)}. The job never waits for less than by its policy, and where that has jitter some is added. Left out: as the policy has it.`,
  60,
);

const release = {
  delay: field(
    RetryAfterSeconds.optional(),
    `How many seconds from now the job may start again: at most ${formatNumber(MAX_RETRY_AFTER_SECONDS)}. Left out: at once.`,
    30,
  ),
  reason: field(
    ErrorMessage.optional(),
    `Why the worker gives it back: up to ${formatBytes(MAX_ERROR_MESSAGE_BYTES)}. The job shows it as the message of its \`error\`. Left out: it says that its worker gave it back.`,
    "the database of this host is being moved",
  ),
};

const SUCCESS = "The attempt succeeded.";
const FAILURE = "The attempt failed.";
const RELEASE = "Neither: the worker gives the job back, and no attempt is spent.";

/** One outcome, which `ok` tells: true, false, or null for none. A `result` left out is null. */
export const ReportBody = described(
  z.discriminatedUnion("ok", [
    described(z.strictObject({ lease, ok: field(z.literal(true), SUCCESS, true), result, spawn }), SUCCESS, {
      lease: EXAMPLE_LEASE,
      ok: true,
      result: { sent: true },
    }),
    described(z.strictObject({ lease, ok: field(z.literal(false), FAILURE, false), error, retryAfter }), FAILURE),
    described(z.strictObject({ lease, ok: field(z.literal(null), RELEASE, null), ...release }), RELEASE, {
      lease: EXAMPLE_LEASE,
      ok: null,
      delay: 30,
    }),
  ]),
  "The outcome of one attempt.",
  { lease: EXAMPLE_LEASE, ok: true, result: { sent: true } },
);
export type ReportBody = z.output<typeof ReportBody>;
/** As sent. */
export type ReportInput = z.input<typeof ReportBody>;

export const ReportsBody = described(
  z.strictObject({
    reports: field(z.array(ReportBody).max(MAX_REPORTS), `The outcomes: at most ${MAX_REPORTS}.`),
    claim: field(
      z
        .strictObject({
          queue: field(Name, "The name of the queue to claim from.", "emails"),
          ...claim,
        })
        .optional(),
      "The next claim, made after the reports. Left out: nothing is claimed.",
      { queue: "emails", max: 10 },
    ),
  }),
  "Outcomes of attempts, and the next claim in the same call.",
  { reports: [{ lease: EXAMPLE_LEASE, ok: true, result: { sent: true } }], claim: { queue: "default", max: 10 } },
);
export type ReportsBody = z.output<typeof ReportsBody>;

const spawned = field(
  z.array(z.string()).optional(),
  "The ids of the jobs that the success brought, in their order. Left out where it brought none.",
  [EXAMPLE_OTHER_JOB_ID],
);
const STATUS = {
  recorded: "`recorded`: the outcome counts.",
  stale: "`stale`: the lease was no longer the current one, and the report changes nothing.",
  refused:
    "`refused`: nothing was recorded and the lease stands, because the queue of a spawned job was changed or deleted as the report came.",
};

export const ReportItemView = z.discriminatedUnion("status", [
  described(
    z.strictObject({ status: field(z.literal("recorded"), STATUS.recorded, "recorded"), spawned }),
    STATUS.recorded,
  ),
  described(
    z.strictObject({
      status: field(z.literal("stale"), STATUS.stale, "stale"),
      problem: field(ProblemView, "What was wrong."),
      cancelled: field(
        z.boolean().optional(),
        "True where the job was cancelled under this lease. Left out otherwise.",
        true,
      ),
    }),
    STATUS.stale,
  ),
  described(
    z.strictObject({
      status: field(z.literal("refused"), STATUS.refused, "refused"),
      problem: field(ProblemView, "What was wrong."),
    }),
    STATUS.refused,
  ),
]);
export type ReportItemView = z.infer<typeof ReportItemView>;

export const ReportsView = described(
  z.strictObject({
    items: field(z.array(ReportItemView), "What became of each report, in the order in which they were sent.", [
      { status: "recorded" },
    ]),
    jobs: field(z.array(ClaimedJobView), "The jobs that were claimed. Empty without a claim."),
  }),
  "What became of the reports, and the jobs of the next claim.",
);
export type ReportsView = z.infer<typeof ReportsView>;

const success = { result, spawn };
export const SucceedBody = described(z.strictObject(success), "One success.", { result: { sent: true } });
export type SucceedBody = z.infer<typeof SucceedBody>;

export const SucceedLeaseBody = described(
  z.strictObject({ lease, ...success }),
  "One success, and the lease of its attempt.",
  { lease: EXAMPLE_LEASE, result: { sent: true } },
);

export const SucceededView = described(
  JobView.extend({ spawned }),
  "The job, and the ids of the jobs that its success brought.",
);
export type SucceededView = z.infer<typeof SucceededView>;

const failed = { error, retryAfter };
export const FailBody = described(z.strictObject(failed), "One failure.");
export type FailBody = z.output<typeof FailBody>;

export const FailLeaseBody = described(
  z.strictObject({ lease, ...failed }),
  "One failure, and the lease of its attempt.",
);

export const ReleaseBody = described(z.strictObject(release), "A job that its worker gives back.", { delay: 30 });
export type ReleaseBody = z.infer<typeof ReleaseBody>;

export const ReleaseLeaseBody = described(
  z.strictObject({ lease, ...release }),
  "A job that its worker gives back, by its lease.",
  { lease: EXAMPLE_LEASE, delay: 30 },
);

const heartbeat = {
  leaseSeconds,
  progress: field(ProgressBody.optional(), "How far the job is. Left out: as it was."),
  checkpoint: field(
    anyJson().optional(),
    `What the next attempt is to go on from: any JSON value of at most ${formatBytes(MAX_CHECKPOINT_BYTES)} as JSON text. Null forgets the last one. Left out: as it was.`,
    { frame: 830 },
  ),
};
export const ExtendBody = described(
  z.strictObject(heartbeat),
  "A heartbeat, and what the worker has to say with it. What is left out stays as it was.",
);
export type ExtendBody = z.output<typeof ExtendBody>;
/** As sent. */
export type ExtendInput = z.input<typeof ExtendBody>;

export const ExtendLeaseBody = described(
  z.strictObject({ lease, ...heartbeat }),
  "A heartbeat and its lease, and what the worker has to say with it. What is left out stays as it was.",
);

export const ExtendView = described(
  z.strictObject({
    leaseExpiresAt: field(Timestamp.nullable(), "When the lease ends now. Null when the job was cancelled.", LATER),
    cancelled: field(
      z.boolean(),
      "True tells the worker to stop: the job was cancelled, and its report will change nothing.",
      false,
    ),
  }),
  "The lease as it stands.",
);
export type ExtendView = z.infer<typeof ExtendView>;
