import type { Subsystem } from "../kernel/subsystem.ts";
import { nextOperationAt, stepOperations } from "./operate.ts";
import { OPERATION_MIGRATIONS } from "./operation-schema.ts";
import { OPERATIONS } from "./operation-store.ts";

/** Bulk operations: each walks the shard's jobs, a bounded number a step. */
export const operations: Subsystem = {
  name: "operations",
  schema: OPERATION_MIGRATIONS,
  tables: [
    { table: "operations", scope: "shard", why: "an operation walks what this shard has, whatever slots that is" },
  ],
  memory: [OPERATIONS],
  nextAt: nextOperationAt,
  tick: stepOperations,
};
