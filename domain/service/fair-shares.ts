/**
 * How permits that are too few for all are shared out: max-min fair (Bertsekas and Gallager, Data Networks, 6.5.2). Nobody gets more
 * than it needs, and what it leaves goes to those that need more.
 */

/** What one holder asks for. */
export interface Demand {
  holder: string;
  /** Permits in all. */
  need: number;
  /** For how long it has asked in vain, in milliseconds. Null: it has permits. */
  waitedMs: number | null;
}

/** One that has asked for so long in vain goes before one that has permits, where there are fewer of these than holders. */
const PATIENCE_MS = 5_000;

/**
 * The part of `limit` that each holder is due, by its name. What cannot be divided goes by single permits: to those that have waited
 * too long, then to those that have permits already, so that they are not taken from one and given to another at each call.
 */
export function fairShares(demands: readonly Demand[], limit: number): Map<string, number> {
  const shares = new Map<string, number>();
  const sorted = demands.toSorted((a, b) => a.need - b.need);
  let left = limit;
  let met = 0;
  for (const { holder, need } of sorted) {
    if (need > Math.floor(left / (sorted.length - met))) break;
    shares.set(holder, need);
    left -= need;
    met += 1;
  }
  const unmet = sorted.slice(met).sort(sooner);
  const even = Math.floor(left / Math.max(1, unmet.length));
  const over = left - even * unmet.length;
  unmet.forEach(({ holder }, i) => {
    shares.set(holder, even + (i < over ? 1 : 0));
  });
  return shares;
}

function sooner(a: Demand, b: Demand): number {
  return rankOf(a) - rankOf(b) || (b.waitedMs ?? 0) - (a.waitedMs ?? 0);
}

function rankOf({ waitedMs }: Demand): number {
  if (waitedMs === null) return 1;
  return waitedMs >= PATIENCE_MS ? 0 : 2;
}
