/**
 * How the limit of what may be under way is shared out among the isolates of the proxy, whose requests nobody counts together. Between
 * two answers a share may be too large by what others were given meanwhile, so the limit holds on the whole and may be passed for a
 * moment.
 */
import { fairShares } from "./fair-shares.ts";

/** What an isolate has under way and waiting, when it last said so. */
interface Wish {
  holder: string;
  wants: number;
}

/**
 * The share of each, by holder: what it is due by what it wants, and an even part of what nobody wants, so that what comes next need not
 * wait. One at least, so that nobody is kept from asking at all. Whole numbers.
 */
export function sharesOf(limit: number, wishes: readonly Wish[]): Map<string, number> {
  const due = fairShares(
    wishes.map(({ holder, wants }) => ({ holder, need: wants, waitedMs: null })),
    limit,
  );
  const given = [...due.values()].reduce((sum, share) => sum + share, 0);
  const spare = Math.floor(Math.max(0, limit - given) / Math.max(1, due.size));
  return new Map([...due].map(([holder, share]) => [holder, Math.max(1, share + spare)]));
}
