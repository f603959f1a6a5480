import { type Item, isItems, itemsIn, moved } from "./batch-items.ts";
import { batchText, partsOf } from "./batch-parts.ts";
import { DureError } from "./error.ts";
import { submitBatch } from "./generated/calls.ts";
import { MAX_BATCH_JOBS, MAX_BODY_BYTES } from "./generated/limits.ts";
import type { Batch, BatchRequest, Problem } from "./generated/types.ts";
import { writeJson } from "./json-text.ts";
import { isHopeless } from "./pause.ts";
import type { Transport } from "./transport.ts";

/** Jobs that go in one request, each as its JSON text. */
type Part = { text: string }[];

interface Options {
  idempotencyKey?: string;
  signal?: AbortSignal;
}

/** Sends a batch, as several requests where it has to be. `Jobs.submitBatch` says what comes of it. */
export async function submitParts(transport: Transport, batch: BatchRequest, options: Options): Promise<Batch> {
  const { atomic = false, jobs } = batch;
  const parts = partsOf(jobs.map((job) => ({ text: writeJson(job) })));
  if (atomic && parts.length > 1)
    throw new RangeError(
      `an atomic batch is one request: at most ${MAX_BATCH_JOBS} jobs and ${MAX_BODY_BYTES} bytes of JSON`,
    );
  const hasKeys = jobs.every((job) => job.idempotencyKey !== undefined);
  const send = (part: Part, index: number) => {
    const key = keyOf(options.idempotencyKey, index);
    return transport.call(submitBatch, {
      body: batch,
      text: batchText(atomic, part),
      headers: key === undefined ? {} : { "idempotency-key": key },
      repeatable: key !== undefined || hasKeys,
      signal: options.signal,
    });
  };
  return parts.length === 1 ? send(parts[0] ?? [], 0) : sendAll(parts, send, options.signal);
}

/** One request after the other. Throws the first failure when none of them was taken. */
async function sendAll(
  parts: Part[],
  send: (part: Part, index: number) => Promise<Batch>,
  signal: AbortSignal | undefined,
): Promise<Batch> {
  const answers: Batch[] = [];
  const failures: DureError[] = [];
  const items: Item[] = [];
  for (const [index, part] of parts.entries()) {
    const last = failures.at(-1);
    const outcome = last === undefined || isHopeless(last) ? await send(part, index).catch(asFailure) : last;
    signal?.throwIfAborted();
    const offset = items.length;
    const failed = outcome instanceof DureError;
    if (failed) failures.push(outcome);
    else answers.push(outcome);
    const told = failed ? itemsOf(outcome.problem, part.length) : outcome.items;
    items.push(...told.map((item) => moved(item, offset)));
  }
  const [first] = answers;
  const [failure] = failures;
  if (first === undefined) throw failure === undefined ? failure : withItems(failure, items);
  return { ...first, accepted: answers.reduce((sum, { accepted }) => sum + accepted, 0), items };
}

/** What became of each job of a part that failed: the problem's own word on it, or the problem itself. */
function itemsOf(problem: Problem, count: number): Item[] {
  return itemsIn(problem, count) ?? Array.from({ length: count }, () => ({ problem }));
}

/** The failure of the first part, which tells of every job of the batch where it tells of those of its part. */
function withItems(failure: DureError, items: Item[]): DureError {
  const { problem, retryAfterMs, cause } = failure;
  return isItems(problem.items) ? new DureError({ ...problem, items }, { retryAfterMs, cause }) : failure;
}

function asFailure(error: unknown): DureError {
  if (error instanceof DureError) return error;
  throw error;
}

/** The key of the first request is the batch's own, so that a batch that fits is replayed as it always was. */
function keyOf(idempotencyKey: string | undefined, index: number): string | undefined {
  return idempotencyKey === undefined || index === 0 ? idempotencyKey : `${idempotencyKey}/${index + 1}`;
}
