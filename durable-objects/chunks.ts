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
  const chunks: string[] = [];
  let pending: string[] = [];
  let characters = 0;
  for (const row of rows) {
    const text = JSON.stringify(row);
    if (pending.length > 0 && characters + text.length > CHUNK_CHARACTERS) {
      chunks.push(`[${pending.join(",")}]`);
      pending = [];
      characters = 0;
    }
    pending.push(text);
    characters += text.length;
  }
  if (pending.length > 0) chunks.push(`[${pending.join(",")}]`);
  return chunks;
}
