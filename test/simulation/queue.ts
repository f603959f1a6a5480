/** A Cloudflare Queue: it loses, repeats, delays and reorders, and runs a bounded number of consumers. */
import type { Doorbell } from "../../contract/doorbell.ts";
import type { Clock } from "./clock.ts";
import type { Faults } from "./faults.ts";
import { Life } from "./life.ts";
import type { Random } from "./random.ts";

interface QueueParts {
  name: string;
  clock: Clock;
  faults: Faults;
  random: Random;
  trace(event: string): void;
  /** One consumer invocation. Rejects when it failed: the messages come again. */
  consume(life: Life, bells: Doorbell[]): Promise<void>;
}

interface Message {
  bell: Doorbell;
  tries: number;
}

const MAX_CONSUMERS = 5;
const MAX_BATCH = 10;
const MAX_RETRIES = 3;
/** A hung invocation is ended by the platform (15 min there; shorter here, so that a history may be). */
const MAX_WALL_MS = 90_000;
const MAX_SLOW_MS = 20_000;

export class BellQueue {
  readonly #parts: QueueParts;
  #ready: Message[] = [];
  #running = new Set<Life>();
  /** Grows when everything under way is lost. */
  #era = 0;
  #invocations = 0;

  constructor(parts: QueueParts) {
    this.#parts = parts;
  }

  /** Accepts a message, or loses it without a word. */
  send(bell: Doorbell, delaySeconds: number): void {
    const { faults, trace, name } = this.#parts;
    if (faults.hit("queue.wipe")) {
      trace(`${name} WIPED`);
      this.#era += 1;
      this.#ready = [];
    }
    if (faults.hit("queue.outage") || faults.hit("queue.lost")) {
      trace(`${name} bell LOST`);
      return;
    }
    const copies = faults.hit("queue.double") ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) this.#arrive({ bell, tries: 0 }, delaySeconds * 1000);
  }

  /** Ends every invocation, as a deploy does. */
  restart(): void {
    for (const life of this.#running) life.end();
    this.#running.clear();
    this.#deliver();
  }

  #arrive(message: Message, delayMs: number): void {
    const { clock, faults, random } = this.#parts;
    const slow = faults.hit("queue.slow") ? random.int(500, MAX_SLOW_MS) : 0;
    const era = this.#era;
    clock.after(delayMs + random.int(5, 60) + slow, () => {
      if (era !== this.#era) return;
      this.#ready.push(message);
      this.#deliver();
    });
  }

  #deliver(): void {
    while (this.#ready.length > 0 && this.#running.size < MAX_CONSUMERS) this.#invoke(this.#ready.splice(0, MAX_BATCH));
  }

  #invoke(batch: Message[]): void {
    const { clock, random, name, trace, consume } = this.#parts;
    const life = new Life(`${name}#${++this.#invocations}`);
    this.#running.add(life);
    trace(`${life.name} hears ${batch.map((message) => message.bell.shard).join(" ")}`);
    const over = (failed: boolean) => {
      if (!this.#running.delete(life)) return;
      const died = !life.alive;
      life.end();
      if (failed || died) {
        trace(`${life.name} ended early`);
        // Messages are acknowledged as soon as they are read: whether the platform heard that is chance.
        if (random.chance(0.5))
          for (const { bell, tries } of batch) if (tries < MAX_RETRIES) this.#arrive({ bell, tries: tries + 1 }, 1_000);
      }
      this.#deliver();
    };
    life.onEnd(() => clock.after(0, () => over(true)));
    clock.after(MAX_WALL_MS, () => over(true));
    consume(
      life,
      batch.map((message) => message.bell),
    ).then(
      () => over(false),
      () => over(true),
    );
  }
}
