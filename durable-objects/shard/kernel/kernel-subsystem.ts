import type { AuditViolation } from "../../../contract/rpc.ts";
import type { AuditView } from "./audit-rules.ts";
import { FACTS } from "./facts.ts";
import { OWNERSHIP } from "./ownership.ts";
import { QUARANTINE } from "./quarantine.ts";
import { SEQUENCE } from "./sequence.ts";
import type { Subsystem } from "./subsystem.ts";

/** What every shard keeps whatever it does: its facts, its sequence, and which slots are its own. */
export const kernel: Subsystem = {
  name: "kernel",
  schema: [
    {
      name: "kernel/1-meta",
      // The slot map, the ceiling of the sequence, history's cursor, … 1 row a change of each.
      statements: ["CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"],
    },
  ],
  tables: [{ table: "meta", scope: "shard", why: "each fact is about the shard's own clock, log or map" }],
  memory: [FACTS, QUARANTINE, SEQUENCE, OWNERSHIP],
  audit: { moment: nothingIsSetAside },
};

/** Work on each row comes to its end. */
function nothingIsSetAside(view: AuditView): AuditViolation[] {
  return view
    .get(QUARANTINE)
    .list()
    .map(({ kind, key, since, tries, fault }) => ({
      rule: "nothing-set-aside",
      detail: `${kind} ${key} is set aside: work on it has thrown ${tries} times since ${since}, last ${fault}`,
    }));
}
