/**
 * One run of somebody's asynchronous code: a client, a pull worker, a processor invocation. When it ends, the
 * promises it waits for never settle any more: that is what a killed process sees.
 */
export class Life {
  readonly name: string;
  #alive = true;
  readonly #endings: (() => void)[] = [];

  constructor(name: string) {
    this.name = name;
  }

  get alive(): boolean {
    return this.#alive;
  }

  end(): void {
    if (!this.#alive) return;
    this.#alive = false;
    for (const ending of this.#endings) ending();
  }

  onEnd(ending: () => void): void {
    this.#endings.push(ending);
  }

  /** A promise for what `start` will bring, unless this life ends before. */
  wait<T>(start: (settle: { resolve: (value: T) => void; reject: (error: Error) => void }) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      start({
        resolve: (value) => {
          if (this.#alive) resolve(value);
        },
        reject: (error) => {
          if (this.#alive) reject(error);
        },
      });
    });
  }
}
