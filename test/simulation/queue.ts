/**
 * A Cloudflare Queue: it loses, repeats, delays and reorders. It begins with one consumer, looks for more only when a batch ends and
 * others wait, and gives them up when none does (https://developers.cloudflare.com/queues/configuration/consumer-concurrency/).
 */
import type { Doorbell } from "../../contract/doorbell.ts";
import type { Clock } from "./clock.ts";
import type { Faults } from "./faults.ts";
import { Life } from "./life.ts";
import type { Random } from "./random.ts";

/** What `workers/processor/wrangler.toml` says of a Queue's consumer. */
export interface ConsumerSettings {
  /** Messages of one invocation at most: what is ready when it begins goes to it together. */
  maxBatch: number;
  maxConsumers: number;
}

interface QueueParts {
  name: string;
  consumer: ConsumerSettings;
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

const MAX_RETRIES = 3;
/** An invocation that hangs is ended by the platform. */
const MAX_WALL_MS = 15 * 60_000;
/** A message mostly comes soon; of so many one takes longer, though no more than this. */
const SELDOM = 0.1;
/** How late a message comes without a fault. */
export const MOST_LATE_MS = 2_000;
const MAX_SLOW_MS = 20_000;

export class BellQueue {
  readonly #parts: QueueParts;
  #ready: Message[] = [];
  #running = new Set<Life>();
  /** How many may run at once now. */
  #consumers = 1;
  /** When messages waited because all consumers were busy, epoch ms; the last time may go on. */
  readonly #held: { from: number; to: number }[] = [];
  #isHeld = false;
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

  #arrive(message: Message, delayMs: number): void {
    const { clock, faults, random } = this.#parts;
    const slow = faults.hit("queue.slow") ? random.int(500, MAX_SLOW_MS) : 0;
    const way = random.chance(SELDOM) ? random.int(60, MOST_LATE_MS) : random.int(5, 60);
    const era = this.#era;
    clock.after(delayMs + way + slow, () => {
      if (era !== this.#era) return;
      this.#ready.push(message);
      this.#deliver();
    });
  }

  #deliver(): void {
    const { maxBatch } = this.#parts.consumer;
    while (this.#ready.length > 0 && this.#running.size < this.#consumers)
      this.#invoke(this.#ready.splice(0, maxBatch));
    this.#noteHeld();
  }

  #noteHeld(): void {
    const isHeld = this.#ready.length > 0;
    if (isHeld === this.#isHeld) return;
    const now = this.#parts.clock.now();
    const last = this.#held.at(-1);
    if (isHeld) this.#held.push({ from: now, to: Number.POSITIVE_INFINITY });
    else if (last !== undefined) last.to = now;
    this.#isHeld = isHeld;
  }

  /** Whether a message waited for a consumer at some time between these (epoch ms). */
  wasHeld(from: number, to: number): boolean {
    return this.#held.some((held) => held.from < to && held.to > from);
  }

  /** A batch has ended: only then is it looked whether there are enough consumers. */
  #scale(): void {
    const { maxConsumers } = this.#parts.consumer;
    this.#consumers =
      this.#ready.length > 0 ? Math.min(maxConsumers, this.#consumers * 2) : Math.max(1, this.#consumers - 1);
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
      this.#scale();
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
