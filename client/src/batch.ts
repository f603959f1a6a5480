import { DureError } from "./error.ts";
import { submitBatch } from "./generated/calls.ts";
import { MAX_BATCH_JOBS, MAX_BODY_BYTES } from "./generated/limits.ts";
import type { Batch, BatchRequest, SubmitRequest } from "./generated/types.ts";
import type { Transport } from "./transport.ts";

/** Leaves room for what stands around the jobs. */
const MAX_PART_BYTES = MAX_BODY_BYTES - 1024;

const encoder = new TextEncoder();

/** Jobs that go in one request, each as its JSON text. */
interface Part {
  texts: string[];
  bytes: number;
}

interface Options {
  idempotencyKey?: string;
  signal?: AbortSignal;
}

/** Sends a batch, as several requests where it has to be. `Jobs.submitBatch` says what comes of it. */
export async function submitParts(transport: Transport, batch: BatchRequest, options: Options): Promise<Batch> {
  const { atomic = false, jobs } = batch;
  const parts = partsOf(jobs);
  if (atomic && parts.length > 1)
    throw new RangeError(
      `an atomic batch is one request: at most ${MAX_BATCH_JOBS} jobs and ${MAX_BODY_BYTES} bytes of JSON`,
    );
  const hasKeys = jobs.every((job) => job.idempotencyKey !== undefined);
  const send = async ({ texts }: Part, index: number) => {
    const key = keyOf(options.idempotencyKey, index);
    const reply = await transport.call(submitBatch, {
      body: batch,
      text: `{"atomic":${atomic},"jobs":[${texts.join(",")}]}`,
      headers: key === undefined ? {} : { "idempotency-key": key },
      repeatable: key !== undefined || hasKeys,
      signal: options.signal,
    });
    return reply.data;
  };
  return parts.length === 1 ? send(parts[0] ?? { texts: [], bytes: 0 }, 0) : sendAll(parts, send, options.signal);
}

/** One request after the other. Throws the first failure when none of them was taken. */
async function sendAll(
  parts: Part[],
  send: (part: Part, index: number) => Promise<Batch>,
  signal: AbortSignal | undefined,
): Promise<Batch> {
  const answers: Batch[] = [];
  const failures: DureError[] = [];
  const items: Batch["items"] = [];
  for (const [index, part] of parts.entries()) {
    const last = failures.at(-1);
    const outcome = last === undefined || isOfOneRequest(last) ? await send(part, index).catch(asFailure) : last;
    signal?.throwIfAborted();
    if (outcome instanceof DureError) {
      failures.push(outcome);
      items.push(...part.texts.map(() => ({ problem: outcome.problem })));
    } else {
      answers.push(outcome);
      items.push(...outcome.items);
    }
  }
  const [first] = answers;
  if (first === undefined) throw failures[0];
  return { ...first, accepted: answers.reduce((sum, { accepted }) => sum + accepted, 0), items };
}

function asFailure(error: unknown): DureError {
  if (error instanceof DureError) return error;
  throw error;
}

/** Whether a request was refused for what is in it. After any other failure the next would fare no better. */
function isOfOneRequest({ status }: DureError): boolean {
  return status === 400 || status === 413 || status === 422;
}

/** The key of the first request is the batch's own, so that a batch that fits is replayed as it always was. */
function keyOf(idempotencyKey: string | undefined, index: number): string | undefined {
  return idempotencyKey === undefined || index === 0 ? idempotencyKey : `${idempotencyKey}/${index + 1}`;
}

/** The jobs in as few requests as hold them, in their order: the same jobs are divided in the same way. */
function partsOf(jobs: readonly SubmitRequest[]): Part[] {
  let part: Part = { texts: [], bytes: 0 };
  const parts = [part];
  for (const job of jobs) {
    const text = JSON.stringify(job);
    const bytes = encoder.encode(text).length + 1;
    const fits = part.texts.length < MAX_BATCH_JOBS && part.bytes + bytes <= MAX_PART_BYTES;
    if (!fits && part.texts.length > 0) {
      part = { texts: [], bytes: 0 };
      parts.push(part);
    }
    part.texts.push(text);
    part.bytes += bytes;
  }
  return parts;
}
