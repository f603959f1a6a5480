import { BEFORE, drift, fits, type Model, perform, type Rules } from "./machine.ts";
import { describeOperation, type Operation } from "./operation.ts";

/**
 * Whether a history of one job could have happened one call after the other: the search of Wing and Gong (1993) with the
 * memory of Lowe (2017). A call may be put next when no call that is not put yet was answered before it began. So a history
 * is accepted exactly when there is an order that keeps real time and in which every answer is right.
 *
 * A read at level `session` need not keep real time on its left side: it may tell what was so before it began. It must
 * come after what its session did before, and before whatever began after its answer.
 */
export type Verdict =
  /** Places of operations in an order in which they could have happened. */
  | { ok: true; order: number[] }
  /** `best`: the longest order that was found; `stuck`: what could not come next. As text. */
  | { ok: false; best: string[]; stuck: string[] };

interface Node {
  model: Model;
  done: boolean[];
  left: number;
  order: number[];
}

export function linearize(operations: readonly Operation[], rules: Rules): Verdict {
  const before = predecessors(operations);
  const completed = operations.filter(isAnswered).length;
  const seen = new Set<string>();
  let best: Node = { model: BEFORE, done: operations.map(() => false), left: completed, order: [] };
  const open = [best];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.left === 0) return { ok: true, order: node.order };
    if (node.order.length > best.order.length) best = node;
    for (const next of followers(node, operations, { before, rules })) {
      const name = nameOf(next);
      if (seen.has(name)) continue;
      seen.add(name);
      open.push(next);
    }
  }
  return { ok: false, ...reportOf(best, operations, before) };
}

interface Context {
  before: number[];
  rules: Rules;
}

function followers(node: Node, operations: readonly Operation[], { before, rules }: Context): Node[] {
  const all: Node[] = [];
  for (const place of candidates(node, operations, before)) {
    const operation = operations[place] as Operation;
    const { next, reply } = perform(node.model, operation.call, rules);
    if (operation.reply !== null && !fits(reply, operation.reply)) continue;
    // What was not answered and changes nothing may as well be left out.
    if (next === node.model && !isAnswered(operation)) continue;
    const put = withPut(node, place, { model: next, answered: isAnswered(operation) });
    // What was told, and changes nothing, hinders nothing when it comes now, in whatever order the rest comes. What was not
    // said to be refused may be carried out later.
    if (next === node.model && operation.reply?.type !== "unsaid") return [put];
    all.push(put);
  }
  return [...all, ...drift(node.model, rules).map((model) => ({ ...node, model }))];
}

/** Whatever may come next. */
function candidates(node: Node, operations: readonly Operation[], before: number[]): number[] {
  let firstAnswer = Number.POSITIVE_INFINITY;
  for (const [i, { returnedAt }] of operations.entries())
    if (!node.done[i] && returnedAt < firstAnswer) firstAnswer = returnedAt;
  const places: number[] = [];
  for (const [i, { invokedAt, level }] of operations.entries()) {
    if (node.done[i]) continue;
    const earlier = before[i] ?? -1;
    if (earlier >= 0 && !node.done[earlier]) continue;
    if (level === "session" || invokedAt < firstAnswer) places.push(i);
  }
  return places;
}

/** For each operation the one that its session made before it, if it has been answered; else -1. */
function predecessors(operations: readonly Operation[]): number[] {
  const before = operations.map(() => -1);
  const bySession = Map.groupBy(operations.keys(), (i) => operations[i]?.session);
  bySession.delete(undefined);
  for (const places of bySession.values()) {
    const inOrder = places
      .filter((i) => isAnswered(operations[i] as Operation))
      .sort((a, b) => (operations[a]?.invokedAt ?? 0) - (operations[b]?.invokedAt ?? 0));
    for (const [n, place] of inOrder.entries()) before[place] = inOrder[n - 1] ?? -1;
  }
  return before;
}

function isAnswered({ reply }: Operation): boolean {
  return reply !== null;
}

function withPut(node: Node, place: number, { model, answered }: { model: Model; answered: boolean }): Node {
  const done = node.done.with(place, true);
  return { model, done, left: node.left - (answered ? 1 : 0), order: [...node.order, place] };
}

function nameOf({ model, done }: Node): string {
  return `${done.map(Number).join("")} ${JSON.stringify(model)}`;
}

function reportOf(best: Node, operations: readonly Operation[], before: number[]): { best: string[]; stuck: string[] } {
  const text = (place: number) => describeOperation(operations[place] as Operation);
  return {
    best: [...best.order.map(text), `then ${JSON.stringify(best.model)}`],
    stuck: candidates(best, operations, before).map(text),
  };
}
