import { nameOf } from "../../../contract/problem.ts";
import { invalid, type Result } from "../../../contract/problems.ts";
import { readJson, type TextMembers } from "../../../contract/read-json.ts";
import { fieldSentence } from "../../../contract/sentence.ts";

/** The value of a body, with the members that `texts` names as they were written. A 400 problem where it is none. */
export function jsonValue(text: string, texts: TextMembers | null): Result<unknown> {
  const json = readJson(text, texts);
  if (json.type === "value") return json.value;
  if (json.pointer === "") return invalid.body(json.detail);
  return invalid.field(json.pointer, fieldSentence(nameOf(json.pointer) ?? "The body", json.detail));
}
