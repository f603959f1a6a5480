import { isDeepStrictEqual } from "node:util";
import type { Packing } from "../../durable-objects/shard/jobs/packs/packing.ts";
import type { RigCore } from "../rigs/rig-core.ts";

/** The shard with one control broken: in what it says to SQLite, in a method of it, or in a rule that it goes by. */
export interface Mutant {
  name: string;
  /** Which jobs are packed; none where it is left out, so that what is said of rows is said of all jobs. */
  packing?: Packing;
  /** Rewrites a statement on its way to SQLite. */
  sql?(query: string): string;
  core?(original: typeof RigCore): typeof RigCore;
  /** Rules by the name of the function: see `breakable.ts`. */
  rules?: Record<string, Break>;
}

/** A function whose arguments only those know who call or break it. */
export type Rule = (...args: never[]) => unknown;
/** What the broken rule answers in place of the original. */
export type Break = (original: Rule, args: never[]) => unknown;

/** The shard as it is. */
export const NOTHING_BROKEN: Mutant = { name: "nothing" };

/** `applied` grows whenever the mutant really changed something. */
export interface TrackedMutant extends Mutant {
  applied: number;
}

type Make = (hit: () => void) => Omit<Mutant, "name">;

/** A mutant that says itself, by calling `hit`, when it changes something. */
export function track(name: string, make: Make): TrackedMutant {
  const mutant: TrackedMutant = { name, applied: 0 };
  const hit = () => {
    mutant.applied += 1;
  };
  return Object.assign(mutant, make(hit));
}

interface Change {
  /** Parts that the statement has, written on one line. */
  marks: string[];
  from: string;
  to: string;
}

/** Rewrites the statements that a change fits. */
export function rewriter(hit: () => void, changes: Change[]) {
  return (query: string): string => {
    const text = query.replace(/\s+/g, " ");
    const change = changes.find(({ marks, from }) => [...marks, from].every((mark) => text.includes(mark)));
    if (change === undefined) return query;
    hit();
    return text.replaceAll(change.from, change.to);
  };
}

/** A mutant of statements: where `marks` all stand in one, `from` becomes `to`. */
export function statements(name: string, ...changes: Change[]): TrackedMutant {
  return track(name, (hit) => ({ sql: rewriter(hit, changes) }));
}

/** A mutant of one rule, by the type and the name of its function. It counts as applied where its answer is another. */
export function rule<F extends (...args: never[]) => unknown>(
  name: string,
  of: string,
  answer: Broken<F>,
): TrackedMutant {
  return track(name, (hit) => ({ rules: { [of]: counted(hit, answer) } }));
}

/** The broken rule: like the original, which it is given first. */
type Broken<F extends (...args: never[]) => unknown> = (original: F, ...args: Parameters<F>) => ReturnType<F>;

/** A broken rule that counts where its answer is another. */
export function counted<F extends (...args: never[]) => unknown>(hit: () => void, answer: Broken<F>): Break {
  return (original, args) => {
    const changed = answer(original as F, ...(args as Parameters<F>));
    if (!isDeepStrictEqual(changed, original(...args))) hit();
    return changed;
  };
}
