import { isJson, JsonText, jsonText } from "./json-text.ts";
import { type ReadJson, readJson, type TextMembers } from "./read-json.ts";

/**
 * Where values travel as themselves, over RPC, in a Queue and to code: what is any JSON value there has its text beside it, under the
 * name with `Text` behind it (`payload` and `payloadText`), because a value cannot hold every number. Who sends may give either.
 */

/** What the text of a member is called that is any JSON value. */
const textName = (name: string) => `${name}Text`;

/** A value as it would be read from a body: the members that `texts` names are texts, those that were given as such unchanged. */
export function readValue(value: unknown, texts: TextMembers | null): ReadJson {
  const written = jsonText(givenTexts(value, texts));
  return written.type === "text" ? readJson(written.text, texts) : { ...written, pointer: "" };
}

/**
 * The value with each text that is given in place of a member (`payloadText` and no `payload`) as that member. What is no JSON text is left
 * where it is, and refused like any unknown member.
 */
export function givenTexts(value: unknown, texts: TextMembers | null): unknown {
  if (texts === null || texts === "text" || value instanceof JsonText || typeof value !== "object" || value === null)
    return value;
  const { items, members } = texts;
  if (Array.isArray(value)) return items === null ? value : value.map((item) => givenTexts(item, items));
  const found = Object.entries(value).map(([name, member]): [string, unknown] => {
    const below = members.get(name);
    if (below !== undefined) return [name, givenTexts(member, below)];
    const named = name.endsWith("Text") ? name.slice(0, -"Text".length) : name;
    const isText = members.get(named) === "text" && typeof member === "string" && isJson(member);
    return isText && !Object.hasOwn(value, named) ? [named, new JsonText(member.trim())] : [name, member];
  });
  return Object.fromEntries(found);
}

/** A view whose texts have become values, each with its text beside it. */
export function asValues(view: unknown): unknown {
  if (view instanceof JsonText) return JSON.parse(view.text);
  if (typeof view !== "object" || view === null) return view;
  if (Array.isArray(view)) return view.map(asValues);
  const members = Object.entries(view).flatMap(([name, member]): [string, unknown][] =>
    member instanceof JsonText
      ? [
          [name, asValues(member)],
          [textName(name), member.text],
        ]
      : [[name, asValues(member)]],
  );
  return Object.fromEntries(members);
}
