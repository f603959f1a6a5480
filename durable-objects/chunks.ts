import type { SqlValue } from "./sql.ts";

/**
 * SQLite takes values of up to 2 MB. A row holds at most a payload or a result of 256 KiB, which escaping can make
 * twice as long, so a chunk that is closed at this many characters stays below also where each takes two bytes.
 */
const CHUNK_CHARACTERS = 400_000;

/**
 * Rows as JSON arrays of arrays, each short enough to bind as one value: a statement over `json_each` writes hundreds
 * of rows for the price of one call. The order of the rows is kept.
 */
export function inChunks(rows: SqlValue[][]): string[] {
  return countedChunks(rows).map(({ text }) => text);
}

/** The same, of rows of any JSON, with how many rows are in each. */
export function countedChunks(rows: readonly unknown[][]): { text: string; rows: number }[] {
  const chunks: { text: string; rows: number }[] = [];
  let pending: string[] = [];
  let characters = 0;
  const close = () => chunks.push({ text: `[${pending.join(",")}]`, rows: pending.length });
  for (const row of rows) {
    const text = JSON.stringify(row);
    if (pending.length > 0 && characters + text.length > CHUNK_CHARACTERS) {
      close();
      pending = [];
      characters = 0;
    }
    pending.push(text);
    characters += text.length;
  }
  if (pending.length > 0) close();
  return chunks;
}
