import type { ClaimedJob, ReleaseRequest } from "./generated/types.ts";
import { isTransient, pauseMs } from "./pause.ts";
import type { WorkPort } from "./work-port.ts";

/** Tries to give a job back. What nobody hears of comes back when its lease ends, and has spent an attempt then. */
const MAX_TRIES = 3;

/** Thrown by `release` to end the handler. */
export class Released extends Error {}

/** Gives the job back. Never rejects; a lease that is lost has nothing left to give. */
export async function giveBack(
  { lease }: ClaimedJob,
  release: ReleaseRequest,
  { port, closed }: { port: WorkPort; closed: AbortSignal },
): Promise<void> {
  for (let tries = 1; tries <= MAX_TRIES && !closed.aborted; tries++) {
    try {
      await port.release(lease, release, closed);
      return;
    } catch (error) {
      // A try whose answer was lost may have been heard: then the lease is stale.
      if (!isTransient(error)) return;
      await port.clock.sleep(pauseMs(error, tries, port.random()), closed);
    }
  }
}
