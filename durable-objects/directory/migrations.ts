import type { Migrations } from "../migrate.ts";

export const DIRECTORY_MIGRATIONS: Migrations = [
  {
    name: "maps/1-maps",
    statements: [
      // Every slot map there ever was: domain/slots.ts SlotMap, as JSON. 1 row a map.
      "CREATE TABLE maps (epoch INTEGER PRIMARY KEY, map TEXT NOT NULL)",
    ],
  },
];
