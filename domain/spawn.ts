import { makeJobId } from "./job-id.ts";
import { hash32 } from "./slots.ts";

/**
 * Which of the jobs that a success brings: the one at `index` (from 0) of the job `parent`. A job succeeds once, so
 * each pair is one job.
 */
export interface Spawned {
  parent: string;
  index: number;
  /** Epoch ms of the success. */
  at: number;
  slot: number;
}

/**
 * The id of a job that a success brings. It follows from what the job is, so that whoever works it out again gets the
 * same id, and a hand-over that comes twice makes one job.
 */
export function spawnJobId({ parent, index, at, slot }: Spawned): string {
  const random = new Uint8Array(8);
  const view = new DataView(random.buffer);
  view.setUint32(0, hash32(`spawn/${parent}/${index}`));
  view.setUint32(4, hash32(`${index}/${parent}/job`));
  return makeJobId(at, slot, random);
}
