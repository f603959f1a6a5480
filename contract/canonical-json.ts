import { canonicalText } from "../domain/json/canonical.ts";
import { JsonText } from "./json-text.ts";

/**
 * One text for all JSON texts that mean the same, as `canonicalText` has it: keys sorted by code unit (RFC 8785's order), no space.
 * `undefined` members are left out, as `JSON.stringify` does. The caller has capped the depth of `value`.
 */
export function canonicalJson(value: unknown): string {
  if (value instanceof JsonText) return canonicalOf(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const members: string[] = [];
  for (const [key, member] of Object.entries(value).sort(byKey)) {
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(member)}`);
  }
  return `{${members.join(",")}}`;
}

/** Of a batch with a key a payload is compared as part of it, and again as that of its own job. */
const KNOWN = new WeakMap<JsonText, string>();

function canonicalOf(json: JsonText): string {
  const known = KNOWN.get(json) ?? canonicalText(json.text);
  KNOWN.set(json, known);
  return known;
}

function byKey([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
