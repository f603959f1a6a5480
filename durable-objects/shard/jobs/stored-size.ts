import type { Step } from "../kernel/step.ts";
import { STORED_BYTES } from "../namespaces/stored-bytes.ts";
import { QUEUES } from "../queues/queue-store.ts";

/** What the row of a job takes beside its long texts, its entries in the indexes among it: some 700 bytes, measured. */
export const ROW_BYTES = 700;

/** What a row of `jobs` takes in all, as SQL. SQLite has the lengths without reading the texts. */
export const ROW_SIZE = `${ROW_BYTES} + octet_length(payload) + coalesce(octet_length(result), 0) + octet_length(attempts)`;

/** The jobs of a queue have come to take so many bytes more, or less where it is negative, when this step has committed. */
export function countBytes(step: Step, queue: number, bytes: number): void {
  if (bytes !== 0) step.get(STORED_BYTES).add(step, step.get(QUEUES).get(queue).settings.namespace, bytes);
}
