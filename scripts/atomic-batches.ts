import type { Api } from "./api.ts";

/** Atomic batches over every shard that are on their way while the platform dies: the demo's second half. */
const MAX_BATCHES = 200;
const JOBS = 100;
const QUEUE = "atomic";
/** Batches start this long after each other, so that the kill meets each at another point. */
const EVERY_MS = 12;
/** The kill comes when so many were accepted. */
const ACCEPTED_FIRST = 4;
/** Batches that nobody has decided are decided within seconds of the restart. */
const DECIDED_WITHIN_MS = 30_000;

export interface Fates {
  whole: number;
  absent: number;
  half: number;
  /** Answered with 202 before the platform died, and not whole. */
  broken: number;
}

export interface Sent {
  /** Indexes of batches that were answered with 202. */
  accepted: Set<number>;
  /** How many were sent. */
  sent: number;
  all: Promise<unknown>;
}

/** Sends one after the other; resolves as soon as some are accepted, the last ones being on their way. */
export async function sendBatches(api: Api): Promise<Sent> {
  const put = await api.retry("PUT", `/v1/queues/${QUEUE}`, { body: { partitions: 64 } });
  if (put.status >= 300) throw new Error(`the queue ${QUEUE} was refused: ${put.status}`);
  const accepted = new Set<number>();
  const sending: Promise<unknown>[] = [];
  for (let batch = 0; batch < MAX_BATCHES && accepted.size < ACCEPTED_FIRST; batch++) {
    const jobs = Array.from({ length: JOBS }, (_, n) => ({
      queue: QUEUE,
      idempotencyKey: `${batch}/${n}`,
      payload: n,
    }));
    const answer = api.call("POST", "/v1/batches", { atomic: true, jobs }).then(
      ({ status }) => status === 202 && accepted.add(batch),
      () => undefined,
    );
    sending.push(answer);
    await new Promise((wake) => setTimeout(wake, EVERY_MS));
  }
  return { accepted, sent: sending.length, all: Promise.all(sending) };
}

/** What has become of the batches, once none of them is undecided any more. */
export async function fatesOf(api: Api, sent: Sent): Promise<Fates> {
  await sent.all;
  const until = Date.now() + DECIDED_WITHIN_MS;
  for (;;) {
    const counts = new Map<number, number>();
    for (const { idempotencyKey } of await api.jobs(QUEUE)) {
      const batch = Number(idempotencyKey?.split("/")[0]);
      counts.set(batch, (counts.get(batch) ?? 0) + 1);
    }
    const sizes = Array.from({ length: sent.sent }, (_, batch) => counts.get(batch) ?? 0);
    const fates = {
      whole: sizes.filter((size) => size === JOBS).length,
      absent: sizes.filter((size) => size === 0).length,
      half: sizes.filter((size) => size > 0 && size < JOBS).length,
      broken: sizes.filter((size, batch) => size < JOBS && sent.accepted.has(batch)).length,
    };
    if (fates.half + fates.broken === 0 || Date.now() > until) return fates;
    await new Promise((wake) => setTimeout(wake, 200));
  }
}
