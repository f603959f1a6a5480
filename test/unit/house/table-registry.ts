import type { Violation } from "./parse.ts";

/** A row of `sqlite_master`: `SELECT name, sql FROM sqlite_master`. Indexes that SQLite made by itself have no SQL. */
export interface MasterRow {
  name: string;
  sql: string | null;
}

/**
 * What a subsystem says of one of its tables: each row belongs to a slot, which `column` holds, or to several, which are the
 * keys of the JSON object in `column`; or the table belongs to the shard.
 */
export interface RegisteredTable {
  name: string;
  scope: "slot" | "slots" | "shard";
  /** The column that carries the slot or slots; needed by tables of slots. */
  column?: string;
}

interface Table {
  /** Its columns, lower-case: the type of each by its name. */
  columns: ReadonlyMap<string, string>;
  /** UNIQUE constraints and unique indexes besides its primary key. */
  unique: number;
}

/** Tables that SQLite and the platform keep for themselves. */
const FOREIGN = /^(?:sqlite_|_cf_)/i;

/**
 * Where a database and the registry of its tables disagree. Rows of a slot move to another shard by copying, so a
 * table of a slot, or of several, names the column that tells whose they are (a TEXT where that is JSON), and it has no
 * UNIQUE constraint beyond its primary key: one that spans slots could refuse a row that was accepted elsewhere.
 */
export function unregisteredTables(
  masterRows: readonly MasterRow[],
  registry: readonly RegisteredTable[],
): Violation[] {
  const tables = tablesOf(masterRows);
  const names = new Set(registry.map(({ name }) => name));
  return [
    ...[...tables.keys()].filter((name) => !names.has(name)).map((name) => `${name}: the table is not registered`),
    ...[...names]
      .filter((name) => registry.filter((entry) => entry.name === name).length > 1)
      .map((name) => `${name}: the table is registered more than once`),
    ...[...names].filter((name) => !tables.has(name)).map((name) => `${name}: the registered table does not exist`),
    ...registry.flatMap((entry) => wrongSlotTable(entry, tables.get(entry.name))),
  ];
}

function wrongSlotTable({ name, scope, column }: RegisteredTable, table: Table | undefined): Violation[] {
  if (scope === "shard" || table === undefined) return [];
  const found: Violation[] = [];
  const type = table.columns.get(column?.toLowerCase() ?? "");
  if (column === undefined) found.push(`${name}: a table of a slot must name the column that carries the slot`);
  else if (type === undefined) found.push(`${name}: the table has no column ${column}, which should carry the slot`);
  else if (scope === "slots" && type !== "text")
    found.push(`${name}: ${column}, whose keys should be the slots, must be JSON, a TEXT`);
  if (table.unique > 0) found.push(`${name}: a table of a slot may have no UNIQUE constraint besides its primary key`);
  return found;
}

function tablesOf(masterRows: readonly MasterRow[]): Map<string, Table> {
  const tables = new Map<string, Table>();
  for (const { name, sql } of masterRows)
    if (sql !== null && !FOREIGN.test(name) && /^\s*CREATE\s+(?:VIRTUAL\s+)?TABLE\b/i.test(sql))
      tables.set(name, tableOf(sql));
  for (const { sql } of masterRows) {
    const index = /^\s*CREATE\s+UNIQUE\s+INDEX\b[\s\S]*?\bON\s+(["`[]?)(\w+)/i.exec(sql ?? "");
    const table = index?.[2] === undefined ? undefined : tables.get(index[2]);
    if (table !== undefined) table.unique += 1;
  }
  return tables;
}

function tableOf(sql: string): Table {
  const parts = partsOf(sql);
  const isConstraint = (part: string) => /^(?:CONSTRAINT|PRIMARY|UNIQUE|CHECK|FOREIGN)\b/i.test(part);
  return {
    columns: new Map(
      parts
        .filter((part) => !isConstraint(part))
        .map((part) => {
          const [, name = "", type = ""] = /^["`[]?(\w+)["`\]]?\s*(\w*)/.exec(part.toLowerCase()) ?? [];
          return [name, type];
        }),
    ),
    unique: parts.filter((part) => /\bUNIQUE\b/i.test(withoutParentheses(part))).length,
  };
}

/** The definitions of columns and constraints in a CREATE TABLE, without comments and with texts made empty. */
function partsOf(sql: string): string[] {
  const plain = sql.replace(/--.*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'/g, (found) => (found.startsWith("'") ? "''" : " "));
  const body = plain.slice(plain.indexOf("(") + 1, plain.lastIndexOf(")"));
  const parts = [""];
  let depth = 0;
  for (const character of body) {
    if (character === "(") depth += 1;
    if (character === ")") depth -= 1;
    if (character === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += character;
  }
  return parts.map((part) => part.trim());
}

/** A definition without what it says in parentheses: lists of columns, expressions of checks. */
function withoutParentheses(part: string): string {
  const inner = /\([^()]*\)/g;
  let text = part;
  while (inner.test(text)) text = text.replace(inner, " ");
  return text;
}
