import type { Migrations } from "../../migrate.ts";

/** Namespaces whose settings this shard has heard of, and how much each has here. */
export const NAMESPACE_MIGRATIONS: Migrations = [
  {
    name: "namespaces/1-namespaces",
    statements: [
      // settings: domain/namespace.ts NamespaceSettings, as JSON. A namespace without a row has the defaults. 1 row a change.
      "CREATE TABLE namespaces (name TEXT PRIMARY KEY, settings TEXT NOT NULL) WITHOUT ROWID",
      // What the jobs of a namespace took when that was last written down. 1 row every ten seconds in which that changed.
      "CREATE TABLE namespace_bytes (name TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID",
    ],
  },
];
