import type { ServiceWorkRequest } from "../../contract/rpc/service.ts";
import { type Demand, fairShares } from "../../domain/service/fair-shares.ts";
import type { HolderRow, ServiceStore } from "./store.ts";

/** For so long a holder has its permits without a further word of it. */
export const LEASE_MS = 30_000;
/** A lease with more than this left is not renewed: a holder that asks every second has a row written every ten. */
export const RENEW_BELOW_MS = 20_000;
/** Who asked in vain counts among those that ask for as long. It comes again sooner, or does not want any more. */
const WANTS_MS = 10_000;
/** Isolates that ask one service. One more has to wait until one of them has given its permits back. */
const MAX_HOLDERS = 1_000;
/** Starts that go with a permit at once, where the rate has them: one that comes back is used again without a call. */
const STARTS_A_PERMIT = 8;

interface Holder extends HolderRow {
  need: number;
  /** Since when it has asked in vain, in epoch ms. Null: it has permits. */
  waitingSince: number | null;
  /** Epoch ms. */
  askedAt: number;
  /** Whether it has a row. */
  stored: boolean;
}

/** Up to what permits are given at the moment. */
export interface Ceiling {
  /** Null: none. */
  maxInFlight: number | null;
  /** Requests that may begin now, at most: none while the breaker is open. No limit is Infinity. */
  mayBegin: number;
  /** The same under the rate too. */
  mayStart: number;
}

export interface Grant {
  /** What the holder may have under way in all. */
  permits: number;
  leaseMs: number;
  /** What it may start until it asks again. Null: no limit. */
  starts: number | null;
  /** What all have, this one included. */
  inUse: number;
}

type Asked = Pick<ServiceWorkRequest, "holder" | "need" | "used" | "permits">;

/**
 * Who has permits of a service, exactly: what all rows say together is never more than its limit, unless that was lowered. A row says what
 * its holder may have under way until it has heard the next answer, so permits that it loses count until it says that it has heard.
 */
export class Holders {
  readonly #store: ServiceStore;
  readonly #all = new Map<string, Holder>();
  #inUse = 0;

  constructor(store: ServiceStore, rows: readonly HolderRow[]) {
    this.#store = store;
    for (const row of rows) {
      // What it needs was not written down: as much as it has.
      this.#set({ ...row, need: row.permits, waitingSince: null, askedAt: 0, stored: true });
    }
  }

  /** Permits that are given. */
  get inUse(): number {
    return this.#inUse;
  }

  /** How many starts holders have that they have not told of. */
  get startsOut(): number {
    let out = 0;
    for (const { starts } of this.#all.values()) out += starts;
    return out;
  }

  startsOf(holder: string): number {
    return this.#all.get(holder)?.starts ?? 0;
  }

  /** Takes back what belongs to leases that have ended, a row each. Answers how many starts their holders may have made. */
  expire(now: number): number {
    let starts = 0;
    for (const holder of this.#all.values()) {
      // A clock that stepped back makes no lease longer than it was to be.
      if (holder.leaseUntil > now + LEASE_MS) holder.leaseUntil = now + LEASE_MS;
      const over = holder.stored ? holder.leaseUntil <= now : Math.abs(now - holder.askedAt) >= WANTS_MS;
      if (!over) continue;
      starts += holder.starts;
      this.#remove(holder);
    }
    return starts;
  }

  /** Gives a holder what it is due, as far as it is there. One row where that is another than before, or its lease is to be renewed. */
  grant(asked: Asked, { maxInFlight, mayBegin, mayStart }: Ceiling, now: number): Grant {
    const before = this.#all.get(asked.holder);
    if (before === undefined && this.#all.size >= MAX_HOLDERS) {
      return { permits: 0, leaseMs: LEASE_MS, starts: 0, inUse: this.#inUse };
    }
    const { used, need } = asked;
    // Until the answer it goes by the last one that it heard, unless that has been taken back meanwhile.
    const until = Math.max(used, Math.min(asked.permits, before?.permits ?? 0));
    const holder: Holder = {
      holder: asked.holder,
      permits: until,
      starts: before?.starts ?? 0,
      leaseUntil: before?.stored ? before.leaseUntil : 0,
      need,
      waitingSince: before?.waitingSince ?? null,
      askedAt: now,
      stored: before?.stored ?? false,
    };
    this.#set(holder);
    const others = this.#inUse - until;
    const room = maxInFlight === null ? need : Math.min(this.#shareOf(holder, maxInFlight, now), maxInFlight - others);
    const permits = mayBegin === 0 ? 0 : Math.max(0, Math.min(need, room, used + mayBegin));
    // Whoever needs nothing has given all back.
    holder.permits = need === 0 ? used : Math.max(until, permits);
    this.#inUse += holder.permits - until;
    const starts =
      mayStart === Number.POSITIVE_INFINITY ? null : this.#startsFor({ permits, used }, mayBegin, mayStart);
    holder.starts = starts ?? 0;
    holder.waitingSince = permits === 0 && need > 0 ? (holder.waitingSince ?? now) : null;
    this.#write(holder, before, now);
    const leaseMs = Math.max(0, (holder.leaseUntil || now + LEASE_MS) - now);
    return { permits, leaseMs, starts, inUse: this.#inUse };
  }

  /**
   * Starts for what may begin now; and while the breaker sets no limit, for permits that come back: of these a holder has no more than its
   * even part of the rate.
   */
  #startsFor({ permits, used }: { permits: number; used: number }, mayBegin: number, mayStart: number): number {
    const now = Math.max(0, Math.min(mayStart, permits - used));
    if (mayBegin !== Number.POSITIVE_INFINITY) return now;
    let wanting = 0;
    for (const { need } of this.#all.values()) if (need > 0) wanting++;
    return Math.max(now, Math.min(Math.floor(mayStart / Math.max(1, wanting)), permits * STARTS_A_PERMIT));
  }

  /** Forgets all, a row each. */
  clear(): void {
    for (const holder of this.#all.values()) this.#remove(holder);
  }

  #shareOf({ holder }: Holder, limit: number, now: number): number {
    const demands: Demand[] = [];
    for (const { holder: name, need, waitingSince } of this.#all.values()) {
      demands.push({ holder: name, need, waitedMs: waitingSince === null ? null : Math.max(0, now - waitingSince) });
    }
    return fairShares(demands, limit).get(holder) ?? 0;
  }

  #write(holder: Holder, before: Pick<Holder, "permits" | "starts"> | undefined, now: number): void {
    if (holder.permits === 0 && holder.starts === 0) {
      if (holder.stored) this.#store.forgetHolder(holder.holder);
      holder.stored = false;
      holder.leaseUntil = 0;
      if (holder.need === 0) this.#all.delete(holder.holder);
      return;
    }
    const renews = holder.leaseUntil - now < RENEW_BELOW_MS;
    const same = holder.stored && holder.permits === before?.permits && holder.starts === before.starts;
    if (same && !renews) return;
    if (renews) holder.leaseUntil = now + LEASE_MS;
    this.#store.putHolder(holder);
    holder.stored = true;
  }

  #set(holder: Holder): void {
    this.#inUse += holder.permits - (this.#all.get(holder.holder)?.permits ?? 0);
    this.#all.set(holder.holder, holder);
  }

  #remove(holder: Holder): void {
    this.#inUse -= holder.permits;
    this.#all.delete(holder.holder);
    if (holder.stored) this.#store.forgetHolder(holder.holder);
  }
}
