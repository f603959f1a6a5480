import type { Page, PageQuery } from "../../../contract/list.ts";
import { isProblem, type Result } from "../../../contract/problems.ts";
import { makeCursor, openCursor } from "../access/cursor.ts";
import type { Signer } from "../access/signing.ts";

/** A list that is read page by page. */
export interface List<Row, View> {
  /** Names the list and whose it is: a cursor is good for this list alone. */
  name: string;
  /** Up to `limit` rows below the place that a cursor names; null is the beginning. */
  read(after: string | null, limit: number): Promise<Result<Row[]>>;
  /** The place of a row, as a cursor names it. */
  placeOf(row: Row): string;
  views(rows: Row[]): Promise<Result<View[]>>;
}

/** One page of a list, and the cursor of the next when there is more. */
export async function pageOf<Row, View>(
  signer: Signer,
  { limit, cursor }: PageQuery,
  { name, read, placeOf, views }: List<Row, View>,
): Promise<Result<Page<View>>> {
  const after = await openCursor(signer, name, cursor);
  if (isProblem(after)) return after;
  const rows = await read(after, limit + 1);
  if (isProblem(rows)) return rows;
  const items = await views(rows.slice(0, limit));
  if (isProblem(items)) return items;
  const last = rows[limit - 1];
  const more = rows.length > limit && last !== undefined;
  return { items, nextCursor: more ? await makeCursor(signer, name, placeOf(last)) : null };
}

/** A place in a list that is sorted by creation and then by name or id. */
export interface CreatedPlace {
  createdAt: number;
  name: string;
}

export function createdPlace(after: string | null): CreatedPlace | null {
  const [createdAt, name] = after?.split("/") ?? [];
  return createdAt === undefined || name === undefined ? null : { createdAt: Number(createdAt), name };
}
