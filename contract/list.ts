import * as z from "zod";
import { EXAMPLE_CURSOR } from "./examples.ts";
import { described, field } from "./field.ts";
import { DEFAULT_LIST_LIMIT, MAX_CURSOR_BYTES, MAX_LIST_LIMIT } from "./limits.ts";
import { query, says } from "./sentence.ts";

/** What every list takes and answers. Query values arrive as text. */

const LIMIT_RULE = `is a whole number from 1 to ${MAX_LIST_LIMIT}`;

/** `?limit=`: a whole number as text, parsed to a number. */
export const Limit = z
  .string(says(LIMIT_RULE))
  .refine((text) => /^[0-9]{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= MAX_LIST_LIMIT)
  .transform(Number)
  .default(DEFAULT_LIST_LIMIT)
  .meta({
    type: "integer",
    minimum: 1,
    maximum: MAX_LIST_LIMIT,
    description: `The most items that one page has, from 1 to ${MAX_LIST_LIMIT}. Left out: ${DEFAULT_LIST_LIMIT}.`,
    examples: [DEFAULT_LIST_LIMIT],
  });

/** `?cursor=`: opaque; whoever made it checks it. */
export const Cursor = field(
  z.string().min(1).max(MAX_CURSOR_BYTES),
  "Where the page begins: the `nextCursor` of the page before. Left out: the first page.",
  EXAMPLE_CURSOR,
);

const FIELDS = ["payload", "result", "attempts"] as const;
type Field = (typeof FIELDS)[number];

/** `?include=payload,result,attempts`: any of the three, parsed to flags. Left out: none. */
export const Include = field(
  z
    .string(says(`names fields out of ${FIELDS.join(", ")}, separated by commas`))
    .max(64)
    .refine((text) => text.split(",").every(isField))
    .optional()
    .transform((text): Record<Field, boolean> => {
      const named = text === undefined ? [] : text.split(",");
      return {
        payload: named.includes("payload"),
        result: named.includes("result"),
        attempts: named.includes("attempts"),
      };
    }),
  `The heavy fields that each item is to have: any of ${FIELDS.join(", ")}, separated by commas. Left out: none of them.`,
  "payload,result",
);

function isField(text: string): text is Field {
  return FIELDS.some((field) => field === text);
}

/** The query of a list without filters of its own. */
export const PageQuery = query({ limit: Limit, cursor: Cursor.optional() });
export type PageQuery = z.output<typeof PageQuery>;

/** A page of a list. `items` says what they are and in which order, as in "Jobs, the newest first". */
export function pageOf<T extends z.ZodType>(item: T, items: string) {
  const page = z.strictObject({
    items: field(z.array(item), `${items}: as many as fit on the page.`),
    nextCursor: field(
      z.string().nullable(),
      "The `cursor` of the next page; null at the end of the list.",
      EXAMPLE_CURSOR,
      null,
    ),
  });
  return described(page, `A page of a list. ${items}.`);
}

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}
