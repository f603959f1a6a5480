import { JsonText, longerThan, writeJson } from "../../../contract/json-text.ts";
import { givenTexts } from "../../../contract/json-values.ts";
import { MAX_BODY_BYTES, MAX_JSON_DEPTH } from "../../../contract/limits.ts";
import { nameOf } from "../../../contract/problem.ts";
import { invalid, type Result, tooLarge } from "../../../contract/problems.ts";
import type { TextMembers } from "../../../contract/read-json.ts";
import { fieldSentence } from "../../../contract/sentence.ts";
import { jsonValue } from "./json-value.ts";

/** What the API takes, and the envelope around it: far less than the stack does. */
const MAX_DEPTH = MAX_JSON_DEPTH + 8;

/**
 * `value` as it would arrive over HTTP, within the same limits. RPC carries more than JSON has (dates, maps, NaN), which would
 * arrive as something else: refused (400) with a pointer to it. A field that is undefined counts as left out. The members that
 * `texts` names become texts, and may have been given as such (`payloadText`).
 */
export function plainJson(value: unknown, texts: TextMembers | null): Result<unknown> {
  const sent = givenTexts(value, texts);
  const fault = faultIn(sent, 0);
  if (fault !== null) {
    const pointer = fault.slice(0, 500).toWellFormed();
    return invalid.field(pointer, fieldSentence(nameOf(pointer) ?? "The body", "is not a JSON value"));
  }
  const text = writeJson(sent);
  if (longerThan(text, MAX_BODY_BYTES)) return tooLarge.body(MAX_BODY_BYTES);
  return jsonValue(text, texts);
}

/** The JSON Pointer of the first thing that is not JSON, or null. Put together on the way out: most values have none. */
function faultIn(value: unknown, depth: number): string | null {
  if (value instanceof JsonText) return null;
  if (value === null || typeof value === "string" || typeof value === "boolean") return null;
  if (typeof value === "number") return Number.isFinite(value) ? null : "";
  if (typeof value !== "object" || depth > MAX_DEPTH) return "";
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return "";
  for (const [name, field] of Object.entries(value)) {
    if (field === undefined && !Array.isArray(value)) continue;
    const fault = faultIn(field, depth + 1);
    if (fault !== null) return `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}${fault}`;
  }
  return null;
}
