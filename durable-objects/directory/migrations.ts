import type { Migrations } from "../migrate.ts";

export const DIRECTORY_MIGRATIONS: Migrations = [["CREATE TABLE maps (epoch INTEGER PRIMARY KEY, map TEXT NOT NULL)"]];
