import { type DeferredMessage, MAX_DEFERRED_BYTES } from "../../../contract/ingest.ts";
import { utf8Bytes } from "../../../contract/primitives.ts";
import { LATE, within } from "../deadline.ts";
import { log, reasonOf } from "../log.ts";
import { type AssignedJob, jobFromAccepted } from "../routing/assigned-job.ts";
import type { AcceptedJob, AcceptedRecords } from "./accepted-records.ts";

/**
 * How long a submission waits for its shard before it is deferred. An answer takes 10 to 300 ms; an object that was moved
 * or deployed is back within a second, and what waits longer than this is most likely away.
 */
export const SHARD_ANSWERS_MS = 1500;
/** A Queue that has not taken the jobs by then is taken to be away, too. */
const QUEUE_ANSWERS_MS = 5000;
/** Records are a help to readers: the answer does not wait for them longer than this. */
const RECORDS_MS = 500;
/** An invocation has a thousand calls of KV: the later jobs of a large batch go without a record. */
const MAX_RECORDS = 500;
/** What one call may carry: 100 messages and 256 kB, the platform's own bytes among them. */
const MAX_MESSAGES = 100;
const MAX_BATCH_BYTES = 240_000;

interface Letter {
  message: DeferredMessage;
  bytes: number;
}

/** Takes jobs whose shard is away: a durable Queue has them until they are committed (`commit.ts`). */
export class Deferral {
  readonly #queue: Queue;
  readonly #records: AcceptedRecords;

  constructor(queue: Queue, records: AcceptedRecords) {
    this.#queue = queue;
    this.#records = records;
  }

  /** The jobs as accepted at `now`, in their order; null for each that the Queue did not take, be it too large. */
  async defer(jobs: readonly AssignedJob[], now: number): Promise<(AcceptedJob | null)[]> {
    const letters = jobs.map((assigned) => letterOf(assigned, now));
    const taken = new Set<Letter>();
    await Promise.all(
      packs(letters).map(async (pack) => {
        if (await this.#send(pack)) for (const letter of pack) taken.add(letter);
      }),
    );
    const accepted = jobs.map((assigned, i) => {
      const letter = letters[i];
      return letter !== undefined && taken.has(letter) ? acceptedJob(assigned, letter) : null;
    });
    // Only now: a record says that the job is accepted.
    const kept = accepted.filter((job) => job !== null);
    const records = kept.slice(0, MAX_RECORDS).map((job) => this.#records.keep(job));
    await within(RECORDS_MS, Promise.all(records));
    log("warn", "deferred", { jobs: kept.length, refused: jobs.length - kept.length });
    return accepted;
  }

  async #send(pack: Letter[]): Promise<boolean> {
    try {
      const sent = this.#queue.sendBatch(pack.map(({ message }) => ({ body: message })));
      return (await within(QUEUE_ANSWERS_MS, sent)) !== LATE;
    } catch (error) {
      log("error", "ingest-send", { jobs: pack.length, reason: reasonOf(error) });
      return false;
    }
  }
}

/** Times become absolute: a delay counts from the acceptance, not from the commit. */
function letterOf({ settings, job }: AssignedJob, now: number): Letter {
  const runAt = job.runAt ?? now + (job.delayMs ?? 0);
  const message: DeferredMessage = {
    type: "deferred",
    v: 1,
    namespace: settings.namespace,
    queue: settings.name,
    job: { ...job, runAt, delayMs: null, createdAt: now },
  };
  return { message, bytes: utf8Bytes(JSON.stringify(message)) };
}

function acceptedJob(assigned: AssignedJob, { message }: Letter): AcceptedJob {
  const createdAt = message.job.createdAt ?? 0;
  const times = { createdAt, runAt: message.job.runAt ?? createdAt };
  return { ...jobFromAccepted(assigned, { type: "accepted", state: "queued", ...times }), state: "accepted" };
}

/** As many letters together as one call may carry. Those that are too large for any are in none. */
function packs(letters: Letter[]): Letter[][] {
  const all: Letter[][] = [];
  let room = 0;
  for (const letter of letters) {
    if (letter.bytes > MAX_DEFERRED_BYTES) continue;
    let pack = all.at(-1);
    if (pack === undefined || pack.length >= MAX_MESSAGES || letter.bytes > room) {
      pack = [];
      all.push(pack);
      room = MAX_BATCH_BYTES;
    }
    pack.push(letter);
    room -= letter.bytes;
  }
  return all;
}
