import type { Migrations } from "../migrate.ts";

export const DIRECTORY_MIGRATIONS: Migrations = [
  {
    name: "maps/1-maps",
    statements: [
      // Every slot map there ever was: domain/slots.ts SlotMap, as JSON. 1 row a map.
      "CREATE TABLE maps (epoch INTEGER PRIMARY KEY, map TEXT NOT NULL)",
    ],
  },
  {
    name: "used/1-used-shards",
    statements: [
      // The shards that are there. 1 row a shard. Those of a map from before this was noted are all taken to be.
      "CREATE TABLE used_shards (shard TEXT PRIMARY KEY) WITHOUT ROWID",
      `INSERT OR IGNORE INTO used_shards
      SELECT json_extract(each.value, '$.id') FROM maps, json_each(maps.map, '$.shards') AS each`,
    ],
  },
  {
    name: "revocations/1-revocations",
    statements: [
      // Keys that were revoked in the last hour. 2 rows a key: itself and its index, by which it is forgotten.
      `CREATE TABLE revocations (
        namespace TEXT NOT NULL,
        key_id TEXT NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (namespace, key_id)
      ) WITHOUT ROWID`,
      "CREATE INDEX revocations_by_time ON revocations (at)",
      // Revocations up to this time were forgotten early, because there were too many. 1 row, written where that happens.
      "CREATE TABLE revocations_forgotten (one INTEGER PRIMARY KEY CHECK (one = 1), until INTEGER NOT NULL)",
    ],
  },
];
