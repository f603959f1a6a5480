/** A shard's alarm: durable, one at a time, delivered at least once, given up after six failures in a row. */
import type { Clock } from "./clock.ts";
import type { Faults } from "./faults.ts";
import type { Random } from "./random.ts";

const FIRST_RETRY_MS = 2_000;
const MAX_RETRIES = 6;
const MAX_LATE_MS = 30_000;

interface AlarmParts {
  clock: Clock;
  faults: Faults;
  random: Random;
  /** Runs the handler. `again`: it died before its commit. */
  fire(): "done" | "again";
  trace(event: string): void;
}

export class Alarm {
  readonly #parts: AlarmParts;
  #at: number | null = null;
  /** Grows with every setting: an older timer means nothing. */
  #setting = 0;

  /** It has not been lost since the shard set it. */
  trusted = false;

  constructor(parts: AlarmParts) {
    this.#parts = parts;
  }

  /** When it will ring; null: never. */
  get at(): number | null {
    return this.#at;
  }

  set(at: number): void {
    const { clock, faults, random } = this.#parts;
    if (at === this.#at) return;
    this.#at = at;
    this.#wait(
      Math.max(at, clock.now() + 1) + random.int(0, 20) + (faults.hit("alarm.late") ? random.int(500, MAX_LATE_MS) : 0),
      0,
    );
  }

  #wait(until: number, retries: number): void {
    const setting = ++this.#setting;
    this.#parts.clock.at(until, () => {
      if (setting === this.#setting) this.#ring(retries);
    });
  }

  #ring(retries: number): void {
    const { clock, faults, fire, trace } = this.#parts;
    const setting = this.#setting;
    this.#at = null;
    if (faults.hit("alarm.lost")) {
      this.trusted = false;
      trace("alarm LOST");
      return;
    }
    // Not until its handler has set the next.
    this.trusted = false;
    trace("alarm");
    const done = fire();
    if (faults.hit("alarm.twice")) fire();
    if (done === "done" || setting !== this.#setting) return;
    if (retries < MAX_RETRIES) this.#wait(clock.now() + FIRST_RETRY_MS * 2 ** retries, retries + 1);
    else trace("alarm GIVEN UP");
  }
}
