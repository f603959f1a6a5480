import { utf8Bytes } from "../contract/primitives.ts";
import type { SqlValue } from "./sql.ts";

/**
 * What Cloudflare allows of one statement, in a Durable Object and in D1 (docs: Durable Objects, Limits; D1, Limits). The
 * local runtime allows more, so whoever runs a statement asks here, and what would fail there fails everywhere.
 */
export const MAX_VALUE_BYTES = 2_000_000;
export const MAX_PARAMETERS = 100;
export const MAX_SQL_BYTES = 100_000;

/** Texts of statements that were looked at: they are few, and each is run very often. */
const looked = new Set<string>();

/** Throws what SQLite would, where a statement is beyond the limits. A text of ordinary length costs a multiplication. */
export function checkStatement(query: string, params: readonly (SqlValue | Uint8Array | bigint | boolean)[]): void {
  if (!looked.has(query)) checkText(query);
  if (params.length > MAX_PARAMETERS) throw new Error(`too many SQL variables: ${params.length}`);
  for (const value of params) {
    if (typeof value === "string" && value.length * 3 > MAX_VALUE_BYTES && utf8Bytes(value) > MAX_VALUE_BYTES) {
      throw new Error("string or blob too big: SQLITE_TOOBIG");
    }
  }
}

function checkText(query: string): void {
  if (utf8Bytes(query) > MAX_SQL_BYTES) throw new Error("statement too long: SQLITE_TOOBIG");
  if (looked.size < 10_000) looked.add(query);
}
