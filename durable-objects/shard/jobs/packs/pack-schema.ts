import type { Migrations } from "../../../migrate.ts";

/**
 * Packs: up to a hundred plain jobs of one partition in one row, and what has become of them. `docs/adr/0038` says why, and
 * what is kept of which job where.
 *
 * What memory is made of stands in front of the texts: SQLite reads a row from its first column to the last it needs.
 */
export const PACK_MIGRATIONS: Migrations = [
  {
    name: "packs/1-packs",
    statements: [
      // Jobs as they were accepted, in the order of their ranks. One row for all of them.
      // segments: JSON array of [jobs, created_at, seq, rank] of runs of neighbours, whose numbers ascend by one.
      // gone: JSON array of the places of jobs that are rows of `jobs` by now; null for none.
      // bytes: what the others take, as their rows would (`stored-size.ts`), but for their results.
      // spec: that of all jobs, or null where each has its own in specs.
      // ids: joined by commas. payloads: one behind the other. lengths: those of the payloads, in UTF-16 units, by commas.
      // specs: JSON texts of specs as JSON strings, by commas.
      `CREATE TABLE packs (
        pack INTEGER PRIMARY KEY,
        slot INTEGER NOT NULL,
        queue INTEGER NOT NULL,
        partition INTEGER NOT NULL,
        priority INTEGER NOT NULL,
        timeout_ms INTEGER NOT NULL,
        n INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        min_id TEXT NOT NULL,
        max_id TEXT NOT NULL,
        segments TEXT NOT NULL,
        gone TEXT,
        spec TEXT,
        ids TEXT NOT NULL,
        lengths TEXT NOT NULL,
        specs TEXT,
        payloads TEXT NOT NULL
      )`,
      // Jobs of a pack that one claim started, from the place `first` on: one row for all of them, written again by each call
      // that reports some. open: how many of them still run. last_at: when the last success was reported, epoch ms.
      // bytes: what the results take. done: JSON arrays of [place, finished_at, result, truncated, warning], by commas.
      `CREATE TABLE slices (
        pack INTEGER NOT NULL,
        first INTEGER NOT NULL,
        slot INTEGER NOT NULL,
        n INTEGER NOT NULL,
        open INTEGER NOT NULL,
        begun INTEGER NOT NULL,
        attempt_at INTEGER NOT NULL,
        attempt_ends_at INTEGER NOT NULL,
        lease_ends_at INTEGER NOT NULL,
        last_at INTEGER,
        bytes INTEGER NOT NULL DEFAULT 0,
        lease TEXT NOT NULL,
        worker TEXT,
        done TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (pack, first)
      ) WITHOUT ROWID`,
    ],
  },
];
