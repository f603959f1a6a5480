import * as z from "zod";
import { JOB_STATES } from "../domain/job/state.ts";
import { ACTS_ON, OPERATION_ACTIONS, type OperationAction } from "../domain/operation.ts";
import { ACCEPTED_AT, EXAMPLE_FINGERPRINT, FINISHED_AT, LATER } from "./examples.ts";
import { described, field } from "./field.ts";
import { MAX_ERROR_CODE_BYTES, MAX_REDRIVES_PER_SECOND } from "./limits.ts";
import { pageOf } from "./list.ts";
import { Key, Name, plainText, Tag } from "./primitives.ts";
import { formatNumber } from "./sentence.ts";
import { Timestamp } from "./time.ts";

/** Bulk operations: one action on every job of the namespace that a filter selects, done in the background. */

/** What a job must be to be selected: all that is named. Bounds on times are exclusive. */
export const OperationFilterBody = described(
  z.strictObject({
    queue: field(Name.optional(), "Only jobs of this queue.", "imports"),
    state: field(
      z.enum(JOB_STATES).optional(),
      "Only jobs in this state, which has to be one that the action acts on.",
      "failed",
    ),
    tag: field(Tag.optional(), "Only jobs with this tag.", "night"),
    orderingKey: field(Key.optional(), "Only jobs with this ordering key.", "user-42"),
    errorCode: field(
      plainText(MAX_ERROR_CODE_BYTES).optional(),
      "Only jobs whose last error has this code.",
      "timeout",
    ),
    fingerprint: field(
      plainText(64).optional(),
      "Only failed jobs whose failure is of this kind, as `GET /v1/queues/{queue}/failures` names it.",
      EXAMPLE_FINGERPRINT,
    ),
    createdAfter: field(Timestamp.optional(), "Only jobs that were accepted after this time.", ACCEPTED_AT),
    createdBefore: field(Timestamp.optional(), "Only jobs that were accepted before this time.", LATER),
    finishedBefore: field(Timestamp.optional(), "Only jobs that became final before this time.", LATER),
  }),
  "Which jobs: those that are all that is named.",
  { queue: "imports", tag: "night" },
);
export type OperationFilterBody = z.infer<typeof OperationFilterBody>;

const ACTION_TEXT =
  "What is done to each job: `cancel` ends jobs that are not final; `retry` brings failed and cancelled ones back in line with a new budget of attempts; `delete` removes final ones with payload, result and attempts.";
const RATE_TEXT = "With `retry` only: about so many jobs a second are brought back";
const DRY_RUN_TEXT = "Whether jobs are only counted, and nothing is changed";

/** `cancel` and `delete` need a filter of one field at least. */
export const OperationBody = described(
  z
    .strictObject({
      action: field(z.enum(OPERATION_ACTIONS), ACTION_TEXT, "cancel"),
      filter: field(
        OperationFilterBody.optional(),
        "Which jobs: those that are all that is named. `cancel` and `delete` need one field at least. Left out: all that the action acts on.",
      ),
      ratePerSecond: field(
        z.number().gt(0).max(MAX_REDRIVES_PER_SECOND).optional(),
        `${RATE_TEXT}: more than 0 and at most ${formatNumber(MAX_REDRIVES_PER_SECOND)}. Left out: as fast as it goes.`,
        5,
      ),
      dryRun: field(z.boolean().optional(), `${DRY_RUN_TEXT}. Left out: false.`, true),
    })
    .superRefine(({ action, filter, ratePerSecond }, context) => {
      const fault = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
      if (ratePerSecond !== undefined && action !== "retry")
        fault(["ratePerSecond"], "goes with the action `retry` only");
      const named = Object.values(filter ?? {}).filter((value) => value !== undefined);
      if (action !== "retry" && named.length === 0)
        fault(["filter"], `has to name one field at least with the action \`${action}\``);
      const { state } = filter ?? {};
      if (state !== undefined && !ACTS_ON[action].includes(state)) fault(["filter", "state"], allowed(action));
    }),
  "A change of every job of the namespace that a filter selects, made in the background.",
  { action: "cancel", filter: { queue: "imports", tag: "night" }, dryRun: true },
);
export type OperationBody = z.infer<typeof OperationBody>;

function allowed(action: OperationAction): string {
  return `is one that the action \`${action}\` acts on: ${ACTS_ON[action].join(", ")}`;
}

const Progress = described(
  z.strictObject({
    scanned: field(z.int(), "Jobs that were looked at.", 120),
    matched: field(z.int(), "Jobs that the filter selected and the action acts on.", 5),
    changed: field(z.int(), "Jobs that were changed: none in a dry run.", 5),
  }),
  "How far the operation has come. Counts only grow.",
);

export const OperationView = described(
  z.strictObject({
    id: field(z.string(), "The id of the operation.", "op_3015d814fcf0a83af76ef43090da9aab"),
    action: field(z.enum(OPERATION_ACTIONS), ACTION_TEXT, "cancel"),
    filter: field(OperationFilterBody, "Which jobs: those that are all that is named."),
    ratePerSecond: field(z.number().nullable(), `${RATE_TEXT}. Null: as fast as it goes.`, null, 5),
    dryRun: field(z.boolean(), `${DRY_RUN_TEXT}.`, false),
    state: field(
      z.enum(["running", "done"]),
      "`running`, or `done`: every job that was accepted before `createdAt` has been looked at.",
      "done",
    ),
    createdAt: field(
      z.string(),
      "When the operation was created. Jobs accepted after that are left alone.",
      ACCEPTED_AT,
    ),
    finishedAt: field(z.string().nullable(), "When it was done. Null while it runs.", FINISHED_AT),
    progress: field(Progress, "How far it has come."),
  }),
  "A bulk operation, and how far it has come.",
);
export type OperationView = z.infer<typeof OperationView>;

export const OperationListView = pageOf(OperationView, "Operations, the newest first");
