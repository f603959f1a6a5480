/** Runs a piece of work, and again when D1 failed in a way that passes. Only for work that may be done twice. */
export type RetryD1 = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * What D1 says when it was not the statement's fault (docs: D1, Debug D1): there is no code to tell by. D1 itself sends
 * reads again, never writes.
 */
const PASSING = [
  "Network connection lost",
  "D1 DB reset because its code was updated",
  "Internal error while starting up D1 DB storage caused object to be reset",
  "Internal error in D1 DB storage caused object to be reset",
  "Cannot resolve D1 DB due to transient issue on remote node",
  "Replica disconnected from primary",
];

const MAX_TRIES = 3;
/** Before the second try, times 0.5 to 1.5; twice that before the third. A request waits half a second at most. */
const FIRST_PAUSE_MS = 100;

/** Time and randomness: `random` is uniform in [0, 1). */
export interface RetryPorts {
  random(): number;
  sleep(ms: number): Promise<void>;
}

/** Tries three times in all, with growing pauses of uneven length. */
export function retrying({ random, sleep }: RetryPorts): RetryD1 {
  return async (work) => {
    for (let tries = 1; ; tries++) {
      try {
        return await work();
      } catch (error) {
        if (tries >= MAX_TRIES || !isPassing(error)) throw error;
        await sleep(FIRST_PAUSE_MS * 2 ** (tries - 1) * (0.5 + random()));
      }
    }
  };
}

/** For those who have nobody to wait for them: one try. */
export const once: RetryD1 = (work) => work();

/** Whether the same statement may well succeed in a moment. The query builder wraps what D1 threw. */
export function isPassing(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { message } = at;
    if (PASSING.some((text) => message.includes(text))) return true;
  }
  return false;
}
