import { describe, expect, test } from "vitest";
import { MAX_VALUE_BYTES } from "../../../durable-objects/sql-limits.ts";
import { openSql } from "../../simulation/node-sqlite.ts";

describe("a statement beyond what Cloudflare allows is refused wherever it runs", () => {
  const sql = openSql();
  sql.run("CREATE TABLE texts (text TEXT)");

  test("with a value of more than 2 MB in UTF-8", () => {
    const put = (text: string) => sql.run("INSERT INTO texts VALUES (?)", text);
    put("x".repeat(MAX_VALUE_BYTES));
    expect(() => put("x".repeat(MAX_VALUE_BYTES + 1))).toThrow("too big");
    expect(() => put("→".repeat(MAX_VALUE_BYTES / 3 + 1))).toThrow("too big");
    expect(sql.all("SELECT 1 FROM texts").length).toBe(1);
  });

  test("with more than a hundred parameters", () => {
    const select = (count: number) =>
      sql.all(
        `SELECT ${Array.from({ length: count }, () => "?").join(", ")}`,
        ...Array.from({ length: count }, () => 1),
      );
    expect(select(100).length).toBe(1);
    expect(() => select(101)).toThrow("too many SQL variables");
  });

  test("with a text of more than 100 KB", () => {
    expect(sql.all(`SELECT 1 AS one /* ${"x".repeat(99_900)} */`)).toEqual([{ one: 1 }]);
    expect(() => sql.all(`SELECT 1 AS one /* ${"x".repeat(100_000)} */`)).toThrow("too long");
  });
});
