import type { ExtendReply, ExtendRequest, ExtendResult, Extension } from "../../../contract/rpc.ts";
import { parseLease } from "../../../domain/lease.ts";
import { noteBegun } from "../jobs/begun-claims.ts";
import { BEGUN, type JobHead } from "../jobs/job-row.ts";
import { PROGRESS } from "../jobs/progress-store.ts";
import { extendLease } from "../jobs/transition.ts";
import type { Step } from "../kernel/step.ts";
import { applyDeadline } from "../lifecycle/deadlines.ts";
import { askedLeases } from "./asked.ts";
import { fenceOf } from "./fence.ts";

/** Moves the end of leases, and stores what comes with it. The attempt's own end, its timeout, is never moved. */
export function extend(step: Step, { leases, namespace }: ExtendRequest): ExtendReply {
  const { own, answers } = askedLeases(step, leases);
  return { type: "extended", results: answers(own.map((extension) => extendOne(step, extension, namespace))) };
}

function extendOne(step: Step, extension: Extension, namespace: string | null): ExtendResult {
  const lease = parseLease(extension.lease);
  if (lease === null) return { status: "unknown" };
  const fence = fenceOf(step, lease, namespace);
  switch (fence.type) {
    case "ended":
      applyDeadline(step, fence.row);
      return { status: "stale" };
    case "current":
      return prolong(step, fence.row, extension);
    default:
      return { status: fence.type };
  }
}

function prolong(step: Step, row: JobHead, extension: Extension): ExtendResult {
  const { progress, leaseMs } = extension;
  if (progress !== undefined) step.get(PROGRESS).save(row.id, progress, step.now);
  const endsAt = step.now + (leaseMs ?? row.timeout_ms);
  if (row.begun === BEGUN.unsaid) noteBegun(step, row.lease);
  const after = needsNoMore(step, row, extension) ? row : extendLease(step, row, endsAt);
  const leaseExpiresAt = after.due_at ?? step.now;
  return { status: "extended", leaseExpiresAt, leaseLeftMs: leaseExpiresAt - step.now };
}

/** Whether the lease lasts as long as the caller needs: or as long as any can, which is to the end of the attempt. */
function needsNoMore(step: Step, row: JobHead, { unlessLeftMs }: Extension): boolean {
  // That the job was begun is written once, with the first heartbeat.
  if (unlessLeftMs === null || !isSaid(row)) return false;
  const endsAt = row.lease_ends_at ?? step.now;
  return endsAt - step.now > unlessLeftMs || (row.attempt_ends_at !== null && endsAt >= row.attempt_ends_at);
}

function isSaid({ begun }: JobHead): boolean {
  return begun === BEGUN.yes || begun === BEGUN.handedOver;
}
