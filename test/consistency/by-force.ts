import { BEFORE, drift, fits, type Model, perform, type Rules } from "./machine.ts";
import type { Operation } from "./operation.ts";

/**
 * The definition, written down a second time and without any cleverness: tries every order of every choice of the
 * operations that were not answered. For histories of a handful of operations.
 */
export function couldHaveHappened(operations: readonly Operation[], rules: Rules): boolean {
  return goesOn([], operations, { model: BEFORE, rules });
}

function goesOn(
  put: readonly Operation[],
  left: readonly Operation[],
  { model, rules }: { model: Model; rules: Rules },
): boolean {
  if (left.every(({ reply }) => reply === null)) return true;
  if (drift(model, rules).some((later) => goesOn(put, left, { model: later, rules }))) return true;
  return left.some((next) => {
    const others = left.filter((other) => other !== next);
    if (others.some((other) => mustPrecede(other, next))) return false;
    const { next: after, reply } = perform(model, next.call, rules);
    if (next.reply !== null && !fits(reply, next.reply)) return false;
    return goesOn([...put, next], others, { model: after, rules });
  });
}

function mustPrecede(a: Operation, b: Operation): boolean {
  if (a.reply === null) return false;
  const sameSession = a.session !== undefined && a.session === b.session;
  return a.returnedAt < b.invokedAt && (b.level === "strong" || sameSession);
}
