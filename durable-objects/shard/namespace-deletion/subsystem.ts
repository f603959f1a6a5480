import { comesTooLate } from "../kernel/audit-rules.ts";
import type { Subsystem } from "../kernel/subsystem.ts";
import { nextDeletionAt, stepDeletions } from "./deletion.ts";
import { DELETION_MIGRATIONS } from "./deletion-schema.ts";
import { DELETIONS } from "./deletion-store.ts";

/** Namespaces that are being deleted: what they have here goes, a bounded part at each alarm. */
export const namespaceDeletion: Subsystem = {
  name: "namespace deletion",
  schema: DELETION_MIGRATIONS,
  tables: [{ table: "namespace_deletions", scope: "shard", why: "how far this shard is with what lies on it" }],
  memory: [DELETIONS],
  nextAt: nextDeletionAt,
  tick: stepDeletions,
  audit: {
    moment(view) {
      const nextAt = nextDeletionAt(view, view.now);
      if (nextAt === null || !comesTooLate(view, nextAt)) return [];
      const detail = `a namespace is to be deleted at ${nextAt}, alarm at ${view.alarmAt}`;
      return [{ rule: "deletion-has-alarm", detail }];
    },
  },
};
