import { conflict, isProblem, notFound, type Problem, type Result } from "../../../contract/problems.ts";
import { primary } from "../../db/client.ts";
import { type Countable, countOf } from "../../db/namespace-limits.ts";
import { fromDatabase } from "../database.ts";

/**
 * What a write means that wrote nothing: the problem of a namespace that has as many as it may, or that is being deleted; false
 * where another writer came between. `isNew`: it would be one more.
 */
export async function whyUnwritten(
  database: D1Database,
  what: Countable,
  { namespace, isNew }: { namespace: string; isNew: boolean },
): Promise<Result<false>> {
  const known = await fromDatabase(() => countOf(primary(database), what, namespace));
  if (isProblem(known)) return known;
  if (known.lives === 0) return notFound.namespace(namespace);
  return isNew && known.count >= known.most ? limitReached(what, known.count, known.most) : false;
}

const NAMES = {
  queues: "queues",
  schedules: "schedules",
  subscriptions: "subscriptions",
  services: "services",
  keys: "API keys",
} as const;

/** Of subscriptions the code is older than the others. */
export function limitReached(what: Countable, count: number, most: number): Problem {
  const code = what === "subscriptions" ? "too-many-subscriptions" : "limit-reached";
  return conflict.of(code, `The namespace has ${count} ${NAMES[what]}, and may have ${most}.`);
}
