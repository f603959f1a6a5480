import type { Migrations } from "../../migrate.ts";

/** Every queue the shard was told of: the newest settings of each. Rows of other tables carry `ref`, which is local. */
export const QUEUE_MIGRATIONS: Migrations = [
  {
    name: "queues/1-queues",
    statements: [
      // settings: domain/queue.ts QueueSettings, as JSON. partitioned_at: when the number of partitions last changed, 0 when
      // it never did: jobs from before hash to places that no longer go together.
      `CREATE TABLE queues (
        ref INTEGER PRIMARY KEY,
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        version INTEGER NOT NULL,
        settings TEXT NOT NULL,
        frozen_until INTEGER NOT NULL DEFAULT 0,
        partitioned_at INTEGER NOT NULL DEFAULT 0,
        UNIQUE (namespace, name)
      )`,
    ],
  },
];
