import type { LimitedBy } from "../../../contract/rpc.ts";
import type { Quota } from "../../../domain/gcra.ts";

/** The window of all budgets of requests, in milliseconds: what `RATE_LIMIT` and a namespace's `rateLimit` count over. */
export const WINDOW_MS = 10_000;

/** A budget as a caller is told of it. */
interface Policy {
  name: string;
  quota: Quota;
  /** Whole units that may be spent now. */
  left: number;
  /** Whole seconds until there are more, 0 where there are all; where the budget refuses the call, until it may be sent again. */
  resetSeconds: number;
}

export interface RateVerdict {
  /** Why the call is not let through, and whole seconds after which it may be sent again; null where it is. */
  refused: { by: LimitedBy; seconds: number } | null;
  /** The key's, and its namespace's where that has one. */
  policies: readonly Policy[];
}

/** The `RateLimit` fields of draft-ietf-httpapi-ratelimit-headers-10: lists, an item for each policy. */
export function rateHeaders({ policies }: RateVerdict): Record<string, string> {
  const policy = ({ name, quota }: Policy) => `"${name}";q=${quota.units};w=${quota.windowMs / 1000}`;
  const state = ({ name, left, resetSeconds }: Policy) => `"${name}";r=${left};t=${resetSeconds}`;
  return { "ratelimit-policy": policies.map(policy).join(", "), ratelimit: policies.map(state).join(", ") };
}
