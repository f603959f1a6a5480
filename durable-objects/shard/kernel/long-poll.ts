/** Where somebody is woken and the work stays, others are woken this much later: who was woken may be gone. */
const REWAKE_MS = 15;
/** Woken at once by that, at most. */
const REWOKEN_AT_ONCE = 32;
/** Spent entries of a line are cleared away when they are so many more than those who wait. */
const SPENT_ENTRIES = 64;

/** What a request waits for, for at most `ms` milliseconds. */
export interface Waiting {
  key: string;
  ms: number;
  /** How many of those who wait for the key would find something now. Left out: all would. */
  worth?: (() => number) | undefined;
  /** Whose wait it is: of one group only so many wait. Left out: of nobody's. */
  group?: string | undefined;
}

interface Waiter {
  line: Line;
  group: string | undefined;
  /** Ends the wait; does nothing when it has ended. */
  end(): void;
  ended: boolean;
}

/** Those who wait for one key, the newest last; some may have ended. */
interface Line {
  key: string;
  entries: Waiter[];
  waiting: number;
  worth: () => number;
  /** The next look at whether those who were woken came; null while nobody was woken just now. */
  look: ReturnType<typeof setTimeout> | null;
}

/**
 * Requests that wait until something happens. In memory: a waiter lost with its object is a request that
 * is asked again. Whoever is woken looks at the rows anew. What a wake costs does not depend on who waits for other keys.
 */
export class LongPolls {
  readonly #lines = new Map<string, Line>();
  readonly #groups = new Map<string, Set<Waiter>>();
  readonly #mostOfGroup: number;

  /** Of one group at most `mostOfGroup` wait. */
  constructor(mostOfGroup = Number.POSITIVE_INFINITY) {
    this.#mostOfGroup = mostOfGroup;
  }

  /**
   * Resolves when the key is woken or after `ms`, whichever is first. When too many of its group wait, the oldest wait of the
   * group ends: the older a wait, the likelier it is that its caller is gone. `worth` is asked once for all who wait for the
   * key before any of them is woken.
   */
  wait({ key, ms, worth = () => Number.POSITIVE_INFINITY, group }: Waiting): Promise<void> {
    const line = this.#lines.get(key) ?? { key, entries: [], waiting: 0, worth, look: null };
    this.#lines.set(key, line);
    line.worth = worth;
    return new Promise((resolve) => {
      const timer = setTimeout(() => waiter.end(), ms);
      const waiter: Waiter = {
        line,
        group,
        ended: false,
        end: () => {
          clearTimeout(timer);
          this.#leave(waiter);
          resolve();
        },
      };
      line.entries.push(waiter);
      line.waiting += 1;
      if (group !== undefined) this.#join(group, waiter);
    });
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
    line.look = setTimeout(() => {
      line.look = null;
      const again = this.#wakeNewest(line, Math.min(woken * 2, REWOKEN_AT_ONCE, line.worth()));
      if (again > 0) this.#lookAgain(line, again);
    }, REWAKE_MS);
  }

  #wakeNewest(line: Line, most: number): number {
    let woken = 0;
    while (woken < most) {
      const waiter = line.entries.pop();
      if (waiter === undefined) break;
      if (waiter.ended) continue;
      waiter.end();
      woken += 1;
    }
    return woken;
  }

  #join(group: string, waiter: Waiter): void {
    const members = this.#groups.get(group) ?? new Set();
    this.#groups.set(group, members);
    members.add(waiter);
    const [oldest] = members;
    if (members.size > this.#mostOfGroup) oldest?.end();
  }

  #leave(waiter: Waiter): void {
    if (waiter.ended) return;
    waiter.ended = true;
    const { line, group } = waiter;
    line.waiting -= 1;
    if (line.waiting === 0) {
      if (line.look !== null) clearTimeout(line.look);
      if (this.#lines.get(line.key) === line) this.#lines.delete(line.key);
    } else if (line.entries.length > 2 * line.waiting + SPENT_ENTRIES) {
      line.entries = line.entries.filter(({ ended }) => !ended);
    }
    if (group === undefined) return;
    const members = this.#groups.get(group);
    members?.delete(waiter);
    if (members?.size === 0) this.#groups.delete(group);
  }
}
