/**
 * Runs the steps that arrive together in one turn of the event loop, so that they share one commit and one
 * fsync. Each step stays its own transaction: one that throws undoes itself alone. The output gate holds every
 * answer until the commit is on disk.
 */
export class GroupCommit {
  #steps: (() => void)[] = [];

  run<T>(step: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#steps.push(() => {
        try {
          resolve(step());
        } catch (error) {
          reject(error);
        }
      });
      if (this.#steps.length === 1) setTimeout(() => this.#flush(), 0);
    });
  }

  #flush(): void {
    const steps = this.#steps;
    this.#steps = [];
    for (const step of steps) step();
  }
}
