/**
 * Smooth weighted round robin, as nginx has it (ngx_http_upstream_round_robin.c): each time everybody gets its weight, the one with
 * most is chosen and gives back the sum of all. So the choices of a heavy one lie evenly between those of the others.
 */
import type { Candidate } from "./candidates.ts";

/**
 * What everybody has, by URL. It changes with each choice, and is of worth to nobody but whoever chooses by it, who begins with
 * an empty one when the instances of the service change.
 */
export type Rotation = Map<string, number>;

/** The next in turn; ties go to the first. Null where there is no candidate. */
export function nextInRotation(candidates: readonly Candidate[], rotation: Rotation): Candidate | null {
  let total = 0;
  let next: Candidate | null = null;
  let most = Number.NEGATIVE_INFINITY;
  for (const candidate of candidates) {
    const credit = (rotation.get(candidate.url) ?? 0) + candidate.weight;
    rotation.set(candidate.url, credit);
    total += candidate.weight;
    if (credit <= most) continue;
    next = candidate;
    most = credit;
  }
  if (next !== null) rotation.set(next.url, most - total);
  return next;
}
