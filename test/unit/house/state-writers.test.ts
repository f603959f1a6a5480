import { expect, it } from "vitest";
import { STATE_WRITER, stateWriters } from "./state-writers.ts";

const inFile = (text: string, file = "durable-objects/shard/flow/store.ts") => stateWriters(new Map([[file, text]]));

it.each([
  [`sql.run("UPDATE jobs SET state = ? WHERE id = ?");`, "sets the state"],
  ["sql.run(`UPDATE jobs SET held = 0, state = 'running' WHERE id = $" + "{id}`);", "sets the state"],
  [`sql.run("UPDATE jobs AS j SET version = max(version, 1), State = 'queued'");`, "sets the state"],
  [`sql.run("UPDATE OR IGNORE jobs SET (blocked, state) = (0, 'queued')");`, "sets the state"],
  [`sql.run("UPDATE jobs " + "SET state = 'queued' WHERE id = ?");`, "sets the state"],
  ["sql.run(`WITH done AS (SELECT 1) UPDATE jobs SET state = 'succeeded' FROM done`);", "sets the state"],
  ['sql.run(`UPDATE "jobs" SET "state" = ?`);', "sets the state"],
  ["sql.run(`UPDATE jobs SET $" + "{columns} WHERE id = ?`);", "sets columns of jobs that cannot be read here"],
  [`sql.run("INSERT INTO jobs (id, state) VALUES (?, ?)");`, "inserts into jobs"],
  ["sql.run(`INSERT OR REPLACE INTO jobs ($" + "{columns}) VALUES (1)`);", "inserts into jobs"],
  [`sql.run("REPLACE INTO jobs VALUES (?)");`, "inserts into jobs"],
])("a writer of the state is found: %s", (text, message) => {
  const found = inFile(text);
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(`durable-objects/shard/flow/store.ts:1: ${message}`);
});

it.each([
  ["another column", `sql.run("UPDATE jobs SET blocked = 1 WHERE state = 'queued'");`],
  ["a value put together", "sql.run(`UPDATE jobs SET blocked = blocked | $" + "{BIT} WHERE id = ?`);"],
  ["another table", `sql.run("UPDATE schedules SET state = 1"); sql.run("INSERT INTO jobs_next (state) VALUES (1)");`],
  ["a read", `sql.all("SELECT state FROM jobs"); sql.run("DELETE FROM jobs WHERE state = 'failed'");`],
  ["a comment", "// UPDATE jobs SET state = 'queued'"],
])("what does not write the state is let pass: %s", (_, text) => {
  expect(inFile(text)).toEqual([]);
});

it("the one writer may, and files outside of the objects are not judged", () => {
  const text = `sql.run("UPDATE jobs SET state = ?");`;
  expect(inFile(text, STATE_WRITER)).toEqual([]);
  expect(inFile(text, "workers/db/history.ts")).toEqual([]);
});
