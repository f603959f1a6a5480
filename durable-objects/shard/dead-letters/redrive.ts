import { MAX_PAYLOAD_BYTES } from "../../../contract/limits.ts";
import type { RedriveReply, RedriveRequest } from "../../../contract/rpc.ts";
import { mergePatchText } from "../../../domain/merge-patch.ts";
import type { Sql } from "../../sql.ts";
import { LARGE_CHARACTERS } from "../claiming/claim.ts";
import { redrive, unredrivable } from "../jobs/change.ts";
import type { Turn } from "../turn.ts";
import { walkDead } from "./dead.ts";

/** Redrives failed jobs of a queue that match, walking up by id. `ratePerSecond` comes as a spacing of run-ats. */
export function redriveQueue(turn: Turn, sql: Sql, request: RedriveRequest): RedriveReply {
  const { rows, next } = walkDead(turn.stores, sql, request);
  const able = rows.filter((row) => unredrivable(turn, row) === null);
  const { spacing } = request;
  const counts = { redriven: 0, skipped: rows.length - able.length };
  for (const { id } of able) {
    const payload = patchedPayload(turn, id, request.patch ?? null);
    if (payload === "too-large") counts.skipped += 1;
    if (payload === "too-large" || request.dryRun) continue;
    // Read again: an earlier job of this loop may have opened or closed this one's ordering key.
    const row = turn.stores.jobs.head(id);
    const delayMs = spacing === null ? 0 : Math.floor(spacing.firstDelayMs + counts.redriven * spacing.everyMs);
    if (row === null || redrive(turn, row, delayMs) === null) continue;
    if (payload !== null) setPayload(turn, { id, spec: row.spec, payload: payload.text });
    counts.redriven += 1;
  }
  return { matched: rows.length, ...counts, next };
}

function patchedPayload(turn: Turn, id: string, patch: string | null): { text: string } | "too-large" | null {
  if (patch === null) return null;
  const row = turn.stores.jobs.row(id);
  const text = row === null ? null : mergePatchText(row.payload, patch, MAX_PAYLOAD_BYTES);
  return text === null ? "too-large" : { text };
}

function setPayload(turn: Turn, { id, spec, payload }: { id: string; spec: string; payload: string }): void {
  if (payload.length > LARGE_CHARACTERS) turn.stores.meta.noteLarge();
  turn.stores.jobs.replacePayload(id, payload, spec);
}
