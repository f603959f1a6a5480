import type { Migrations } from "../../migrate.ts";

/** Every queue that the shard was told of: the newest settings of each. Rows of other tables carry `ref`, which is local. */
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
  {
    name: "queues/2-incarnations",
    statements: [
      // A queue that was deleted and made again is another queue, with a ref of its own: whatever carries the earlier ref is none
      // of its business. incarnation: `incarnationOf` of the settings. The earlier row stays as long as anything carries its ref.
      `CREATE TABLE queues_of_all_incarnations (
        ref INTEGER PRIMARY KEY,
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        incarnation INTEGER NOT NULL,
        version INTEGER NOT NULL,
        settings TEXT NOT NULL,
        frozen_until INTEGER NOT NULL DEFAULT 0,
        partitioned_at INTEGER NOT NULL DEFAULT 0,
        UNIQUE (namespace, name, incarnation)
      )`,
      `INSERT INTO queues_of_all_incarnations
        SELECT ref, namespace, name, 0, version, settings, frozen_until, partitioned_at FROM queues`,
      "DROP TABLE queues",
      "ALTER TABLE queues_of_all_incarnations RENAME TO queues",
    ],
  },
];
