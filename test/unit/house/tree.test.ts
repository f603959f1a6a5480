import { expect, it } from "vitest";
import { CHECKS } from "./checks.ts";
import { repositoryFiles } from "./repository.ts";

/** Checks that the tree does not pass yet. A check that passes is struck off here. */
const NOT_YET: readonly string[] = [
  "circles of imports",
  "arrows between topics",
  "writers of a job's state",
  "retired words",
];

const files = repositoryFiles();

it("the checks see the whole tree", () => {
  expect(files.size).toBeGreaterThan(500);
  expect(Object.keys(CHECKS)).toEqual(expect.arrayContaining([...NOT_YET]));
});

it.each(Object.entries(CHECKS))(
  "the source tree keeps the rules: %s",
  (name, check) => {
    const found = check(files);
    if (NOT_YET.includes(name)) expect(found, "passes now: strike it off NOT_YET").not.toEqual([]);
    else expect(found).toEqual([]);
  },
  60_000,
);
