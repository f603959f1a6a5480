import type { AuditViolation } from "../../../contract/rpc.ts";
import type { Stores } from "../turn.ts";

/** A coordinator decides within seconds, and who has prepared asks it every two: more than this long, nobody answers. */
const PREPARED_AT_MOST_MS = 60_000;

/** Nothing stays prepared: it holds keys, places in lines, and the answer to whoever reads its jobs. */
export function transactionsEnd({ transactions }: Stores, now: number): AuditViolation[] {
  return transactions.preparedSince(now - PREPARED_AT_MOST_MS).map((txn) => ({
    rule: "prepared-is-decided",
    detail: `${txn} has been prepared for more than ${PREPARED_AT_MOST_MS / 1000} s`,
  }));
}
