/** What happened: a hash of everything, and the last events as text for a person. */
const KEPT = 60;

export class Trace {
  #a = 0x811c9dc5;
  #b = 0x9e3779b9;
  #count = 0;
  readonly #last: string[] = [];
  readonly #now: () => number;
  readonly #start: number;

  constructor(now: () => number) {
    this.#now = now;
    this.#start = now();
  }

  add(event: string): void {
    const line = `${((this.#now() - this.#start) / 1000).toFixed(3).padStart(8)} ${event}`;
    for (let i = 0; i < line.length; i++) {
      this.#a = Math.imul(this.#a ^ line.charCodeAt(i), 0x01000193);
    }
    this.#b = Math.imul(this.#b ^ this.#a, 0x85ebca6b) ^ (this.#b >>> 13);
    this.#last[this.#count++ % KEPT] = line;
  }

  /** Equal for two runs when every event of both was equal, as far as 64 bits can say. */
  hash(): string {
    return `${(this.#a >>> 0).toString(16)}-${(this.#b >>> 0).toString(16)}-${this.#count}`;
  }

  /** The last events, oldest first. */
  last(): string[] {
    const from = this.#count % KEPT;
    return this.#count <= KEPT ? this.#last.slice() : [...this.#last.slice(from), ...this.#last.slice(0, from)];
  }
}
