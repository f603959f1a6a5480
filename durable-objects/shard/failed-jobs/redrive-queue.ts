import { MAX_PAYLOAD_BYTES } from "../../../contract/limits.ts";
import { utf8Bytes } from "../../../contract/primitives.ts";
import type { RedriveReply, RedriveRequest } from "../../../contract/rpc.ts";
import { mergePatchText } from "../../../domain/merge-patch.ts";
import { EACH_JOB, JOBS } from "../jobs/job-store.ts";
import { replacePayload } from "../jobs/large-payloads.ts";
import { walk } from "../kernel/quarantine.ts";
import type { Step } from "../kernel/step.ts";
import { admissionOf } from "../lifecycle/admission.ts";
import { redrive, unredrivable } from "../lifecycle/redrive.ts";
import { isJobReadable, walkFailed } from "./failed-jobs.ts";

/** Redrives failed jobs of a queue that match, walking up by id. `ratePerSecond` comes as a spacing of run-ats. */
export function redriveQueue(step: Step, request: RedriveRequest): RedriveReply {
  const { rows, next } = walkFailed(step, request);
  const able = rows.filter((row) => isJobReadable(step, row, () => unredrivable(step, row) === null));
  const { spacing } = request;
  const counts = { redriven: 0, skipped: rows.length - able.length };
  const put = ({ id }: { id: string }) => {
    const payload = patchedPayload(step, id, request);
    if (payload === "too-large") counts.skipped += 1;
    if (payload === "too-large" || request.dryRun) return;
    // Read again: an earlier job of this loop may have opened or closed this one's ordering key.
    const row = step.get(JOBS).head(id);
    const delayMs = spacing === null ? 0 : Math.floor(spacing.firstDelayMs + counts.redriven * spacing.everyMs);
    if (row === null || redrive(step, row, delayMs) === null) {
      // Where there is no room for it, it stays as it is: the same redrive takes it once there is.
      counts.skipped += 1;
      return;
    }
    if (payload !== null) replacePayload(step, row, { payload: payload.text, spec: row.spec });
    counts.redriven += 1;
  };
  const worked = walk(step, EACH_JOB, { rows: able, each: put });
  counts.skipped += able.length - worked;
  return { matched: rows.length, ...counts, next };
}

/** `too-large` says too that there is no room for a payload that is larger than it was. */
function patchedPayload(
  step: Step,
  id: string,
  { namespace, patch, dryRun }: Pick<RedriveRequest, "namespace" | "patch" | "dryRun">,
): { text: string } | "too-large" | null {
  if (patch === null) return null;
  const row = step.get(JOBS).row(id);
  const text = row === null ? null : mergePatchText(row.payload, patch, MAX_PAYLOAD_BYTES);
  if (row === null || text === null) return "too-large";
  const bytes = utf8Bytes(text) - utf8Bytes(row.payload);
  const admission = admissionOf(step);
  if (!dryRun && admission.refusalToGrow(namespace, bytes) !== null) return "too-large";
  if (!dryRun) admission.grew(namespace, bytes);
  return { text };
}
