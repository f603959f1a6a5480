import { longerThan } from "./json-text.ts";
import { MAX_CHECKPOINT_BYTES, MAX_PROGRESS_MESSAGE_BYTES } from "./limits.ts";
import type { ProgressPatch } from "./rpc/work.ts";

/** Progress on its way from the code of a job: what a client and an executor make of it. Needs no schema library. */

const encoder = new TextEncoder();

/** What the code of a job says of its progress. What is left out stays as it was. */
export interface ProgressUpdate {
  /** 0 to 100; beyond, it is taken as the nearer of the two. */
  percent?: number;
  /** Cut to 1024 bytes. */
  message?: string;
  /** Any JSON value of at most 64 KiB: the next attempt is given the last one. Null forgets it. */
  checkpoint?: unknown;
}

/**
 * An update made fit for the wire. The checkpoint is taken as it is now, whatever becomes of the object later.
 * Throws a RangeError for a percentage that is no number, and for a checkpoint that is not JSON or too large. `write` makes the
 * checkpoint's text, which is what is measured and kept.
 */
export function normalizeProgress(
  { percent, message, checkpoint }: ProgressUpdate,
  write: (value: unknown) => string | undefined = JSON.stringify,
): ProgressPatch {
  if (percent !== undefined && Number.isNaN(percent)) throw new RangeError("the progress is not a number");
  return {
    ...(percent === undefined ? {} : { percent: Math.min(100, Math.max(0, percent)) }),
    ...(message === undefined ? {} : { message: cut(message) }),
    ...(checkpoint === undefined ? {} : { checkpoint: checkpointText(checkpoint, write) }),
  };
}

/** The JSON text of a checkpoint that fits; null for none. Throws a RangeError for any other. */
function checkpointText(checkpoint: unknown, write: (value: unknown) => string | undefined): string | null {
  if (checkpoint === null) return null;
  let text: string | undefined;
  try {
    text = write(checkpoint);
  } catch {
    text = undefined;
  }
  if (text === undefined) throw new RangeError("the checkpoint is not JSON");
  if (!checkpointFits(text)) throw new RangeError(`the checkpoint is larger than ${MAX_CHECKPOINT_BYTES} bytes`);
  return text === "null" ? null : text;
}

/** Whether the JSON text of a checkpoint is small enough to be kept. */
export function checkpointFits(text: string): boolean {
  return !longerThan(text, MAX_CHECKPOINT_BYTES);
}

/** At most the limit, cut between characters where it is longer. */
function cut(message: string): string {
  const plain = message.toWellFormed().replaceAll("\0", "\u{fffd}");
  if (!longerThan(plain, MAX_PROGRESS_MESSAGE_BYTES)) return plain;
  let bytes = 0;
  let end = 0;
  for (const point of plain) {
    bytes += encoder.encode(point).length;
    if (bytes > MAX_PROGRESS_MESSAGE_BYTES) break;
    end += point.length;
  }
  return plain.slice(0, end);
}

/** Two updates as one, the later one's fields before the earlier's. */
export function mergeProgress(earlier: ProgressPatch | null, later: ProgressPatch): ProgressPatch {
  return { ...earlier, ...later };
}
