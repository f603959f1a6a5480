import type { LeaseReply, LeaseRequest, LimitedBy } from "../../../contract/rpc.ts";
import type { Quota } from "../../../domain/gcra.ts";
import { CHUNK_LIFE_MS, rateOf } from "../../../domain/token-chunk.ts";
import { LocalBudget, type Spend } from "./local-budget.ts";

/** A new chunk is asked for so long before the last one is spent or void: an object answers in less. */
const LEAD_MS = 500;

/**
 * What an isolate has let through by itself is reported when it is this part of the budget, if not before: isolates that never
 * need to ask are charged too, and hear when the budget is spent. One request a second is a call in fifty seconds.
 */
const OWED_SHARE = 0.005;

/** Units that were handed out to this isolate. */
interface Chunk {
  units: number;
  /** From then on it counts down its life, so that none is older than the object thinks. */
  askedAt: number;
}

/** What an object is asked for. */
export type Order = Pick<LeaseRequest, "needed" | "rate" | "owed">;

/** What one isolate has of the budget of one key. Times are epoch milliseconds. */
export class KeyBudget {
  readonly local = new LocalBudget();
  #chunks: Chunk[] = [];
  /** Let through without having been granted, and not charged yet. */
  #owed = 0;
  /** What calls have wanted since `since`. */
  #wanted = { units: 0, since: 0 };
  /** Units a second, as they were when a chunk was asked for last. */
  #rate = 0;
  /** `units`: calls that need so many units beyond what lies in chunks are refused without asking. */
  #refused: { from: number; until: number; by: LimitedBy; units: number } | null = null;
  #asking: { since: number; giveUpMs: number } | null = null;

  /** Notes that a call wants `units`. */
  want({ units, now }: Spend): void {
    const { units: before, since } = this.#wanted;
    const age = now - since;
    if (age < 0 || age > 2 * CHUNK_LIFE_MS) this.#wanted = { units: 0, since: now };
    // What is older counts half, and half as long: the rate stays what it was.
    else if (age > CHUNK_LIFE_MS) this.#wanted = { units: before / 2, since: now - age / 2 };
    this.#wanted.units += units;
  }

  /** Takes units of the chunks, the oldest first; false, and nothing is taken, where there are fewer. */
  take({ units, now }: Spend): boolean {
    if (this.inChunks(now) < units) return false;
    let missing = units;
    for (const chunk of this.#chunks) {
      const taken = Math.min(chunk.units, missing);
      chunk.units -= taken;
      missing -= taken;
    }
    return true;
  }

  owe(units: number): void {
    this.#owed += units;
  }

  /** Whether so much is owed that the object is to be told, though nothing is needed. */
  owesMuch({ units }: Quota): boolean {
    return this.#owed >= Math.max(1, units * OWED_SHARE);
  }

  /** Whether what is there, with the `free` units that need no asking, will soon be spent. Never of a key that has not asked yet. */
  isLow(free: number, now: number): boolean {
    const lasting = this.#chunks.filter(({ askedAt }) => now + LEAD_MS < askedAt + CHUNK_LIFE_MS);
    const soon = (this.#rate * LEAD_MS) / 1_000;
    return free + sumOf(lasting) < soon;
  }

  /**
   * Whether a call is refused without asking: the object has said how long. A call that needs less than the one that was refused is
   * none of those: what is not enough for a list may be enough for a read.
   */
  refusal({ units, now }: Spend): { ms: number; by: LimitedBy } | null {
    const refused = this.#refused;
    if (refused === null || now < refused.from || now >= refused.until) return null;
    return units - this.inChunks(now) < refused.units ? null : { ms: refused.until - now, by: refused.by };
  }

  /** Whether there is nothing to be had beyond what lies in chunks, not even a unit, and for how long. */
  pause(now: number): { ms: number; by: LimitedBy } | null {
    return this.refusal({ units: 1 + this.inChunks(now), now });
  }

  /** Units that this isolate has and need no asking. */
  inChunks(now: number): number {
    this.#chunks = this.#chunks.filter((chunk) => chunk.units > 0 && isGood(chunk, now));
    return sumOf(this.#chunks);
  }

  /**
   * Milliseconds until so many units may be spent: those of chunks, and those that come back to the budget, the key's or its
   * namespace's. Callers are told whole seconds: what lies in a chunk counts only where it is good for a second more, so that all that
   * is said of one moment is the same.
   */
  waitFor(budget: LocalBudget, quota: Quota, { units, now }: Spend): number {
    for (let here = this.inChunks(now); ; ) {
      if (units <= here) return 0;
      const ms = budget.waitFor(quota, { units: units - here, now });
      const lasting = sumOf(this.#chunks.filter((chunk) => isGood(chunk, now + ms + 1_000)));
      if (lasting >= here) return ms;
      here = lasting;
    }
  }

  /** Whether a question is under way that may still be answered: a request that was given up answers nothing. */
  isAsking(now: number): boolean {
    const asking = this.#asking;
    return asking !== null && now >= asking.since && now < asking.since + asking.giveUpMs;
  }

  /** What to ask for where a call waits for `units`, or none does (0). The question counts as under way for `giveUpMs`. */
  order({ units, now }: Spend, giveUpMs: number): Order {
    this.#rate = rateOf({ units: this.#wanted.units, ms: now - this.#wanted.since });
    this.#asking = { since: now, giveUpMs };
    const needed = Math.max(0, units - this.inChunks(now));
    const owed = this.#owed;
    this.#owed = 0;
    return { needed, rate: this.#rate, owed };
  }

  /** What came of a question that was asked at `askedAt` for `needed` units. */
  heard(reply: LeaseReply, quota: Quota, asked: { askedAt: number; needed: number; now: number }): void {
    const { granted, limitedBy, pauseMs, left } = reply;
    const { askedAt, needed, now } = asked;
    this.#asking = null;
    if (granted > 0) this.#chunks.push({ units: granted, askedAt });
    // What was let through since the question is not among what the object has charged.
    this.local.told(left.key - this.#owed, quota, now);
    const units = granted < needed ? needed : 1;
    this.#refused = limitedBy === null ? null : { from: now, until: now + pauseMs, by: limitedBy, units };
  }

  /** The question was not answered: what was owed is owed still. */
  unanswered({ owed }: Order): void {
    this.#asking = null;
    this.#owed += owed;
  }
}

function isGood({ askedAt }: Chunk, now: number): boolean {
  return now >= askedAt && now < askedAt + CHUNK_LIFE_MS;
}

function sumOf(chunks: Chunk[]): number {
  return chunks.reduce((sum, { units }) => sum + units, 0);
}
