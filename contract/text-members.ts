import * as z from "zod";
import type { JsonText } from "./json-text.ts";
import type { TextMembers } from "./read-json.ts";

/** Which members of a request are any JSON value to the contract, and so are kept as the text that was sent. */

/**
 * A member that is any JSON value. Of a request it arrives as a `JsonText`: whatever is declared with this is cut out of the body
 * and never parsed, and the call has nothing else to do for that.
 */
export function anyJson() {
  return z.unknown() as unknown as z.ZodType<JsonText, unknown>;
}

const KNOWN = new WeakMap<z.core.$ZodType, { members: TextMembers | null }>();

/** Where values that `schema` takes have members declared with `anyJson`; null where they have none. */
export function textMembersOf(schema: z.core.$ZodType): TextMembers | null {
  const known = KNOWN.get(schema) ?? { members: found(schema) };
  KNOWN.set(schema, known);
  return known.members;
}

function found(schema: z.core.$ZodType): TextMembers | null {
  if (schema instanceof z.ZodUnknown) return "text";
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return textMembersOf(schema.def.innerType);
  }
  if (schema instanceof z.ZodArray) return inItems(textMembersOf(schema.def.element));
  if (schema instanceof z.ZodUnion) return schema.options.map(textMembersOf).reduce(together, null);
  if (schema instanceof z.ZodObject) return inMembers(schema.shape);
  return null;
}

function inItems(items: TextMembers | null): TextMembers | null {
  return items === null ? null : { items, members: new Map() };
}

function inMembers(shape: z.core.$ZodShape): TextMembers | null {
  const members = Object.entries(shape).flatMap(([name, member]): [string, TextMembers][] => {
    const texts = textMembersOf(member);
    return texts === null ? [] : [[name, texts]];
  });
  return members.length === 0 ? null : { items: null, members: new Map(members) };
}

/** Of a union: a member that is any JSON value in one of its options. */
function together(a: TextMembers | null, b: TextMembers | null): TextMembers | null {
  if (a === null || b === null) return a ?? b;
  if (a === "text" || b === "text") return "text";
  const members = new Map(a.members);
  for (const [name, texts] of b.members) members.set(name, together(members.get(name) ?? null, texts) ?? texts);
  return { items: together(a.items, b.items), members };
}
