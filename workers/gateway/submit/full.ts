import { full, type Problem } from "../../../contract/problems.ts";
import type { Submitted } from "../../../contract/rpc.ts";

/** The problem of a job for which there is no room: 429 when its queue or its namespace is full, 503 when its shard is. */
export function noRoom({ scope, retryAfterMs }: Extract<Submitted, { type: "full" }>, queue: string): Problem {
  const seconds = Math.ceil(retryAfterMs / 1000);
  if (scope === "queue") return full.queue(queue, seconds);
  return scope === "namespace" ? full.namespace(seconds) : full.shard(seconds);
}

/**
 * Where every job was refused for want of room, or because its shard was away, that is the answer of the whole batch: to
 * wait is all it needs. The longest wait of them, and 503 before 429. Null where a problem says anything else.
 */
export function wantOfRoom(problems: { code: string; retryAfter?: unknown }[]): Problem | null {
  if (!problems.every(({ code }) => PASSING.has(code))) return null;
  const seconds = Math.max(1, ...problems.map((problem) => Number(problem.retryAfter ?? 1)));
  const code = CODES.find((passing) => problems.some((problem) => problem.code === passing)) ?? "unavailable";
  return full.batch(code, seconds);
}

const CODES = ["unavailable", "shard-full", "namespace-full", "backlog-full"] as const;
const PASSING = new Set<string>(CODES);
