import type { Subsystem } from "../kernel/subsystem.ts";
import { QUEUE_LISTENERS } from "./queue-change.ts";
import { QUEUE_MIGRATIONS } from "./queue-schema.ts";
import { QUEUES } from "./queue-store.ts";

/** The settings of the queues that the shard has heard of. */
export const queues: Subsystem = {
  name: "queues",
  schema: QUEUE_MIGRATIONS,
  tables: [
    { table: "queues", scope: "shard", why: "a copy of configuration: the newest settings win wherever a slot goes" },
  ],
  memory: [QUEUES, QUEUE_LISTENERS],
};
