import type { Subsystem } from "../kernel/subsystem.ts";
import { NAMESPACE_MIGRATIONS } from "./namespace-schema.ts";
import { NAMESPACES } from "./namespace-store.ts";
import { STORED_BYTES } from "./stored-bytes.ts";

/** What each namespace may have, and what its jobs take here. */
export const namespaces: Subsystem = {
  name: "namespaces",
  schema: NAMESPACE_MIGRATIONS,
  tables: [
    { table: "namespaces", scope: "shard", why: "a copy of configuration" },
    { table: "namespace_bytes", scope: "shard", why: "what lies on this shard, whatever its slots" },
  ],
  memory: [NAMESPACES, STORED_BYTES],
  nextAt: (parts, now) => (parts.get(STORED_BYTES).isOverdue(now) ? now : null),
  tick(step) {
    step.get(STORED_BYTES).write(step);
    return false;
  },
  clampToClock(step) {
    step.get(STORED_BYTES).clamp(step.now);
    return false;
  },
};
