import type { Random } from "./random.ts";

/** Every kind of fault, with the chance it has at full strength each time that it could happen. */
const CHANCES = {
  "network.request-lost": 0.25,
  "network.reply-lost": 0.25,
  "network.late": 0.2,
  "network.slow": 0.3,
  "network.double": 0.15,
  "shard.crash-before": 0.05,
  "shard.crash-mid": 0.1,
  "shard.crash-after": 0.08,
  "shard.down": 0.02,
  "shard.evict": 0.1,
  "job.throws": 0.05,
  "alarm.lost": 0.15,
  "alarm.late": 0.3,
  "alarm.twice": 0.3,
  "queue.lost": 0.5,
  "queue.double": 0.4,
  "queue.slow": 0.5,
  "queue.wipe": 0.1,
  "processor.die": 0.05,
  "processor.hang": 0.1,
  "handler.late": 0.25,
  "handler.throw": 0.2,
  "worker.die": 0.05,
  "worker.late": 0.2,
  "client.stale-settings": 0.3,
  "d1.fail": 0.25,
  "d1.reply-lost": 0.25,
  "d1.slow": 0.5,
  "cron.missed": 0.5,
  "clock.back": 0.1,
  "clock.forward": 0.1,
} as const;

/** Gone from the beginning to the healing. */
const OUTAGES = ["queue.outage", "d1.outage"] as const;

export type Fault = keyof typeof CHANCES | (typeof OUTAGES)[number];
const KINDS = Object.keys(CHANCES) as (keyof typeof CHANCES)[];
export const FAULTS: readonly Fault[] = [...KINDS, ...OUTAGES];

/** A quarter of the histories have no faults: plain bugs hide behind none. */
const CALM = 0.25;
/** Swarm testing (Groce et al., ISSTA 2012): each kind is on in about half of the histories. */
const ON = 0.5;
const OUTAGE = 0.06;

/** Decides about every fault of one history. Quiet after `heal`. */
export class Faults {
  readonly #random: Random;
  readonly #strength = new Map<Fault, number>();
  #healed = false;
  readonly hits = new Map<Fault, number>();

  constructor(random: Random) {
    this.#random = random;
    if (random.chance(CALM)) return;
    for (const kind of OUTAGES) {
      if (random.chance(OUTAGE)) this.#strength.set(kind, 1);
    }
    for (const kind of KINDS) {
      if (random.chance(ON)) this.#strength.set(kind, CHANCES[kind] * random.next());
    }
  }

  /** True when this fault happens here and now. */
  hit(kind: Fault): boolean {
    const chance = this.#healed ? undefined : this.#strength.get(kind);
    if (chance === undefined || !this.#random.chance(chance)) return false;
    this.hits.set(kind, (this.hits.get(kind) ?? 0) + 1);
    return true;
  }

  get active(): boolean {
    return !this.#healed && !this.calm;
  }

  /** This history has no faults at all. */
  get calm(): boolean {
    return this.#strength.size === 0;
  }

  heal(): void {
    this.#healed = true;
  }
}
