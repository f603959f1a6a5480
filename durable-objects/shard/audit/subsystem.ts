import type { Subsystem } from "../kernel/subsystem.ts";
import { AUDIT_MIGRATIONS } from "./audit-schema.ts";
import { AUDIT } from "./audit-state.ts";

/** The audit of all the others: how far it is, and what it has found. */
export const audit: Subsystem = {
  name: "audit",
  schema: AUDIT_MIGRATIONS,
  tables: [{ table: "audit", scope: "shard", why: "a pass is over whatever rows lie on this shard" }],
  memory: [AUDIT],
};
