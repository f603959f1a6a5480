import * as z from "zod";
import { nearest } from "./nearest.ts";

/**
 * What is wrong with a value, in words. Every schema of the contract says what a value has to be as the end of a sentence
 * ("is a whole number from 0 to 9"), and `fieldSentence` puts the field's name in front. Here is the one place where
 * faults that zod found become words: no message shows a pattern or a class of the library.
 */

type Issue = z.core.$ZodRawIssue;

/** A number for people: 31,622,400. */
export function formatNumber(value: number): string {
  return value.toLocaleString("en-US");
}

const KIB = 1024;

/** A size for people, in the largest unit that divides it: 1 MiB, 256 KiB, 100 bytes. */
export function formatBytes(bytes: number): string {
  if (bytes >= KIB * KIB && bytes % (KIB * KIB) === 0) return `${formatNumber(bytes / KIB / KIB)} MiB`;
  if (bytes >= KIB && bytes % KIB === 0) return `${formatNumber(bytes / KIB)} KiB`;
  return `${formatNumber(bytes)} bytes`;
}

/** For a schema whose values are described by `rule`, the end of a sentence: whatever is wrong, that is said. */
export function says(rule: string): { error: (issue: Issue) => string } {
  return { error: (issue) => unlessMissing(issue, rule) };
}

/** For a number of seconds: what is wrong is said with the unit. */
export const inSeconds = { error: (issue: Issue) => unlessMissing(issue, secondsRule(issue)) };

/** What null means in place of a value, for schemas that allow it. */
const NULL_MEANS = new WeakMap<object, string>();

/** `schema` or null. `meaning` says what null stands for, as in "no limit", and is named where a value is refused. */
export function orNull<T extends z.ZodType>(schema: T, meaning: string): z.ZodNullable<T> {
  NULL_MEANS.set(schema, meaning);
  return schema.nullable();
}

/** The objects of which some had members that they may not have, by the list of those: zod hands the same list on. */
const OBJECTS = new WeakMap<readonly string[], z.ZodObject>();

/** Whose members are the parameters of a query. */
const QUERIES = new WeakSet<object>();

/** What a call takes in its query string: what is not in `shape` is told to be no parameter. */
export function query<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const schema = z.strictObject(shape);
  QUERIES.add(schema);
  return schema;
}

z.config({ customError: (issue) => unlessMissing(issue, ruleOf(issue)) });

/** As much of a name that a caller made up is repeated to them. */
const MAX_SHOWN = 60;

/** A name that a caller made up, as it is repeated to them. */
export function shownName(name: string): string {
  return name.slice(0, MAX_SHOWN).toWellFormed();
}

/** The sentence of an unknown member. `keys` is the list of the issue that it is from, `of` names the object; null: the whole. */
export function unknownMember(key: string, keys: readonly string[], of: string | null): string {
  const schema = OBJECTS.get(keys);
  const near = nearest(key, Object.keys(schema?.shape ?? {}));
  const place =
    schema !== undefined && QUERIES.has(schema) ? "parameter of this call" : `member of ${of ?? "the request"}`;
  const ask = near === null ? "." : `; did you mean \`${near}\`?`;
  return `\`${shownName(key)}\` is no ${place}${ask}`;
}

/** The sentence that says what the field called `name` has to be. */
export function fieldSentence(name: string, rule: string): string {
  return `${name} ${rule}.`;
}

function unlessMissing(issue: Issue, rule: string): string {
  if (issue.input !== undefined) return rule;
  return issue.code === "invalid_type" && issue.expected === "nonoptional" ? "is missing" : `is missing: it ${rule}`;
}

function ruleOf(issue: Issue): string {
  switch (issue.code) {
    case "unrecognized_keys":
      if (issue.schema instanceof z.ZodObject) OBJECTS.set(issue.keys, issue.schema);
      return "has a member that it may not have";
    case "invalid_union":
      return Array.isArray(issue.options) ? choice(issue.options) : "is not valid";
    case "invalid_value":
      return choice(issue.values);
    default:
      return withNull(issue.schema, typeRule(issue));
  }
}

function withNull(schema: z.core.$ZodType | undefined, rule: string): string {
  const meaning = schema === undefined ? undefined : NULL_MEANS.get(schema);
  return meaning === undefined ? rule : `${rule}, or null for ${meaning}`;
}

/** What values of the kind that was expected are, with their limits. */
function typeRule(issue: Issue): string {
  const { schema } = issue;
  switch (schema?._zod.def.type) {
    case "boolean":
      return "is true or false";
    case "number":
      return `is a ${limitsOf(schema).whole ? "whole number" : "number"}${range(schema)}`;
    case "string":
      return `is a text${amount(schema, "character")}`;
    case "array":
      return `is a list${amount(schema, "item")}`;
    case "object":
      return "is a JSON object";
    default:
      return issue.code === "invalid_type" && issue.expected === "object" ? "is a JSON object" : "is not valid";
  }
}

interface Limits {
  whole: boolean;
  minimum: number | null;
  /** The minimum itself is no value. */
  exclusive: boolean;
  maximum: number | null;
}

/** The limits that the checks of a schema set. */
function limitsOf({ _zod: { def } }: z.core.$ZodType): Limits {
  const limits: Limits = { whole: "format" in def, minimum: null, exclusive: false, maximum: null };
  for (const check of def.checks ?? []) {
    const part = check._zod.def;
    if (isBound(part) && part.check === "greater_than") {
      limits.minimum = part.value;
      limits.exclusive = !part.inclusive;
    } else if (isBound(part)) limits.maximum = part.value;
    else if (part.check === "min_length" && "minimum" in part) limits.minimum = Number(part.minimum);
    else if (part.check === "max_length" && "maximum" in part) limits.maximum = Number(part.maximum);
  }
  return limits;
}

function isBound(part: z.core.$ZodCheckDef): part is z.core.$ZodCheckDef & { value: number; inclusive: boolean } {
  return part.check === "greater_than" || part.check === "less_than";
}

function range(schema: z.core.$ZodType): string {
  const { minimum, exclusive, maximum } = limitsOf(schema);
  if (minimum === null) return maximum === null ? "" : `, at most ${formatNumber(maximum)}`;
  if (maximum === null) return `, at least ${formatNumber(minimum)}`;
  if (exclusive) return ` above ${formatNumber(minimum)}, at most ${formatNumber(maximum)}`;
  return ` from ${formatNumber(minimum)} to ${formatNumber(maximum)}`;
}

/** The length of a text, or of a list. */
function amount(schema: z.core.$ZodType, unit: string): string {
  const { minimum, maximum } = limitsOf(schema);
  if (maximum === null) return minimum === null ? "" : ` of at least ${count(minimum, unit)}`;
  if (minimum === null || minimum === 0) return ` of at most ${count(maximum, unit)}`;
  return ` of ${formatNumber(minimum)} to ${count(maximum, unit)}`;
}

function count(value: number, unit: string): string {
  return `${formatNumber(value)} ${unit}${value === 1 ? "" : "s"}`;
}

function secondsRule(issue: Issue): string {
  const { schema } = issue;
  if (schema === undefined) return "is in seconds";
  const { minimum, exclusive, maximum } = limitsOf(schema);
  const least = minimum === null ? "" : `${exclusive ? "more than" : "at least"} ${formatNumber(minimum)}`;
  const most = maximum === null ? "" : `at most ${formatNumber(maximum)}`;
  if (issue.code === "too_small") return withNull(schema, `is in seconds: ${least}`);
  if (issue.code === "too_big") return withNull(schema, `is in seconds: ${most}`);
  const limits = [least, most].filter((text) => text !== "").join(" and ");
  return withNull(schema, `is a number of seconds: ${limits}`);
}

/** Values to choose from. A text stands in backquotes, as it is written. */
function choice(values: readonly unknown[]): string {
  const words = values.map((value) => (typeof value === "string" ? `\`${value}\`` : String(value)));
  const last = words.pop() ?? "nothing";
  return words.length === 0 ? `is ${last}` : `is ${words.join(", ")} or ${last}`;
}
