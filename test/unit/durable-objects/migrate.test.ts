import { describe, expect, test } from "vitest";
import { initialMap } from "../../../domain/slots.ts";
import { DIRECTORY_MIGRATIONS } from "../../../durable-objects/directory/migrations.ts";
import { DirectoryStore } from "../../../durable-objects/directory/store.ts";
import { type Migrations, migrate, OLD_STATE, pending } from "../../../durable-objects/migrate.ts";
import { SHARD_MIGRATIONS } from "../../../durable-objects/shard/subsystems.ts";
import type { Sql } from "../../../durable-objects/sql.ts";
import { TRANSACTION_OBJECT_MIGRATIONS } from "../../../durable-objects/transaction/migrations.ts";
import { TransactionObjectStore } from "../../../durable-objects/transaction/store.ts";
import { RigCore } from "../../rigs/rig-core.ts";
import { openSql } from "../../simulation/node-sqlite.ts";

const A = { name: "a/1", statements: ["CREATE TABLE a (x)"] };
const B = { name: "b/1", statements: ["CREATE TABLE b (x)"] };
const B2 = { name: "b/2", statements: ["ALTER TABLE b ADD COLUMN y", "INSERT INTO b VALUES (1, 2)"] };
const C = { name: "c/1", statements: ["CREATE TABLE c (x)"] };

function names(sql: Sql): string[] {
  return sql.all<{ name: string }>("SELECT name FROM migrations ORDER BY name").map(({ name }) => name);
}

function tables(sql: Sql): string[] {
  const query = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'migrations' ORDER BY name";
  return sql.all<{ name: string }>(query).map(({ name }) => name);
}

/** Counts what is asked of `sql`. */
function counted(sql: Sql): Sql & { asked: () => number } {
  let asked = 0;
  return {
    ...sql,
    all: (query, ...params) => {
      asked += 1;
      return sql.all(query, ...params);
    },
    run: (query, ...params) => {
      asked += 1;
      sql.run(query, ...params);
    },
    asked: () => asked,
  };
}

describe("a schema", () => {
  test("is applied once, by the names of its steps", () => {
    const sql = openSql();
    migrate(sql, [A, B, B2]);
    migrate(sql, [A, B, B2]);
    expect(names(sql)).toEqual(["a/1", "b/1", "b/2"]);
    expect(sql.all("SELECT * FROM b")).toEqual([{ x: 1, y: 2 }]);
  });

  test("that is in place already costs one query and writes nothing", () => {
    const sql = openSql();
    migrate(sql, [A, B]);
    const again = counted(sql);
    const before = sql.rowsWritten();
    migrate(again, [A, B]);
    expect(again.asked()).toBe(1);
    expect(sql.rowsWritten()).toBe(before);
  });

  test("takes a step that was added to a topic in its middle, and no other anew", () => {
    const sql = openSql();
    migrate(sql, [A, B, C]);
    sql.run("INSERT INTO c VALUES (7)");
    expect(pending(sql, [A, B, B2, C])).toEqual([B2]);
    migrate(sql, [A, B, B2, C]);
    expect(names(sql)).toEqual(["a/1", "b/1", "b/2", "c/1"]);
    expect(sql.all("SELECT * FROM b")).toEqual([{ x: 1, y: 2 }]);
    expect(sql.all("SELECT * FROM c")).toEqual([{ x: 7 }]);
  });

  test("with two steps of one name is refused, whatever the database has", () => {
    expect(() => migrate(openSql(), [A, B, { ...C, name: "a/1" }])).toThrow("two migrations are called a/1");
  });

  test("is taken whole or not at all", () => {
    const sql = openSql();
    migrate(sql, [A]);
    expect(() => migrate(sql, [A, B, { name: "c/1", statements: ["CREATE TABLE c (x)", "nonsense"] }])).toThrow();
    expect([names(sql), tables(sql)]).toEqual([["a/1"], ["a"]]);
    migrate(sql, [A, B, C]);
    expect(tables(sql)).toEqual(["a", "b", "c"]);
  });

  test("of newer code is left alone by older, which may be followed by the newer again", () => {
    const sql = openSql();
    migrate(sql, [A, B, C]);
    sql.run("INSERT INTO c VALUES (7)");
    migrate(sql, [A, B]);
    expect(names(sql)).toEqual(["a/1", "b/1", "c/1"]);
    migrate(sql, [A, B, C]);
    expect(sql.all("SELECT * FROM c")).toEqual([{ x: 7 }]);
  });

  test("of a number in place of names is of no version that can be read", () => {
    const sql = openSql();
    sql.run("CREATE TABLE schema_version (version INTEGER NOT NULL)");
    expect(() => migrate(sql, [A])).toThrow(OLD_STATE);
    expect(tables(sql)).toEqual(["schema_version"]);
  });
});

interface Kind {
  name: string;
  migrations: Migrations;
  /** Starts an object of the kind over a database, and uses it. */
  start(sql: Sql): unknown;
}

const RECORD = { name: "t1", state: { phase: "over" }, parts: {}, map: initialMap(1), answer: null, overAt: 1 };

const KINDS: Kind[] = [
  {
    name: "shard",
    migrations: SHARD_MIGRATIONS,
    start: (sql) => {
      const ports = { now: () => 1, random: Math.random, setAlarm: () => undefined, ring: () => undefined };
      const core = new RigCore("shard-0", { sql, ...ports });
      core.adopt(initialMap(1));
      return core.map();
    },
  },
  { name: "directory", migrations: DIRECTORY_MIGRATIONS, start: (sql) => new DirectoryStore(sql).birth(4) },
  {
    name: "transaction",
    migrations: TRANSACTION_OBJECT_MIGRATIONS,
    start: (sql) => {
      const store = new TransactionObjectStore(sql);
      const stored = store.load();
      if (stored === null) store.save(RECORD as unknown as Parameters<typeof store.save>[0]);
      return store.load();
    },
  },
];

describe.each(KINDS)("an object of the kind $name", ({ migrations, start }) => {
  test("goes on after a deploy was taken back and made again", () => {
    const sql = openSql();
    const first = start(sql);
    migrate(sql, migrations.slice(0, -1));
    expect(pending(sql, migrations)).toEqual([]);
    expect(start(sql)).toEqual(first);
  });

  test("goes on over the schema of a newer version", () => {
    const sql = openSql();
    migrate(sql, [...migrations, { name: "later/1", statements: ["CREATE TABLE later (x)"] }]);
    const first = start(sql);
    expect(start(sql)).toEqual(first);
    expect(names(sql)).toContain("later/1");
  });

  test("refuses the state of a development version, and leaves it as it is", () => {
    const sql = openSql();
    sql.run("CREATE TABLE schema_version (version INTEGER NOT NULL)");
    sql.run("CREATE TABLE record (one INTEGER PRIMARY KEY)");
    expect(() => start(sql)).toThrow(OLD_STATE);
    expect(tables(sql)).toEqual(["record", "schema_version"]);
  });
});

test("a transaction that is only asked, because somebody has its name, writes nothing", () => {
  const sql = openSql();
  expect(new TransactionObjectStore(sql).load()).toBeNull();
  expect(sql.all("SELECT name FROM sqlite_schema")).toEqual([]);
});
