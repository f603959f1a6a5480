/** Answers calls of one kind that came together, in their order. */
export type RunTogether<Request, Result> = (requests: readonly Request[]) => PromiseSettledResult<Result>[];

/** Calls that come in one turn and run together. */
interface Joined {
  requests: unknown[];
  heard: ((outcome: PromiseSettledResult<unknown>) => void)[];
}

/**
 * Runs the steps that arrive together in one turn of the event loop, so that they share one commit and one
 * fsync. Each step stays its own transaction: one that throws undoes itself alone. The output gate holds every
 * answer until the commit is on disk.
 */
export class GroupCommit {
  #steps: (() => void)[] = [];
  /** Of this turn, by what runs them. */
  #joined = new Map<RunTogether<never, unknown>, Joined>();

  run<T>(step: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#push(() => {
        try {
          resolve(step());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** Calls for the same `together` are handed to it at once, where the first of them stands among the steps. */
  join<Request, Result>(together: RunTogether<Request, Result>, request: Request): Promise<Result> {
    return new Promise((resolve, reject) => {
      const joined = this.#joinedBy(together);
      joined.requests.push(request);
      joined.heard.push((outcome) => {
        if (outcome.status === "fulfilled") resolve(outcome.value as Result);
        else reject(outcome.reason);
      });
    });
  }

  #joinedBy<Request, Result>(together: RunTogether<Request, Result>): Joined {
    const known = this.#joined.get(together);
    if (known !== undefined) return known;
    const joined: Joined = { requests: [], heard: [] };
    this.#joined.set(together, joined);
    this.#push(() => {
      const outcomes = together(joined.requests as Request[]);
      joined.heard.forEach((hear, i) => {
        hear(outcomes[i] ?? { status: "rejected", reason: new Error("a call that ran with others has no answer") });
      });
    });
    return joined;
  }

  #push(step: () => void): void {
    this.#steps.push(step);
    if (this.#steps.length === 1) setTimeout(() => this.#flush(), 0);
  }

  #flush(): void {
    const steps = this.#steps;
    this.#steps = [];
    this.#joined.clear();
    for (const step of steps) step();
  }
}
