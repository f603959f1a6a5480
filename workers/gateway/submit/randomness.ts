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

/** From the platform's generator: one buffer for the ids of up to `jobs` jobs. Drawn anew when a job is planned again. */
export function drawRandomness(jobs: number): Randomness {
  const buffer = crypto.getRandomValues(new Uint8Array(jobs * JOB_ID_RANDOM_BYTES));
  let used = 0;
  return {
    partition: Math.random(),
    batchId: `batch_${crypto.randomUUID()}`,
    of() {
      if (used + JOB_ID_RANDOM_BYTES > buffer.length) {
        // Placed again after settings changed: new ids, so that none is used for two places.
        crypto.getRandomValues(buffer);
        used = 0;
      }
      used += JOB_ID_RANDOM_BYTES;
      return { random: Math.random(), bytes: buffer.subarray(used - JOB_ID_RANDOM_BYTES, used) };
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
