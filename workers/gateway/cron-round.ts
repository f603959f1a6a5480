import { DIRECTORY_IS_THERE } from "../../contract/rpc.ts";

/** A round of the cron that is older than this: shards whose alarm was lost do nothing. */
export const ROUND_OVERDUE_MS = 5 * 60_000;

const KEY = "cron-round";

/** What a round of the cron leaves behind for those who ask whether Dure can work. */
export interface CronRound {
  /** When it came to its end, epoch milliseconds. */
  at: number;
  /** The shard whose work has waited longest for a processor; null when none has any. */
  longestWaiting: string | null;
  /** The shard for whose finished jobs history has had no room for the longest; left out where it has for all. */
  longestRefused?: string | null;
  /** Walks over settings that did not come to their end in the round: the last one visited, by the walk's name. */
  places?: Record<string, WalkPlace>;
}

/** Where a walk goes on. */
export interface WalkPlace {
  namespace: string;
  name: string;
}

/** The last round of the cron, and whether there is anything for one. It is one value in KV, so that to ask costs the same on any deployment. */
export class CronRounds {
  readonly #cache: KVNamespace;

  constructor(cache: KVNamespace) {
    this.#cache = cache;
  }

  /** Null before the first round. */
  async last(): Promise<CronRound | null> {
    const text = await this.#cache.get(KEY);
    return text === null ? null : readRound(text);
  }

  /** Whether there is a Directory, and with it perhaps shards. Where KV does not answer there is: rounds mend what is broken. */
  async somethingIsThere(): Promise<boolean> {
    try {
      return (await this.#cache.get(DIRECTORY_IS_THERE, { cacheTtl: 30 })) !== null;
    } catch {
      return true;
    }
  }

  /** A round has ended. */
  async note(round: CronRound): Promise<void> {
    await this.#cache.put(KEY, JSON.stringify(round));
  }
}

/** An earlier version has written the time alone. */
function readRound(text: string): CronRound | null {
  try {
    const read: unknown = JSON.parse(text);
    if (typeof read === "number") return { at: read, longestWaiting: null };
    const { at, longestWaiting = null, longestRefused = null, places = {} } = read as Partial<CronRound>;
    return typeof at === "number" ? { at, longestWaiting, longestRefused, places } : null;
  } catch {
    return null;
  }
}
