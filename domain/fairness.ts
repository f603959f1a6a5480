/**
 * Turns between namespaces, and inside a namespace between its queues by weight: stride scheduling (Waldspurger and
 * Weihl, 1995). Everybody has a pass, the lowest is served and its pass grows by one over its weight. Who comes back
 * after a while starts at the pass of those served last, so that nobody saves turns up and nobody waits for others to
 * use theirs up.
 */

/**
 * Somebody who wants a turn: a queue of a namespace. Names are told apart inside a namespace only. `weight` is above 0.
 */
export interface Contender {
  namespace: string;
  name: string;
  weight: number;
}

/**
 * Whose turn it is, as far as anything is to be remembered: the passes above that of the last one served. It is never
 * changed in place.
 */
export interface FairShare {
  namespaces: Passes;
  /** By namespace. */
  queues: ReadonlyMap<string, Passes>;
}

interface Passes {
  /** The pass of the last one served: nobody's counts as less. */
  now: number;
  of: ReadonlyMap<string, number>;
}

const NO_PASSES: Passes = { now: 0, of: new Map() };

/** The turns before anybody has had one. */
export const EVEN_SHARE: FairShare = { namespaces: NO_PASSES, queues: new Map() };

/**
 * Whose turn it is among `contenders`, and the turns once it has had it. Ties go to the first in the list. Throws when
 * there are no contenders.
 */
export function nextInShare<C extends Contender>(
  contenders: C[],
  fairShare: FairShare,
): { contender: C; fairShare: FairShare } {
  const first = lowest(contenders, fairShare.namespaces, ({ namespace }) => namespace);
  const own = contenders.filter(({ namespace }) => namespace === first.namespace);
  const passes = fairShare.queues.get(first.namespace) ?? NO_PASSES;
  const contender = lowest(own, passes, ({ name }) => name);
  return {
    contender,
    fairShare: {
      namespaces: served(fairShare.namespaces, contender.namespace, 1),
      queues: new Map(fairShare.queues).set(contender.namespace, served(passes, contender.name, contender.weight)),
    },
  };
}

function passOf(passes: Passes, name: string): number {
  return Math.max(passes.now, passes.of.get(name) ?? 0);
}

function lowest<C>(contenders: C[], passes: Passes, nameOf: (contender: C) => string): C {
  const [first, ...rest] = contenders;
  if (first === undefined) throw new Error("nobody wants a turn");
  return rest.reduce((best, c) => (passOf(passes, nameOf(c)) < passOf(passes, nameOf(best)) ? c : best), first);
}

/** Passes that are not above the last one served say nothing, and are forgotten. */
function served(passes: Passes, name: string, weight: number): Passes {
  const now = passOf(passes, name);
  const of = new Map([...passes.of].filter(([, pass]) => pass > now));
  return { now, of: of.set(name, now + 1 / weight) };
}
