import { FACTS } from "./facts.ts";
import { OWNERSHIP } from "./ownership.ts";
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
  memory: [FACTS, SEQUENCE, OWNERSHIP],
};
