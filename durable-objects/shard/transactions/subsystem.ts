import type { RowRules } from "../kernel/audit-rules.ts";
import type { Subsystem } from "../kernel/subsystem.ts";
import { INQUIRIES } from "./inquiries.ts";
import { nextTransactionAt, tickTransactions } from "./transaction.ts";
import { TRANSACTION_MIGRATIONS } from "./transaction-schema.ts";
import { TRANSACTIONS } from "./transaction-store.ts";

/** Transactions looked at in one step. */
const TICK_PER_STEP = 200;
/** A coordinator decides within seconds, and who has prepared asks it every two: more than this long, nobody answers. */
const PREPARED_AT_MOST_MS = 60_000;

/** Nothing stays prepared: it holds keys, places in lines, and the answer to whoever reads its jobs. */
const RULES: RowRules = {
  table: "transactions",
  key: ["txn"],
  named: "r.txn",
  rules: [
    {
      rule: "prepared-is-decided",
      detail: `has been prepared for more than ${PREPARED_AT_MOST_MS / 1000} s`,
      where: `r.phase = 'prepared' AND r.since < ?1 - ${PREPARED_AT_MOST_MS}`,
    },
  ],
};

/** This shard's part in atomic batches over several shards: what was decided, and what waits for a decision. */
export const transactions: Subsystem = {
  name: "transactions",
  schema: TRANSACTION_MIGRATIONS,
  tables: [
    {
      table: "transactions",
      scope: "shard",
      why: "one row a batch for all of its slots here; a move makes the row anew at the target, from the moved reservations",
    },
  ],
  memory: [TRANSACTIONS, INQUIRIES],
  nextAt: nextTransactionAt,
  tick: (step) => tickTransactions(step, TICK_PER_STEP) === TICK_PER_STEP,
  audit: { rows: [RULES] },
};
