import type { Submitted } from "../../../contract/rpc.ts";
import { Refusal } from "../refusal.ts";

/** The refusal of a job for which there is no room: 429 when its queue is full, 503 when its shard is. */
export function fullRefusal({ scope, retryAfterMs }: Extract<Submitted, { type: "full" }>, queue: string): Refusal {
  const retryAfter = Math.ceil(retryAfterMs / 1000);
  const advice = `Try again in ${retryAfter} s.`;
  return scope === "queue"
    ? new Refusal("backlog-full", `Queue ${queue} is full for jobs of this priority. ${advice}`, {
        retryAfter,
      })
    : new Refusal("shard-full", `The shard of the job holds as much as it can. ${advice}`, { retryAfter });
}

/**
 * Where every job was refused for want of room, or because its shard was away, that is the answer of the whole batch: to
 * wait is all it needs. The longest wait of them, and 503 before 429. Null where a refusal says anything else.
 */
export function wantOfRoom(problems: { code: string; retryAfter?: unknown }[]): Refusal | null {
  if (!problems.every(({ code }) => PASSING.has(code))) return null;
  const retryAfter = Math.max(1, ...problems.map((problem) => Number(problem.retryAfter ?? 1)));
  const code = CODES.find((passing) => problems.some((problem) => problem.code === passing)) ?? "unavailable";
  return new Refusal(code, DETAILS[code], { retryAfter });
}

const CODES = ["unavailable", "shard-full", "backlog-full"] as const;
const PASSING = new Set<string>(CODES);
const DETAILS = {
  unavailable: "No shard could take a job.",
  "shard-full": "The shards of the jobs hold as much as they can.",
  "backlog-full": "As many jobs wait as their queues may have waiting.",
} as const;
