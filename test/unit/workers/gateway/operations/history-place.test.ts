import { expect, test } from "vitest";
import type { Databases } from "../../../../../workers/db/databases.ts";
import { placeBehind, placeOf } from "../../../../../workers/gateway/operations/history-place.ts";

const database = {} as D1Database;
const ALL: Databases = [
  { name: "DB", database },
  { name: "HISTORY_DB_1", database },
];
const ONE: Databases = [ALL[0]];

test("a walk goes through one database after the other, and is told as it was where there is one", () => {
  const texts: (string | null)[] = [""];
  for (const last of ["q/a", null, "q/b", null]) {
    const place = placeOf(texts.at(-1) ?? "", ALL);
    texts.push(place === null ? null : placeBehind(place, last, ALL));
  }
  expect(texts).toEqual(["", "q/a", "HISTORY_DB_1|", "HISTORY_DB_1|q/b", null]);
  expect(placeOf("q@3/a", ONE)).toEqual({ each: ONE[0], after: "q@3/a" });
  expect(placeBehind({ each: ONE[0], after: "" }, null, ONE)).toBe(null);
  expect(placeOf("HISTORY_DB_1|q/b", ONE)).toBe(null);
});
