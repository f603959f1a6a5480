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
  #refused: { from: number; until: number; by: LimitedBy } | null = null;
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
    if (this.#inChunks(now) < units) return false;
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

  /** Whether calls are refused without asking: the object has said how long. */
  refusal(now: number): { ms: number; by: LimitedBy } | null {
    const refused = this.#refused;
    if (refused === null || now < refused.from || now >= refused.until) return null;
    return { ms: refused.until - now, by: refused.by };
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
    const needed = Math.max(0, units - this.#inChunks(now));
    const owed = this.#owed;
    this.#owed = 0;
    return { needed, rate: this.#rate, owed };
  }

  /** What came of a question that was asked at `askedAt`. */
  heard({ granted, limitedBy, pauseMs, left }: LeaseReply, quota: Quota, at: { askedAt: number; now: number }): void {
    const { askedAt, now } = at;
    this.#asking = null;
    if (granted > 0) this.#chunks.push({ units: granted, askedAt });
    this.local.told(left.key + this.#inChunks(now), quota, now);
    this.#refused = limitedBy === null ? null : { from: now, until: now + pauseMs, by: limitedBy };
  }

  /** The question was not answered: what was owed is owed still. */
  unanswered({ owed }: Order): void {
    this.#asking = null;
    this.#owed += owed;
  }

  #inChunks(now: number): number {
    this.#chunks = this.#chunks.filter(
      ({ units, askedAt }) => units > 0 && now >= askedAt && now < askedAt + CHUNK_LIFE_MS,
    );
    return sumOf(this.#chunks);
  }
}

function sumOf(chunks: Chunk[]): number {
  return chunks.reduce((sum, { units }) => sum + units, 0);
}
