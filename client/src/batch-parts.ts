import { MAX_BATCH_JOBS, MAX_BODY_BYTES } from "./generated/limits.ts";
import { byteLength } from "./json-text.ts";

/** Leaves room for what stands around the jobs. */
const MAX_PART_BYTES = MAX_BODY_BYTES - 1024;

/** Jobs, each with its JSON text, in as few requests as hold them, in their order: the same jobs are divided in the same way. */
export function partsOf<T extends { text: string }>(jobs: readonly T[]): T[][] {
  let part: T[] = [];
  let size = 0;
  const parts = [part];
  for (const job of jobs) {
    const bytes = byteLength(job.text) + 1;
    const fits = part.length < MAX_BATCH_JOBS && size + bytes <= MAX_PART_BYTES;
    if (!fits && part.length > 0) {
      part = [];
      size = 0;
      parts.push(part);
    }
    part.push(job);
    size += bytes;
  }
  return parts;
}

/** The JSON text of a request for a batch. */
export function batchText(atomic: boolean, part: readonly { text: string }[]): string {
  return `{"atomic":${atomic},"jobs":[${part.map(({ text }) => text).join(",")}]}`;
}
