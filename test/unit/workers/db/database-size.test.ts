import { expect, test } from "vitest";
import { isDatabaseFull } from "../../../../workers/db/database-size.ts";

test.each<[string, unknown, boolean]>([
  ["what D1 says", new Error("D1_ERROR: Exceeded maximum DB size"), true],
  [
    "what it says of an account",
    new Error("D1_ERROR: Your account has exceeded D1's maximum account storage limit, please…"),
    true,
  ],
  ["what SQLite says", new Error("database or disk is full: SQLITE_FULL"), true],
  [
    "wrapped by the query builder",
    new Error("Failed query", { cause: new Error("D1_ERROR: Exceeded maximum DB size") }),
    true,
  ],
  ["an error that passes", new Error("D1_ERROR: Network connection lost."), false],
  ["a fault of the statement", new Error("D1_ERROR: no such table: jobs"), false],
  ["no error", "Exceeded maximum DB size", false],
])("%s tells whether a database is full", (_, error, full) => {
  expect(isDatabaseFull(error)).toBe(full);
});
