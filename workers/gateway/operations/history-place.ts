import type { Databases, NamedDatabase } from "../../db/databases.ts";

/** Where a walk over all databases of history stands: in one of them, behind a place there ("" at its start). */
export interface HistoryPlace {
  each: NamedDatabase;
  after: string;
}

/** No place has it: it is of names of queues and of ids. */
const BEHIND_NAME = "|";

/** The place that a text says; null where its database is bound no more: nothing can be said of what it has. */
export function placeOf(text: string, databases: Databases): HistoryPlace | null {
  const end = text.indexOf(BEHIND_NAME);
  if (end < 0) return { each: databases[0], after: text };
  const each = databases.find(({ name }) => name === text.slice(0, end));
  return each === undefined ? null : { each, after: text.slice(end + 1) };
}

/** What follows when the walk has come to `last` in a database, null at its end: the text of a place, or null at the end of all. */
export function placeBehind({ each }: HistoryPlace, last: string | null, databases: Databases): string | null {
  if (last !== null) return textOf(each, last, databases);
  const next = databases[databases.indexOf(each) + 1];
  return next === undefined ? null : textOf(next, "", databases);
}

/** Of the first as it was when there was one alone. */
function textOf(each: NamedDatabase, after: string, [first]: Databases): string {
  return each === first ? after : `${each.name}${BEHIND_NAME}${after}`;
}
