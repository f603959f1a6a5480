import type { Told } from "../../../contract/rpc.ts";

/** What the shard can say of its log of finished jobs, and of what of it has left: see `Told` and `ListReply`. */
export interface LogEnd {
  seq: number;
  forgotten: number;
  bookmark: string | null;
}

/**
 * The reply, and beside it how far history has to be to know all that the reply knew. To be asked for before anything
 * else happens in the shard.
 */
export function dated<R>(reply: R, end: LogEnd): R {
  const { seq, forgotten, bookmark } = end;
  switch (typeOf(reply)) {
    case "job":
    case "conflict":
    case "gone":
    case "explained":
    case "submitted":
    case "reported":
      return { ...reply, seq } satisfies R & Told;
    case "none":
      return { ...reply, seq, ...(bookmark === null ? {} : { bookmark }) } satisfies R & Told;
    case "page":
      return { ...reply, seq, forgotten };
    default:
      return reply;
  }
}

function typeOf(reply: unknown): unknown {
  return typeof reply === "object" && reply !== null && "type" in reply ? reply.type : null;
}
