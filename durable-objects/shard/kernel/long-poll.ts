/** Where somebody is woken and the work stays, others are woken this much later: who was woken may be gone. */
const REWAKE_MS = 15;
/** Woken at once by that, at most. */
const REWOKEN_AT_ONCE = 32;
/** Spent entries of a line are cleared away when they are so many more than those who wait. */
const SPENT_ENTRIES = 64;

/** What a request waits for. */
export interface Awaited {
  key: string;
  /** How many of those who wait for the key would find something now. Left out: all would. */
  worth?: (() => number) | undefined;
  /** Whose wait it is: of one group only so many wait. Left out: of nobody's. */
  group?: string | undefined;
}

/** What a call waits for that is held, for at most `ms` milliseconds. */
export interface Waiting extends Awaited {
  ms: number;
}

/** How a wait ends by itself: something may be there, or others of its group have its place. */
export type Ending = "woken" | "displaced";

/** Calls `wake` once, `ms` milliseconds from now, unless the function that it answers was called before. */
export type Timer = (ms: number, wake: () => void) => () => void;

const realTimer: Timer = (ms, wake) => {
  const timer = setTimeout(wake, ms);
  return () => clearTimeout(timer);
};

interface Waiter {
  line: Line;
  group: string | undefined;
  end(how: Ending): void;
  ended: boolean;
}

/** Those who wait for one key, the newest last; some may have ended. */
interface Line {
  key: string;
  entries: Waiter[];
  waiting: number;
  worth: () => number;
  /** Calls off the next look at whether those who were woken came; null while nobody was woken just now. */
  look: (() => void) | null;
}

/**
 * Those who wait until something happens: calls that are held, and watches. In memory: a wait that is lost with its object is asked
 * for again. Whoever is woken looks at the rows anew. What a wake costs does not depend on who waits for other keys.
 */
export class LongPolls {
  readonly #lines = new Map<string, Line>();
  readonly #groups = new Map<string, Set<Waiter>>();
  readonly #mostOfGroup: number;
  readonly #after: Timer;

  /** Of one group at most `mostOfGroup` wait. */
  constructor(mostOfGroup = Number.POSITIVE_INFINITY, after: Timer = realTimer) {
    this.#mostOfGroup = mostOfGroup;
    this.#after = after;
  }

  /** Resolves when the wait has ended (`join`), or after `ms`, whichever is first. */
  wait({ ms, ...awaited }: Waiting): Promise<void> {
    return new Promise((resolve) => {
      const callOff = this.#after(ms, () => {
        leave();
        resolve();
      });
      const leave = this.join(awaited, () => {
        callOff();
        resolve();
      });
    });
  }

  /**
   * Waits until the key is woken, and is told so once; or until the wait is left by the function that this answers, of which nobody
   * is told. When too many of its group wait, the oldest wait of the group ends: the older a wait, the likelier it is that its
   * caller is gone. `worth` is asked once for all who wait for the key before any of them is woken.
   */
  join({ key, worth = () => Number.POSITIVE_INFINITY, group }: Awaited, ended: (how: Ending) => void): () => void {
    const line = this.#lines.get(key) ?? { key, entries: [], waiting: 0, worth, look: null };
    this.#lines.set(key, line);
    line.worth = worth;
    const waiter: Waiter = {
      line,
      group,
      ended: false,
      end: (how) => {
        if (this.#leave(waiter)) ended(how);
      },
    };
    line.entries.push(waiter);
    line.waiting += 1;
    if (group !== undefined) this.#enter(group, waiter);
    return () => void this.#leave(waiter);
  }

  /**
   * Wakes of those who wait for `key` the newest, no more than it is worth to and than `most`. As long as it stays worth it
   * afterwards, more and more of the others are woken, so that work does not wait behind callers who are gone.
   */
  wake(key: string, most = Number.POSITIVE_INFINITY): void {
    const line = this.#lines.get(key);
    if (line === undefined) return;
    const woken = this.#wakeNewest(line, Math.min(most, line.worth()));
    if (woken > 0 && line.look === null) this.#lookAgain(line, woken);
  }

  /** How many wait. */
  get size(): number {
    let size = 0;
    for (const { waiting } of this.#lines.values()) size += waiting;
    return size;
  }

  #lookAgain(line: Line, woken: number): void {
    if (line.waiting === 0) return;
    line.look = this.#after(REWAKE_MS, () => {
      line.look = null;
      const again = this.#wakeNewest(line, Math.min(woken * 2, REWOKEN_AT_ONCE, line.worth()));
      if (again > 0) this.#lookAgain(line, again);
    });
  }

  #wakeNewest(line: Line, most: number): number {
    let woken = 0;
    while (woken < most) {
      const waiter = line.entries.pop();
      if (waiter === undefined) break;
      if (waiter.ended) continue;
      waiter.end("woken");
      woken += 1;
    }
    return woken;
  }

  #enter(group: string, waiter: Waiter): void {
    const members = this.#groups.get(group) ?? new Set();
    this.#groups.set(group, members);
    members.add(waiter);
    const [oldest] = members;
    if (members.size > this.#mostOfGroup) oldest?.end("displaced");
  }

  /** False when the wait had ended before. */
  #leave(waiter: Waiter): boolean {
    if (waiter.ended) return false;
    waiter.ended = true;
    const { line, group } = waiter;
    line.waiting -= 1;
    if (line.waiting === 0) {
      line.look?.();
      if (this.#lines.get(line.key) === line) this.#lines.delete(line.key);
    } else if (line.entries.length > 2 * line.waiting + SPENT_ENTRIES) {
      line.entries = line.entries.filter(({ ended }) => !ended);
    }
    if (group === undefined) return true;
    const members = this.#groups.get(group);
    members?.delete(waiter);
    if (members?.size === 0) this.#groups.delete(group);
    return true;
  }
}
