import { expect, it } from "vitest";
import { CHECKS } from "./checks.ts";
import { repositoryFiles } from "./repository.ts";

const files = repositoryFiles();

it("the checks see the whole tree", () => {
  expect(files.size).toBeGreaterThan(500);
});

it.each(Object.entries(CHECKS))(
  "the source tree keeps the rules: %s",
  (_name, check) => {
    expect(check(files)).toEqual([]);
  },
  60_000,
);
