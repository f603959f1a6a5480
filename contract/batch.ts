import * as z from "zod";
import { EXAMPLE_JOB_ID } from "./examples.ts";
import { described, field } from "./field.ts";
import { JobView, ShownStateName, SubmitBody } from "./job.ts";
import { MAX_BATCH_JOBS } from "./limits.ts";
import { ProblemView } from "./problem.ts";
import { formatNumber, query } from "./sentence.ts";

const ATOMIC_TEXT = "Whether the batch is accepted whole or not at all";
const atomic = field(
  z.boolean().default(false),
  `${ATOMIC_TEXT}. False, or left out: a bad job costs only itself.`,
  true,
);
const jobs = <T extends z.ZodType>(job: T) => z.array(job).min(1).max(MAX_BATCH_JOBS);

/** A batch as its sender writes it, and as it is documented. */
export const BatchBody = described(
  z.strictObject({
    atomic,
    jobs: field(
      jobs(SubmitBody),
      `The jobs, each as \`POST /v1/jobs\` takes it: 1 to ${formatNumber(MAX_BATCH_JOBS)}.`,
      [{ payload: { to: "a@b.example" } }],
    ),
  }),
  "Several jobs in one submission.",
  { atomic: false, jobs: [{ payload: { to: "a@b.example" } }, { payload: { to: "c@d.example" } }] },
);
/** `atomic` may be left out. */
export type BatchBody = z.input<typeof BatchBody>;

/**
 * What the gateway parses first. Each job is then parsed alone with `SubmitBody`, because in a batch that is not
 * atomic a bad item costs only itself.
 */
export const BatchEnvelope = z.strictObject({ atomic, jobs: jobs(z.unknown()) });
export type BatchEnvelope = z.output<typeof BatchEnvelope>;

/** `?include=job`, parsed to whether it was there. */
export const BatchQuery = query({
  include: field(
    z
      .literal("job")
      .optional()
      .transform((named) => named !== undefined),
    "`job`: each new job stands whole in the answer, as `POST /v1/jobs` answers it. Left out, and with an `Idempotency-Key` on the batch: its id and state alone.",
    "job",
  ),
});
export type BatchQuery = z.output<typeof BatchQuery>;

const AcceptedItem = described(
  z.strictObject({
    id: field(z.string(), "The id of the job, or of the earlier job that answers for it.", EXAMPLE_JOB_ID),
    state: field(
      ShownStateName,
      "The state of that job. `accepted`: it is durably accepted, and its shard has yet to commit it.",
      "queued",
    ),
    replayed: field(z.boolean(), "Whether an earlier job answers, by an idempotency or a deduplication key.", false),
    job: field(
      JobView.optional(),
      "The whole job, where `include=job` asked for it. Left out of a job that an earlier one answers for.",
    ),
  }),
  "A job of the batch that was accepted, or answered by an earlier one.",
);

const RefusedItem = described(
  z.strictObject({ problem: field(ProblemView, "Why the job was refused.") }),
  "A job of the batch that was refused.",
);

export const BatchItemView = z.union([AcceptedItem, RefusedItem]);
export type BatchItemView = z.infer<typeof BatchItemView>;

export const BatchView = described(
  z.strictObject({
    id: field(z.string(), "The id of the batch.", "batch_0198f3c2-7d4e-7a61-9b5d-3f2e8c1a6b70"),
    atomic: field(z.boolean(), `${ATOMIC_TEXT}.`, false),
    accepted: field(z.int(), "How many jobs are new; those that an earlier one answers are not counted.", 1),
    items: field(z.array(BatchItemView), "What became of each job, in the order in which they were sent.", [
      { id: EXAMPLE_JOB_ID, state: "queued", replayed: false },
    ]),
  }),
  "What became of a batch.",
);
export type BatchView = z.infer<typeof BatchView>;
