import { MAX_PAYLOAD_BYTES } from "../../../contract/limits.ts";
import type { RedriveReply, RedriveRequest } from "../../../contract/rpc.ts";
import { mergePatchText } from "../../../domain/merge-patch.ts";
import { JOBS } from "../jobs/job-store.ts";
import { noteIfLarge } from "../jobs/large-payloads.ts";
import type { Step } from "../kernel/step.ts";
import { redrive, unredrivable } from "../lifecycle/redrive.ts";
import { walkFailed } from "./failed-jobs.ts";

/** Redrives failed jobs of a queue that match, walking up by id. `ratePerSecond` comes as a spacing of run-ats. */
export function redriveQueue(step: Step, request: RedriveRequest): RedriveReply {
  const { rows, next } = walkFailed(step, request);
  const able = rows.filter((row) => unredrivable(step, row) === null);
  const { spacing } = request;
  const counts = { redriven: 0, skipped: rows.length - able.length };
  for (const { id } of able) {
    const payload = patchedPayload(step, id, request.patch);
    if (payload === "too-large") counts.skipped += 1;
    if (payload === "too-large" || request.dryRun) continue;
    // Read again: an earlier job of this loop may have opened or closed this one's ordering key.
    const row = step.get(JOBS).head(id);
    const delayMs = spacing === null ? 0 : Math.floor(spacing.firstDelayMs + counts.redriven * spacing.everyMs);
    if (row === null || redrive(step, row, delayMs) === null) continue;
    if (payload !== null) setPayload(step, { id, spec: row.spec, payload: payload.text });
    counts.redriven += 1;
  }
  return { matched: rows.length, ...counts, next };
}

function patchedPayload(step: Step, id: string, patch: string | null): { text: string } | "too-large" | null {
  if (patch === null) return null;
  const row = step.get(JOBS).row(id);
  const text = row === null ? null : mergePatchText(row.payload, patch, MAX_PAYLOAD_BYTES);
  return text === null ? "too-large" : { text };
}

function setPayload(step: Step, { id, spec, payload }: { id: string; spec: string; payload: string }): void {
  noteIfLarge(step, payload);
  step.get(JOBS).replacePayload(id, payload, spec);
}
