import { type Item, itemsIn, ofOneJob } from "./batch-items.ts";
import { batchText, partsOf } from "./batch-parts.ts";
import { DureError, networkError } from "./error.ts";
import { submitBatch, submitJob } from "./generated/calls.ts";
import type { Job, Problem, SubmitRequest } from "./generated/types.ts";
import { writeJson } from "./json-text.ts";
import { isHopeless } from "./pause.ts";
import type { Transport } from "./transport.ts";

/** So many microtasks later a call still belongs to the same tick: one that comes past a validator is some behind one that does not. */
const MICROTASKS = 8;

/** A job that was submitted, and who waits for its answer. */
interface Submitted {
  job: SubmitRequest;
  /** As it was when it was submitted. */
  text: string;
  /** Doing it twice is doing it once. */
  repeatable: boolean;
  resolve: (job: Job) => void;
  reject: (error: unknown) => void;
}

/** `alone`: it has to be sent by itself, to be answered as a job that was never joined. */
type Outcome = Job | DureError | "alone";

/**
 * Joins the submissions of one tick to one batch, and gives each its own answer. A tick is one turn of the event loop,
 * and no timer: in a Worker, where the I/O of one request must not serve another, a request's jobs only ever go with its own.
 */
export class JoinedSubmits {
  readonly #transport: Transport;
  #waiting: Submitted[] = [];

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Resolves with the job when it is accepted, as a submission by itself does; it is sent again under the same conditions. */
  async submit(job: SubmitRequest): Promise<Job> {
    const text = writeJson(job);
    const repeatable = job.idempotencyKey !== undefined;
    return new Promise<Job>((resolve, reject) => {
      if (this.#waiting.push({ job, text, repeatable, resolve, reject }) === 1) void this.#sendSoon();
    });
  }

  async #sendSoon(): Promise<void> {
    for (let i = 0; i < MICROTASKS; i++) await null;
    const all = this.#waiting;
    this.#waiting = [];
    // One job that must not be sent twice would keep all of its batch from being sent again.
    for (const repeatable of [true, false]) {
      for (const part of partsOf(all.filter((submitted) => submitted.repeatable === repeatable))) {
        void this.#deliver(part).catch((error) => {
          for (const { reject } of part) reject(error);
        });
      }
    }
  }

  /** Sends jobs until each has its answer. The refusal of one that may pass later costs only itself: it goes again with its like. */
  async #deliver(part: Submitted[]): Promise<void> {
    for (let failures = 1, left = part; left.length > 0; failures++) {
      const outcomes = await this.#outcomesOf(left);
      const later: Submitted[] = [];
      let pause = 0;
      left.forEach((submitted, index) => {
        const outcome = outcomes[index] ?? "alone";
        const wait =
          outcome instanceof DureError ? this.#transport.pauseAfter(outcome, failures, submitted.repeatable) : null;
        if (wait === null) this.#answer(submitted, outcome);
        else {
          later.push(submitted);
          pause = Math.max(pause, wait);
        }
      });
      left = later;
      if (left.length > 0) await this.#transport.clock.sleep(pause);
    }
  }

  #answer(submitted: Submitted, outcome: Outcome): void {
    const { resolve, reject } = submitted;
    if (outcome === "alone") {
      this.#transport.call(submitJob, requestOf(submitted)).then(resolve, reject);
    } else if (outcome instanceof DureError) reject(outcome);
    else resolve(outcome);
  }

  /** One request, and what it says of each job. */
  async #outcomesOf(part: Submitted[]): Promise<Outcome[]> {
    const [first] = part;
    if (first === undefined) return [];
    if (part.length === 1) return [await this.#transport.once(submitJob, requestOf(first)).catch(asFailure)];
    const answer = await this.#transport
      .once(submitBatch, {
        query: { include: "job" },
        body: { jobs: [] },
        text: batchText(false, part),
        repeatable: first.repeatable,
      })
      .catch(asFailure);
    const failed = answer instanceof DureError;
    const items = failed ? itemsIn(answer.problem, part.length) : answer.items;
    if (items !== null) return part.map((submitted, index) => outcomeOf(submitted, items[index]));
    // Nothing was accepted, for a fault of one job, or of all together: each hears its own.
    return part.map(() => (!failed || isHopeless(answer) ? "alone" : answer));
  }
}

function requestOf({ job, text, repeatable }: Submitted) {
  return { body: job, text, repeatable };
}

function outcomeOf({ repeatable }: Submitted, item: Item | undefined): Outcome {
  if (item !== undefined && "problem" in item) {
    const { retryAfter } = item.problem as Problem & { retryAfter?: number };
    return new DureError(ofOneJob(item.problem), { retryAfterMs: retryAfter === undefined ? null : retryAfter * 1000 });
  }
  if (item?.job !== undefined) return item.job;
  // An earlier job answers for the key: sent by itself it is answered with that, whole.
  return repeatable ? "alone" : networkError(new Error("the answer does not have the job"));
}

function asFailure(error: unknown): DureError {
  if (error instanceof DureError) return error;
  throw error;
}
