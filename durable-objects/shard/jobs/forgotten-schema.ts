import type { Migrations } from "../../migrate.ts";

/** A shard from before it noted what it has forgotten can only say that history had all of it. */
export const FORGOTTEN_MIGRATIONS: Migrations = [
  ["INSERT OR IGNORE INTO meta (key, value) SELECT 'forgotten', value FROM meta WHERE key = 'projected'"],
];
