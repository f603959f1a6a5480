import type { Call, Reply } from "./machine.ts";

/** One call of one client about one job. Times are numbers of a clock that counts events: no two are the same. */
export interface Operation {
  call: Call;
  invokedAt: number;
  /** Infinity: never answered. It may have happened at any time since, or not at all. */
  returnedAt: number;
  /** Null: the answer was lost, or says nothing of the outcome. */
  reply: Reply | null;
  /** Whose session it belongs to: a client that makes one call after the other. */
  session?: string;
  /**
   * `strong`: what it tells was so at a moment between call and answer. `session`: it was so at some moment before the
   * answer, and not before what the session did earlier.
   */
  level: "strong" | "session";
}

/** An operation in few words, for a report. */
export function describeOperation({ call, invokedAt, returnedAt, reply, session, level }: Operation): string {
  const { type, ...rest } = call;
  const detail = Object.keys(rest).length === 0 ? "" : ` ${JSON.stringify(rest)}`;
  const who = session === undefined ? "" : ` of ${session}, ${level}`;
  const answer = reply === null ? "?" : reply.type === "job" ? JSON.stringify(reply.job) : reply.type;
  return `[${invokedAt}, ${returnedAt}] ${type}${detail}${who} -> ${answer}`;
}
