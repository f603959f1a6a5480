import { JOB_ID_RANDOM_BYTES } from "../../../domain/job-id.ts";
import { hash32 } from "../../../domain/slots.ts";

/** The randomness of one job: `random` is uniform in [0, 1), `bytes` are those of its id. */
export interface Draw {
  random: number;
  bytes: Uint8Array;
}

/** The randomness of one request. `partition` is one draw that all jobs without a key may share. */
export interface Randomness {
  partition: number;
  /** Names the request, should it be a batch. */
  batchId: string;
  /** The draw of the job at `index` of the request. */
  of(index: number): Draw;
}

/** Bytes of the platform's generator, each given out once. To ask for eight of them costs what it costs to ask for all. */
const pool = new Uint8Array(512 * JOB_ID_RANDOM_BYTES);
let used = pool.length;

function freshBytes(): Uint8Array {
  if (used === pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  used += JOB_ID_RANDOM_BYTES;
  return pool.slice(used - JOB_ID_RANDOM_BYTES, used);
}

/** The first places of ids count where a job stands in its request: 14 bits, which the first two bytes have (the other two are not the id's). */
const COUNTED = 2 ** 14;

/**
 * From the platform's generator. A job that is planned again is drawn for anew, so that no id is used for two places. Ids of one request
 * in one slot sort as their jobs stand in it (RFC 9562, section 6.2: a counter that begins with chance), so that jobs which are stored together are found
 * together. `partition`: the draw that the jobs share, where that is given.
 */
export function drawRandomness(partition: number = Math.random()): Randomness {
  const first = Math.floor(Math.random() * (COUNTED / 2));
  return {
    partition,
    batchId: `batch_${crypto.randomUUID()}`,
    of(index) {
      const bytes = freshBytes();
      const count = (first + index) % COUNTED;
      bytes[0] = count >> 8;
      bytes[1] = count & 0xff;
      return { random: Math.random(), bytes };
    },
  };
}

/** The same draws for the same `seed` (32 hex digits): a batch that is sent again makes the same ids. */
export function seededRandomness(seed: string): Randomness {
  const uniform = (name: string) => hash32(`${seed}/${name}`) / 2 ** 32;
  return {
    partition: uniform("partition"),
    batchId: `batch_${seed.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")}`,
    of(index) {
      const words = Uint32Array.of(hash32(`${seed}/${index}/a`), hash32(`${index}/${seed}/b`));
      return { random: uniform(`${index}/random`), bytes: new Uint8Array(words.buffer) };
    },
  };
}
