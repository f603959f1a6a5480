/**
 * Weighted rendezvous hashing (Thaler and Ravishankar, 1998; Schindelhauer and Schomaker, Weighted Distributed Hash Tables, 2005)
 * with bounded loads (Mirrokni, Thorup and Zadimoghaddam, Consistent Hashing with Bounded Loads, 2018). Each key has an order of all
 * instances of its own, which depends on nothing but their URLs and weights: when one leaves, its keys move and no others.
 */
import { hash32 } from "../slots.ts";
import type { Candidate } from "./candidates.ts";

/** What one may have under way, as a multiple of what is its part by weight; beyond, the next in the key's order is asked. */
const MOST_LOAD = 1.25;

/** The first in the key's order that is not too busy. Null where there is no candidate. */
export function byHash(candidates: readonly Candidate[], key: string): Candidate | null {
  let inFlight = 1;
  let weights = 0;
  for (const candidate of candidates) {
    inFlight += candidate.inFlight;
    weights += candidate.weight;
  }
  let first: Candidate | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const most = Math.ceil((MOST_LOAD * inFlight * candidate.weight) / weights);
    const place = placeOf(candidate, key);
    if (candidate.inFlight >= most || place >= least) continue;
    first = candidate;
    least = place;
  }
  // There is one: the bounds add up to more than what is under way.
  return first;
}

/** Where a candidate stands in the key's order: an exponential draw whose rate is the weight, and the least is first. */
function placeOf({ url, weight }: Candidate, key: string): number {
  const uniform = (hash32(`${key}\n${url}`) + 0.5) / 2 ** 32;
  return -Math.log(uniform) / weight;
}
