import { z } from "zod";
import { DEFAULT_LIST_LIMIT, MAX_CURSOR_BYTES, MAX_LIST_LIMIT } from "./limits.ts";

/** What every list takes and answers. Query values arrive as text. */

/** `?limit=`: a whole number as text, parsed to a number. */
export const Limit = z
  .string()
  .refine((text) => /^[0-9]{1,3}$/.test(text), { error: "must be a whole number" })
  .transform(Number)
  .pipe(z.int().min(1).max(MAX_LIST_LIMIT))
  .default(DEFAULT_LIST_LIMIT)
  .meta({ type: "integer", minimum: 1, maximum: MAX_LIST_LIMIT });

/** `?cursor=`: opaque; whoever made it checks it. */
export const Cursor = z.string().min(1).max(MAX_CURSOR_BYTES);

const FIELDS = ["payload", "result", "attempts"] as const;
type Field = (typeof FIELDS)[number];

/** `?include=payload,result,attempts`: any of the three, parsed to flags. Left out: none. */
export const Include = z
  .string()
  .max(64)
  .refine((text) => text.split(",").every(isField), { error: `must be of ${FIELDS.join(", ")}, separated by commas` })
  .optional()
  .transform((text): Record<Field, boolean> => {
    const named = text === undefined ? [] : text.split(",");
    return {
      payload: named.includes("payload"),
      result: named.includes("result"),
      attempts: named.includes("attempts"),
    };
  });

function isField(text: string): text is Field {
  return FIELDS.some((field) => field === text);
}

/** The query of a list without filters of its own. */
export const PageQuery = z.strictObject({ limit: Limit, cursor: Cursor.optional() });
export type PageQuery = z.output<typeof PageQuery>;

/** A page of a list, newest first. `nextCursor` is null at the end. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.strictObject({ items: z.array(item), nextCursor: z.string().nullable() });
}

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}
