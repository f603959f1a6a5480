import { mergeProgress as merge, normalizeProgress as normalize } from "../../contract/progress-patch.ts";
import type { ExtendRequest } from "./generated/types.ts";
import { JsonText, writeJson } from "./json-text.ts";

/** What the code of a job says of its progress. What is left out stays as it was. */
export interface ProgressUpdate {
  /** 0 to 100; beyond, it is taken as the nearer of the two. */
  percent?: number;
  /** Cut to 1024 bytes. */
  message?: string;
  /** Any JSON value, or a `JsonText`, of at most 64 KiB as it is written: the next attempt is given the last one. Null forgets it. */
  checkpoint?: unknown;
}

/** An update made fit for the wire. */
export interface ProgressPatch {
  /** 0 to 100. */
  percent?: number;
  message?: string;
  /** JSON text; null forgets the last one. */
  checkpoint?: string | null;
}

// The contract's own functions, which the processor has too: the bundler takes them along, and they need no library.

/**
 * The checkpoint is taken as it is now, whatever becomes of the object later; a `JsonText` in it is its own text, and is measured
 * as that. Throws a RangeError for a percentage that is no number, and for a checkpoint that is not JSON or too large.
 */
export function normalizeProgress(update: ProgressUpdate): ProgressPatch {
  return normalize(update, writeJson);
}

/** Two updates as one, the later one's fields before the earlier's. */
export const mergeProgress: (earlier: ProgressPatch | null, later: ProgressPatch) => ProgressPatch = merge;

/** A heartbeat as it is sent. */
export function extendBody(leaseSeconds: number | undefined, patch: ProgressPatch | null): ExtendRequest {
  const { percent, message, checkpoint } = patch ?? {};
  const progress = {
    ...(percent === undefined ? {} : { percent }),
    ...(message === undefined ? {} : { message }),
  };
  return {
    ...(leaseSeconds === undefined ? {} : { leaseSeconds }),
    ...(percent === undefined && message === undefined ? {} : { progress }),
    ...(checkpoint === undefined ? {} : { checkpoint: checkpoint === null ? null : asSent(checkpoint) }),
  };
}

/** The value, or its text where the value does not say the same. */
function asSent(checkpoint: string): unknown {
  const value: unknown = JSON.parse(checkpoint);
  return JSON.stringify(value) === checkpoint ? value : new JsonText(checkpoint);
}
