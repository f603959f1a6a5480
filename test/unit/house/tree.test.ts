import { expect, it } from "vitest";
import { repositoryFiles } from "./repository.ts";

// The checks themselves are run by `npm run check` (scripts/house.ts): the syntax trees of a thousand files take seconds.
it("the checks see the whole tree", () => {
  expect(repositoryFiles().size).toBeGreaterThan(500);
});
