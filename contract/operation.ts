import { z } from "zod";
import { JOB_STATES } from "../domain/job/state.ts";
import { ACTS_ON, OPERATION_ACTIONS, type OperationAction } from "../domain/operation.ts";
import { MAX_ERROR_CODE_BYTES, MAX_REDRIVES_PER_SECOND } from "./limits.ts";
import { pageOf } from "./list.ts";
import { Key, Name, plainText, Tag } from "./primitives.ts";
import { Timestamp } from "./time.ts";

/** Bulk operations: one action on every job of the namespace that a filter selects, done in the background. */

/** What a job must be to be selected: all that is named. Bounds on times are exclusive. */
export const OperationFilterBody = z.strictObject({
  queue: Name.optional(),
  state: z.enum(JOB_STATES).optional(),
  tag: Tag.optional(),
  orderingKey: Key.optional(),
  errorCode: plainText(MAX_ERROR_CODE_BYTES).optional(),
  fingerprint: plainText(64).optional(),
  createdAfter: Timestamp.optional(),
  createdBefore: Timestamp.optional(),
  finishedBefore: Timestamp.optional(),
});
export type OperationFilterBody = z.infer<typeof OperationFilterBody>;

/**
 * - `cancel`: jobs that are not final;
 * - `retry`: failed and cancelled jobs, `ratePerSecond` at most when it is named;
 * - `delete`: final jobs, with payload, result and attempts.
 *
 * `dryRun` counts what matches and changes nothing. `cancel` and `delete` need a filter of one field at least.
 */
export const OperationBody = z
  .strictObject({
    action: z.enum(OPERATION_ACTIONS),
    filter: OperationFilterBody.optional(),
    ratePerSecond: z.number().gt(0).max(MAX_REDRIVES_PER_SECOND).optional(),
    dryRun: z.boolean().optional(),
  })
  .superRefine(({ action, filter, ratePerSecond }, context) => {
    const fault = (path: string[], message: string) => context.addIssue({ code: "custom", path, message });
    if (ratePerSecond !== undefined && action !== "retry") fault(["ratePerSecond"], "belongs to the action retry");
    const named = Object.values(filter ?? {}).filter((value) => value !== undefined);
    if (action !== "retry" && named.length === 0) fault(["filter"], `${action} needs a filter of one field at least`);
    const { state } = filter ?? {};
    if (state !== undefined && !ACTS_ON[action].includes(state)) fault(["filter", "state"], allowed(action));
  });
export type OperationBody = z.infer<typeof OperationBody>;

function allowed(action: OperationAction): string {
  return `${action} acts on jobs that are ${ACTS_ON[action].join(", ")}`;
}

/** `done`: every job that was accepted before `createdAt` has been looked at. Counts only grow. */
export const OperationView = z.strictObject({
  id: z.string(),
  action: z.enum(OPERATION_ACTIONS),
  filter: OperationFilterBody,
  ratePerSecond: z.number().nullable(),
  dryRun: z.boolean(),
  state: z.enum(["running", "done"]),
  createdAt: z.string(),
  finishedAt: z.string().nullable(),
  progress: z.strictObject({ scanned: z.int(), matched: z.int(), changed: z.int() }),
});
export type OperationView = z.infer<typeof OperationView>;

export const OperationListView = pageOf(OperationView);
