/** How one of several candidates is chosen. Chance comes in as a source of numbers that are uniform in [0, 1). */
import type { Candidate } from "./candidates.ts";
import { byHash } from "./rendezvous.ts";
import { nextInRotation, type Rotation } from "./rotation.ts";
import type { Strategy } from "./settings.ts";

/** What a choice depends on beside the candidates. */
export interface ChoiceFacts {
  random(): number;
  /** What requests have in common that should go to one instance. Null: nothing, and with `hash` chance takes its place. */
  key: string | null;
  /** Where whoever chooses has come to in the rotation; only `roundRobin` reads it, and changes it. */
  rotation: Rotation;
}

/** The candidate that is asked next. Null where there is none. */
export function choose(strategy: Strategy, candidates: readonly Candidate[], facts: ChoiceFacts): Candidate | null {
  if (candidates.length <= 1) return candidates[0] ?? null;
  switch (strategy) {
    case "p2c":
      return quickerOfTwo(candidates, facts.random);
    case "leastRequests":
      return idlerOfTwo(candidates, facts.random);
    case "roundRobin":
      return nextInRotation(candidates, facts.rotation);
    case "hash":
      return byHash(candidates, facts.key ?? String(facts.random()));
  }
}

/**
 * Of two that are drawn by weight, the one whose answer is to be expected sooner: its usual time for each request that it has
 * to answer before (Mitzenmacher, The Power of Two Choices in Randomized Load Balancing, 2001; with the peak EWMA of Finagle). One
 * whose times nobody knows is taken to be as quick as the others are on average.
 */
export function quickerOfTwo(candidates: readonly Candidate[], random: () => number): Candidate | null {
  const known = candidates.flatMap(({ ewmaMs }) => (ewmaMs === null ? [] : [ewmaMs]));
  const usualMs = known.length === 0 ? 1 : known.reduce((sum, ms) => sum + ms, 0) / known.length;
  return lesserOfTwo(candidates, random, (one) => (one.ewmaMs ?? usualMs) * (1 + one.inFlight / one.weight));
}

/** Of two that are drawn by weight, the one with fewer requests under way for its weight. */
export function idlerOfTwo(candidates: readonly Candidate[], random: () => number): Candidate | null {
  return lesserOfTwo(candidates, random, ({ inFlight, weight }) => inFlight / weight);
}

/** The weight is in the draw, so that it counts while nothing is under way, when all cost the same; ties go to the first drawn. */
function lesserOfTwo(
  candidates: readonly Candidate[],
  random: () => number,
  cost: (candidate: Candidate) => number,
): Candidate | null {
  const first = drawn(candidates, random());
  if (first === null) return null;
  const others = candidates.filter((candidate) => candidate !== first);
  const second = drawn(others, random());
  return second === null || cost(first) <= cost(second) ? first : second;
}

/** One of the candidates, each with a likelihood in proportion to its weight. */
function drawn(candidates: readonly Candidate[], randomness: number): Candidate | null {
  let left = randomness * candidates.reduce((sum, { weight }) => sum + weight, 0);
  for (const candidate of candidates) {
    left -= candidate.weight;
    if (left < 0) return candidate;
  }
  return candidates.at(-1) ?? null;
}
